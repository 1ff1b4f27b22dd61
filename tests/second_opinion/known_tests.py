"""Tests of handlers and of the store that fail on another emulator than moto, and why."""

WITHOUT_S3 = frozenset({"dynalite"})

KNOWN_TESTS: dict[str, dict[str, str]] = {"roto": {}, "dynalite": {}}
"""By emulator and test; each must fail there, or its entry has to go."""

"""Codes that are documented and that no handler test raises, each with the reason."""

REASONS: dict[tuple[str, str], str] = {
    ("get_health", "internal_error"): "it answers with a constant, so that nothing in it can fail",
}
"""By operation and code."""

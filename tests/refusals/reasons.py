"""Codes that are documented and that no handler test raises, each with the reason."""

REASONS: dict[tuple[str, str], str] = {
    ("get_health", "internal_error"): "it answers with a constant, so that nothing in it can fail",
    ("save_import_mapping", "not_found"): "it creates what is not there, unlike all other routes"
    " with a name in their path",
}
"""By operation and code."""

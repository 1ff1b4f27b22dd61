"""Tests of handlers and of the store that fail on another emulator than moto, and why."""

WITHOUT_S3 = frozenset({"dynalite"})

KNOWN_FIXTURES: dict[str, dict[str, str]] = {
    "roto": {"stream": "tests/streams.py imitates the streams of tables with moto's own tables"},
    "dynalite": {},
}
"""By emulator and fixture: each test that uses it must fail there."""

_OF_SMALL_PARTS = (
    "test_a_failed_execution_fails_the_export_which_can_be_retried",
    "test_a_key_that_a_running_import_issues_again_is_in_the_file_once",
    "test_a_part_that_a_late_worker_replaces_is_written_again",
    "test_a_step_without_time_continues_later",
    "test_a_worker_that_dies_at_any_write_loses_and_doubles_nothing",
    "test_every_license_is_in_the_file_once",
    "test_imported_licenses_are_exported_from_their_pages",
    "test_parts_that_s3_has_lost_are_written_again",
    "test_records_of_later_are_not_in_the_file",
    "test_records_that_are_deleted_meanwhile_shift_no_other_record",
)
_NO_SMALL_PARTS = (
    "its S3 refuses parts below 5 MiB, as AWS does; these tests have moto accept them, and"
    " tests/functions/test_large_exports.py, with parts of 8 MiB, passes"
)

KNOWN_TESTS: dict[str, dict[str, str]] = {
    "roto": {
        f"tests/functions/test_export_jobs.py::{name}": _NO_SMALL_PARTS for name in _OF_SMALL_PARTS
    },
    "dynalite": {},
}
"""By emulator and test; each must fail there, or its entry has to go."""

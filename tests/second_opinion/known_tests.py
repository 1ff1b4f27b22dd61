"""Tests of handlers and of the store that fail on another emulator than moto, and why."""

WITHOUT_S3 = frozenset({"dynalite"})

_OF_STREAMS = (
    "test_a_batch_is_published_in_requests_of_ten_in_its_order",
    "test_a_batch_that_is_rejected_halfway_goes_on_from_there",
    "test_a_batch_whose_first_record_fails_is_an_error_so_that_lambda_splits_it",
    "test_a_large_order_is_published_by_its_commit_alone",
    "test_a_planted_bug_is_found",
    "test_a_record_that_never_succeeds_holds_back_no_record_before_it",
    "test_an_event_takes_a_write_unit_in_the_log_and_one_in_its_index",
    "test_an_event_that_is_delivered_twice_is_logged_once",
    "test_an_order_and_its_new_customer_are_published_and_logged",
    "test_events_are_kept_for_ninety_days",
    "test_events_are_listed_newest_first_by_pages_and_by_type",
    "test_every_change_is_published_and_nothing_else",
    "test_only_a_few_records_of_an_import_invoke_the_function",
    "test_rejected_entries_alone_are_sent_again",
    "test_the_name_of_a_key_is_in_its_events_and_an_unknown_key_has_none",
)
_NO_STREAMS = "tests/streams.py imitates the streams of tables with moto's own tables"

KNOWN_TESTS: dict[str, dict[str, str]] = {
    "roto": {
        f"tests/functions/test_publish_events.py::{name}": _NO_STREAMS for name in _OF_STREAMS
    },
    "dynalite": {},
}
"""By emulator and test; each must fail there, or its entry has to go."""

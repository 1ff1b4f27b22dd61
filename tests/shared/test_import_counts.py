"""Progress and counts of import jobs from the results of their batches."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.import_counts import BatchResult, Progress, counters, progress
from shared.import_job import ImportJob, State, transition

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def job(state: State = "queued", **fields: Any) -> ImportJob:
    given: dict[str, Any] = {
        "number": 7,
        "company": "acme",
        "kind": "licenses",
        "file_name": "licenses.csv",
        "bucket": "uploads",
        "key": "acme/licenses/licenses.csv",
        "version_id": "v1",
        "created_at": NOW,
        "heartbeat_at": NOW,
    }
    return ImportJob(state=state, **{**given, **fields})


def test_progress_is_what_the_chunks_have_done() -> None:
    chunks = [BatchResult(index=0, rows=10), BatchResult(index=1, rows=5)]

    assert progress(job("running", rows=20), chunks) == Progress(
        rows_done=15, rows_total=20, percent=75
    )
    assert progress(job("running"), []) == Progress(rows_done=0, rows_total=None, percent=None)


def test_the_second_pass_of_reject_all_begins_at_nothing() -> None:
    validated = BatchResult(index=0, phase="validate", rows=10)
    validating = job("validating", rows=10, on_error="reject_all")

    assert progress(validating, [validated]).percent == 100
    assert progress(transition(validating, "running", now=NOW), [validated]).percent == 0


@pytest.mark.parametrize(("state", "percent"), [("running", 0), ("succeeded", 100)])
def test_a_file_without_rows_is_done_when_it_has_ended(state: State, percent: int) -> None:
    assert progress(job(state, rows=0), []).percent == percent


def test_a_finished_job_has_its_totals() -> None:
    totals = {
        "total_row_count": 3,
        "valid_row_count": 2,
        "created_customers_count": 2,
        "warnings": 1,
    }

    assert counters(job("completed_with_errors", kind="customers", counts=totals), []) == {
        "total_row_count": 3,
        "valid_row_count": 2,
        "created_customers_count": 2,
        "existed_customers_count": 0,
        "updated_customers_count": 0,
        "unchanged_customers_count": 0,
    }


def test_a_cancelled_job_says_what_its_chunks_know() -> None:
    chunks = [BatchResult(index=0, valid=4, invalid=1, created_licenses=3, existed_licenses=1)]

    counts = counters(job("cancelled", rows=20), chunks)

    assert (counts["total_row_count"], counts["valid_row_count"]) == (20, 4)
    assert (counts["created_licenses_count"], counts["existed_licenses_count"]) == (3, 1)

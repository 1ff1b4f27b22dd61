"""The states of an export, on values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.export_job import (
    ExportJob,
    WrongExportState,
    cancel,
    claim,
    progress,
    restart,
    retry,
    transition,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def export(**fields: Any) -> ExportJob:
    times = {"created_at": NOW, "heartbeat_at": NOW}
    return ExportJob(number=1, company="acme", kind="licenses", requested_by="k", **times, **fields)


def test_a_claim_gives_the_lease_and_fixes_the_time_of_the_list() -> None:
    first = claim(export(), "one", NOW)
    second = claim(first, "two", NOW + timedelta(minutes=1))

    assert (first.state, first.runner, second.runner) == ("running", "one", "two")
    assert second.as_of == first.as_of == NOW


def test_an_export_that_has_ended_is_not_claimed() -> None:
    ended = transition(claim(export(), "one", NOW), "succeeded", now=NOW)

    assert claim(ended, "two", NOW) is ended
    assert ended.expires_at == NOW + timedelta(days=7)


def test_an_export_whose_parts_are_being_joined_is_not_cancelled() -> None:
    running = claim(export(), "one", NOW)
    joining = running.model_copy(update={"completing": True})

    assert cancel(running, NOW).state == "cancelled"
    with pytest.raises(WrongExportState, match="being completed"):
        cancel(joining, NOW)


def test_only_a_failed_export_is_retried_and_keeps_its_checkpoint() -> None:
    failed = transition(claim(export(place="p", parts=3), "one", NOW), "failed", now=NOW)

    again = retry(failed, NOW)

    assert (again.state, again.attempts, again.place, again.parts) == ("queued", 2, "p", 3)
    with pytest.raises(WrongExportState):
        retry(again, NOW)


def test_a_file_that_is_begun_again_has_none_of_its_parts() -> None:
    later = NOW + timedelta(hours=1)
    job = export(place="p", last_id=7, parts=3, rows=9, records=9, size=99, completing=True)

    again = restart(job, later)

    assert again == export(generation=1, restarts=1, as_of=later)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, (0, None, None)),
        ({"records": 20, "reading": 5, "total": 100}, (25, 100, 25)),
        ({"records": 100, "total": 100}, (100, 100, 99)),
        ({"records": 100, "total": 90, "state": "succeeded"}, (100, 100, 100)),
    ],
)
def test_progress_is_a_share_of_the_records(fields: Any, shown: Any) -> None:
    found = progress(export(**fields))

    assert (found.records_done, found.records_total, found.percent) == shown


def test_parts_grow_so_that_ten_thousand_hold_a_large_file() -> None:
    sizes = [export(parts=n).part_bytes for n in (0, 999, 1000)]

    assert sizes == [8 * 1024**2, 8 * 1024**2, 32 * 1024**2]

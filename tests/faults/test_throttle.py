"""Imports into throttling tables, and planted bugs that they must reveal."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from shared.errors import Busy
from shared.row_entries import Entry, InvalidRecord
from shared.store import pace, patience
from shared.workflows import import_chunk
from shared.workflows.batch_report import report_batch
from shared.workflows.import_batch import import_batch
from tests.faults import planted, throttle
from tests.faults.laboratory import Laboratory
from tests.faults.throttle import Outcome

ROWS, SCALE = 4_000, 50
"""Tables with a 50th of the capacity, so 4,000 rows take as long as 200,000."""


@pytest.fixture
def short_invocations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a worker 25 seconds, of which it keeps 20 to return."""
    monkeypatch.setattr(throttle, "INVOCATION_SECONDS", 25)


def test_workers_that_wait_say_that_they_are_alive(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows are one batch, so that finished batches write no heartbeat."""
    monkeypatch.setattr(throttle, "batch_rows", lambda rows: rows)

    outcome = throttle.throttle(lab, 1_000, scale=50, inline=True)

    assert (outcome.state, outcome.longest_silence < 15) == ("succeeded", True), outcome.text()


def caught(outcome: Outcome, *words: str) -> bool:
    return all(any(word in fault for fault in outcome.faults()) for word in words)


def test_an_import_into_new_tables_succeeds_in_the_time_that_their_buckets_need(
    lab: Laboratory,
) -> None:
    outcome = throttle.throttle(lab, 30_000, scale=10)

    assert outcome.faults() == [], outcome.text()
    assert outcome.throttled > 0


def test_a_chunk_that_needs_several_invocations_is_counted_once(
    lab: Laboratory, short_invocations: None
) -> None:
    outcome = throttle.throttle(lab, ROWS, scale=SCALE)

    assert (outcome.state, outcome.deaths, outcome.licenses) == ("succeeded", (), ROWS)
    assert outcome.counts["created_licenses_count"] == ROWS
    assert outcome.invocations > throttle.CHUNKS
    assert outcome.longest_invocation <= throttle.INVOCATION_SECONDS


def test_a_small_file_that_one_invocation_cannot_finish_is_counted_once(
    lab: Laboratory, short_invocations: None
) -> None:
    outcome = throttle.throttle(lab, ROWS, scale=SCALE, inline=True)

    assert (outcome.state, outcome.deaths, outcome.licenses) == ("succeeded", (), ROWS)
    assert outcome.counts["created_licenses_count"] == ROWS
    assert outcome.invocations > 0, "the state machine had to go on"


def test_giving_up_after_some_tries_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(request: patience.Request, *, throttled: int, failed: int = 0) -> Iterator[float]:
        yield from answered(request, throttled=throttled, failed=failed)
        tries[request] = tries.get(request, 0) + 1
        if tries[request] >= 10 and throttled:
            raise Busy

    def once(
        work: import_chunk.Work,
        _: object,
        __: object,
        batch: Sequence[Entry | InvalidRecord],
        firsts: Mapping[int, int] | None,
    ) -> int:
        with work.pool() as pool:
            result = import_batch(work.terms, batch, dry_run=work.dry_run, pool=pool, firsts=firsts)
        report_batch(
            work.job,
            work.phase,
            work.dialect,
            work.terms.mapping,
            result,
            work.patience,
            compared=False,
        )
        return len(batch)

    tries: dict[patience.Request, int] = {}
    answered = patience.Request.answered
    monkeypatch.setattr(patience.Request, "answered", throttled)
    monkeypatch.setattr(import_chunk, "_import_batch", once)

    assert caught(throttle.throttle(lab, ROWS, scale=2 * SCALE), "failed", "died")


def test_sending_without_backoff_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "pause", lambda *_: 0.0)
    monkeypatch.setattr(pace.Pace, "reserve", lambda *_: 0.0)

    assert caught(throttle.throttle(lab, 500, scale=25), "throttled for each")


def test_counting_throttled_statements_as_written_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.statement_errors_swallowed(monkeypatch)

    assert caught(throttle.throttle(lab, ROWS, scale=SCALE), "counted")


def test_waiting_longer_than_the_invocation_lasts_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, short_invocations: None
) -> None:
    monkeypatch.setattr(patience.Patience, "is_short_of_time", False)

    assert caught(throttle.throttle(lab, ROWS, scale=SCALE), "died: ")


def test_waiting_without_a_heartbeat_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ALIVE_SECONDS", 1e9)
    monkeypatch.setattr(throttle, "batch_rows", lambda rows: rows)

    outcome = throttle.throttle(lab, 3_000, scale=100, inline=True)

    assert caught(outcome, "silent"), outcome.text()

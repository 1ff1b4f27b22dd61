"""Imports whose tables are throttled for minutes, on a simulated clock."""

import itertools
import time
from dataclasses import dataclass
from typing import Any

import pytest

from functions import import_csv, job_status
from shared.store import dynamo, import_jobs, pace, patience
from shared.store.batch_results import batch_results
from shared.workflows import import_chunk, import_lifecycle, stuck_imports
from tests.engine import Engine
from tests.functions.import_files import Context, Files, counts
from tests.http_event import send
from tests.wiretap import Wiretap, tapped

MINUTE = 60
ROWS = 60
REQUESTS = 4
"""Requests that insert what a batch of 30 rows is: licenses, orders, and rows of orders."""


@dataclass
class Throttling:
    """A time in which every INSERT is throttled, and the clock of all workers."""

    files: Files
    now: float = 0.0
    until: float = 0.0
    accepts: int = 0
    """Requests that are accepted before the throttling begins."""

    def sleep(self, seconds: float) -> None:
        self.now += seconds / 2  # two threads sleep at once

    def throttles(self) -> bool:
        self.accepts -= 1
        return self.accepts < 0 and self.now < self.until

    def invoke(self, event: Any) -> Any:
        """One invocation of 15 minutes, which ends when its time is over."""
        ends = self.now + 15 * MINUTE

        class Limited(Context):
            @staticmethod
            def get_remaining_time_in_millis() -> int:
                left = int((ends - self.now) * 1000)
                assert left > 0, "Lambda has ended the invocation"
                return left

        return import_csv.handler(event, Limited())


@pytest.fixture
def throttling(files: Files, monkeypatch: pytest.MonkeyPatch) -> Throttling:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "100000")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 30)
    throttling = Throttling(files)
    files.inserts.throttles = throttling.throttles
    monkeypatch.setattr(time, "sleep", throttling.sleep)
    for module in (pace, patience):
        monkeypatch.setattr(module, "clock", lambda: throttling.now)
    return throttling


@pytest.fixture
def chunk(throttling: Throttling) -> Any:
    """The one chunk of a planned import of 60 rows, as the state machine has it run."""
    files = throttling.files
    rows = "".join(f"K-{n:05},kp\n" for n in range(ROWS))
    files.run(files.drop("license__license_key,product__short_code\n" + rows))
    named = {"company": "acme", "number": files.last().number}
    planned = files.step("plan")
    assert planned["chunks"] == 1
    (cut,) = files.chunks()
    return {"step": "chunk", "pass": "write", **named, "chunk": cut, "done_rows": 0}


def finish(throttling: Throttling, chunk: Any) -> None:
    throttling.files.run({"step": "finish", "company": chunk["company"], "number": chunk["number"]})


def heartbeats(tap: Wiretap) -> int:
    return sum("heartbeat_at" in body["UpdateExpression"] for body in tap.bodies("UpdateItem"))


def test_an_import_waits_while_its_table_takes_nothing(throttling: Throttling, chunk: Any) -> None:
    throttling.until = throttling.now + 10 * MINUTE

    with tapped() as tap:
        result = throttling.invoke(chunk)
    finish(throttling, chunk)

    assert result["done"]
    assert counts(throttling.files.last(), "created_licenses") == [ROWS]
    assert throttling.files.license_count() == ROWS
    assert heartbeats(tap) >= 10 * MINUTE / 15


def test_a_worker_out_of_time_returns_and_the_next_one_recognizes_its_records(
    throttling: Throttling, chunk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is done, of the other one request is written, then nothing is for 20 minutes."""
    monkeypatch.setattr(import_chunk, "IN_FLIGHT", 1)
    throttling.until, throttling.accepts = throttling.now + 20 * MINUTE, REQUESTS + 1

    first = throttling.invoke(chunk)
    written = len(dynamo.client().scan(TableName=dynamo.table("LICENSES_TABLE"))["Items"])
    second = throttling.invoke(first)
    finish(throttling, chunk)

    assert (first["done"], first["done_rows"]) == (False, 30)
    assert 30 < written < ROWS
    assert (second["done"], second["done_rows"]) == (True, ROWS)
    assert counts(throttling.files.last(), "total", "created_licenses") == [ROWS, ROWS]
    assert throttling.files.license_count() == ROWS


def test_an_invocation_that_writes_nothing_new_fails_the_import_and_a_retry_ends_it(
    throttling: Throttling, chunk: Any, engine: Engine
) -> None:
    throttling.until = throttling.now + 60 * MINUTE

    result = throttling.invoke(chunk)
    finish(throttling, chunk)
    failed = throttling.files.last()
    throttling.now = throttling.until
    retried = throttling.files.ask(failed.number, "retry")
    throttling.files.by_machine()

    assert result["done"], "the state machine must not go on"
    assert (failed.state, failed.refusal and failed.refusal.code) == ("failed", "no_progress")
    assert failed.refusal is not None
    assert "throttled" in failed.refusal.message
    assert (retried.status, throttling.files.last().state) == (200, "succeeded")
    assert counts(throttling.files.last(), "created_licenses") == [ROWS]


def test_a_small_file_that_no_table_takes_fails_too(
    throttling: Throttling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "100000")
    throttling.until = throttling.now + 60 * MINUTE

    throttling.invoke(throttling.files.drop("license__license_key,product__short_code\nK-1,kp\n"))

    job = throttling.files.last()
    assert (job.state, job.refusal and job.refusal.code) == ("failed", "no_progress")


def test_a_cancelled_import_stops_waiting(throttling: Throttling, chunk: Any) -> None:
    throttling.until = throttling.now + 60 * MINUTE
    path = f"/api/v1/imports/{chunk['number']}/cancel/"

    def cancelling() -> bool:
        if throttling.now > 2 * MINUTE and throttling.files.last().state == "running":
            cancelled = send(job_status.handler, "POST", path, key=throttling.files.shop.key)
            assert cancelled.status == 200
        return True

    throttling.files.inserts.throttles = cancelling

    result = throttling.invoke(chunk)

    assert result["done"]
    assert throttling.files.last().state == "cancelled"
    assert 2 * MINUTE < throttling.now <= 2 * MINUTE + 2 * patience.ALIVE_SECONDS
    assert throttling.files.license_count() == 0


def test_neither_the_sweeper_nor_a_second_event_takes_the_job_of_a_worker_that_waits(
    throttling: Throttling, chunk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every heartbeat is at most so old that neither of them believes the worker dead."""
    throttling.until = throttling.now + 10 * MINUTE
    alive: list[float] = []
    update = import_jobs.heartbeat_update

    def heartbeat(*arguments: Any) -> dict[str, Any]:
        alive.append(throttling.now)
        return update(*arguments)

    for module in (import_jobs, import_chunk):
        monkeypatch.setattr(module, "heartbeat_update", heartbeat)

    throttling.invoke(chunk)

    silences = [b - a for a, b in itertools.pairwise([*alive, throttling.now])]
    assert max(silences) < import_lifecycle.ALIVE_SECONDS < stuck_imports.LEFT_ALONE.total_seconds()
    assert len(batch_results("acme", chunk["number"])) == 2

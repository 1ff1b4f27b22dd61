"""Counts of an import that stopped early are final once no worker writes."""

from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSPreparedRequest

from functions import sweep
from shared.store import bulk, dynamo, import_jobs, uploads, workers
from shared.store.import_jobs import unfinished_jobs
from shared.workflows import import_chunk, stuck_imports
from tests.engine import Engine
from tests.functions.import_files import Files
from tests.wiretap import Killed, failed, meanwhile, tapped

HEADER = "license__license_key,product__short_code,order__store_id,customer__email\n"
ATTEMPTS = 3
"""How often botocore sends a request that fails."""
ROWS = HEADER + "".join(f"K-{n:05},kp,o-{n // 4},c{n // 8}@x.test\n" for n in range(60))


@pytest.fixture
def machine(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """The company acme, whose files are imported by the state machine, ten rows at a time."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10")
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 10)
    monkeypatch.setattr(stuck_imports, "COUNTED_WITHIN", timedelta(seconds=-2))
    return files


@pytest.fixture
def chunks(machine: Files) -> list[Any]:
    """The ranges of a file that was planned."""
    machine.run(machine.drop(ROWS))
    return machine.plan()


def job_request(files: Files, method: str = "GET", action: str = "") -> Any:
    return files.shop.send(method, f"/imports/{files.last().number}/{action}").ok()


def made(files: Files) -> dict[str, int]:
    """How many records there are, as the counts of an import call them."""
    kinds = ("licenses", "orders", "customers")
    return {f"created_{kind}_count": files.shop.get(f"/{kind}/").json()["count"] for kind in kinds}


def swept() -> dict[str, int]:
    done = sweep.handler({}, LambdaContext())
    return {name: count for name, count in done.items() if count}


@pytest.mark.parametrize(("in_flight", "batches"), [(1, {1}), (2, {1, 2})])
def test_rows_in_flight_when_an_import_is_cancelled_are_counted_with_all_that_they_made(
    machine: Files,
    chunks: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int,
    batches: set[int],
) -> None:
    """Of two batches in flight, the other one may have checked the job before or after that."""
    monkeypatch.setattr(import_chunk, "IN_FLIGHT", in_flight)
    seen = []
    machine.chunk(chunks[0])

    def cancel() -> None:
        """When the second chunk's first batch is written, and not reported yet."""
        seen.append(job_request(machine, "POST", "cancel/"))
        seen.append(job_request(machine))

    with tapped("PutItem", meanwhile(cancel), nth=2):
        machine.chunk(chunks[1])

    assert [each["stopping"] for each in seen] == [True, True]
    shown = job_request(machine)
    assert (shown["state"], shown["stopping"]) == ("cancelled", False)
    written = shown["progress"]["rows_done"]
    assert written in {chunks[0]["rows"] + 10 * each for each in batches}
    assert shown["counts"]["valid_row_count"] == written
    assert shown["counts"]["total_row_count"] == 60
    assert shown["counts"].items() >= made(machine).items()
    assert made(machine)["created_customers_count"] > 0


def test_a_worker_that_cannot_tell_whether_its_job_runs_writes_nothing(
    machine: Files, chunks: list[Any], engine: Engine
) -> None:
    """The job is cancelled and counted before the worker registers; its first check then fails."""
    machine.chunk(chunks[0])
    counted = []

    def cancel() -> None:
        job_request(machine, "POST", "cancel/")
        for event in engine.invoked:
            machine.run(event)
        counted.append(job_request(machine)["counts"])
        for nth in range(1, ATTEMPTS + 1):
            tap.on("UpdateItem", failed, nth=nth)

    with tapped("PutItem", meanwhile(cancel), nth=1) as tap:
        machine.chunk(chunks[1])

    assert counted == [job_request(machine)["counts"]]
    assert counted[0].items() >= made(machine).items()


def test_nothing_is_counted_while_another_worker_may_write(
    machine: Files, chunks: list[Any], engine: Engine
) -> None:
    machine.chunk(chunks[0])
    now = datetime.now(UTC)
    workers.register("acme", 1, "busy", now + timedelta(minutes=10))
    job_request(machine, "POST", "cancel/")

    for event in engine.invoked:
        machine.run(event)

    assert len(engine.invoked) == 1
    assert job_request(machine)["stopping"]
    assert [job.number for job in unfinished_jobs()] == [1]


def test_a_late_count_of_fewer_rows_changes_nothing(
    machine: Files, chunks: list[Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker outlives its registration, and counts between the read and the write of another."""
    monkeypatch.setattr(import_chunk, "IN_FLIGHT", 1)
    machine.chunk(chunks[0])
    has_read, may_write = Event(), Event()

    def hold() -> None:
        has_read.set()
        assert may_write.wait(60)

    def count_without_this_worker() -> None:
        """While the worker writes its first batch, of which there is no report yet."""
        job_request(machine, "POST", "cancel/")
        expire_workers()
        tap.on("TransactWriteItems", meanwhile(hold))
        late.start()
        assert has_read.wait(60)

    late = Thread(target=lambda: machine.run(engine.invoked.pop()))
    with tapped("PutItem", meanwhile(count_without_this_worker), nth=2) as tap:
        machine.chunk(chunks[1])
        counted = job_request(machine)["counts"]
        may_write.set()
        late.join(60)

    assert not late.is_alive()
    assert counted["valid_row_count"] == chunks[0]["rows"] + 10
    assert job_request(machine)["counts"] == counted
    assert counted.items() >= made(machine).items()


def expire_workers() -> None:
    """As if the clock of the worker were behind: its invocation goes on, its registration ended."""
    values = {"home": dynamo.partition("acme", 1), "worker": "worker#"}
    for item in dynamo.query(import_jobs.TABLE, "pk = :home AND begins_with(sk, :worker)", values):
        workers.release("acme", 1, item["sk"].removeprefix("worker#"))


def test_an_import_whose_last_worker_died_is_counted_by_the_sweep(
    machine: Files, chunks: list[Any], engine: Engine
) -> None:
    machine.chunk(chunks[0])
    now = datetime.now(UTC)
    workers.register("acme", 1, "dead", now - timedelta(minutes=1))
    workers.register("acme", 1, "released", now + timedelta(minutes=10))
    workers.release("acme", 1, "released")
    job_request(machine, "POST", "cancel/")
    engine.invoked.clear()  # Lambda lost it

    assert swept() == {"counted": 1}
    machine.run(engine.invoked.pop())

    shown = job_request(machine)
    assert not shown["stopping"]
    assert shown["counts"].items() >= made(machine).items()
    assert (swept(), unfinished_jobs()) == ({}, [])


def slow_clock(patch: pytest.MonkeyPatch) -> None:
    """The clocks of workers are an hour behind."""

    def register(company: str, number: int, worker: str, until: datetime) -> None:
        registered(company, number, worker, until - timedelta(hours=1))

    registered = workers.register
    patch.setattr(workers, "register", register)


def test_a_worker_with_a_slow_clock_that_dies_before_it_counts_is_waited_for(
    machine: Files, chunks: list[Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_clock(monkeypatch)

    def cancel() -> None:
        """Before the worker's first result; something else tries to count the import."""
        job_request(machine, "POST", "cancel/")
        machine.run(engine.invoked.pop())
        assert job_request(machine)["stopping"]

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(workers, "release", die)
    with tapped("PutItem", meanwhile(cancel), nth=3), pytest.raises(Killed):
        machine.chunk(chunks[0])

    assert job_request(machine)["stopping"]
    assert swept() == {"counted": 1}
    machine.run(engine.invoked.pop())
    shown = job_request(machine)
    assert shown["counts"]["valid_row_count"] == shown["progress"]["rows_done"] > 0
    assert shown["counts"].items() >= made(machine).items()


def test_a_batch_that_was_reported_after_the_count_is_counted_when_it_is_completed(
    machine: Files, chunks: list[Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of its worker is an hour slow, and the worker dies before it could count."""
    slow_clock(monkeypatch)
    monkeypatch.setattr(stuck_imports, "LEFT_ALONE", timedelta(seconds=-2))
    monkeypatch.setattr(import_chunk, "IN_FLIGHT", 1)

    def cancel() -> None:
        job_request(machine, "POST", "cancel/")
        workers.release_expired("acme", 1, datetime.now(UTC))  # as the sweeper does
        for event in engine.invoked:
            machine.run(event)
        engine.invoked.clear()

    def die(request: AWSPreparedRequest, **_: Any) -> None:
        if "PutItem" in str(request.headers["X-Amz-Target"]) and '"chunk#' in str(request.body):
            raise Killed  # moto has written the result, and the batch is still open

    bulk.client().events.register_first("before-send.dynamodb.*", die)
    with tapped("PutItem", meanwhile(cancel), nth=3), pytest.raises(Killed):
        machine.chunk(chunks[0])
    bulk.client().events.unregister("before-send.dynamodb.*", die)
    assert job_request(machine)["counts"]["valid_row_count"] == 0

    assert swept() == {"completed": 1}
    for event in engine.invoked:
        machine.run(event)

    shown = job_request(machine)
    assert shown["counts"]["valid_row_count"] == shown["progress"]["rows_done"] > 0
    assert shown["counts"].items() >= made(machine).items()


def test_an_import_that_no_worker_had_begun_has_nothing_in_flight(
    machine: Files, engine: Engine
) -> None:
    machine.run(machine.drop(ROWS))

    shown = job_request(machine, "POST", "cancel/")

    assert not shown["stopping"]
    assert not any(shown["counts"].values())
    assert (engine.invoked, swept()) == ([], {})


def test_an_import_that_was_counted_can_be_run_again_to_its_end(
    machine: Files, chunks: list[Any], engine: Engine
) -> None:
    machine.chunk(chunks[0])
    job_request(machine, "POST", "cancel/")
    machine.run(engine.invoked[-1])
    assert job_request(machine)["counts"]["created_orders_count"] > 0

    assert not job_request(machine, "POST", "retry/")["stopping"]
    machine.by_machine()

    shown = job_request(machine)
    assert (shown["state"], shown["progress"]["rows_done"]) == ("succeeded", 60)
    assert shown["counts"].items() >= made(machine).items()


def test_an_import_whose_reports_were_deleted_is_counted(
    machine: Files, chunks: list[Any], engine: Engine
) -> None:
    machine.chunk(chunks[0])
    job_request(machine, "POST", "cancel/")
    for name in uploads.client().list_objects_v2(Bucket="uploads", Prefix="_results/")["Contents"]:
        uploads.client().delete_object(Bucket="uploads", Key=name["Key"])

    machine.run(engine.invoked[-1])

    shown = job_request(machine)
    assert not shown["stopping"]
    assert shown["counts"]["created_licenses_count"] == chunks[0]["rows"]


@pytest.mark.parametrize(
    ("rows", "batch"),
    [(None, 5000), (0, 2500), (20, 2500), (25_001, 2_600), (40_000, 4_000), (60_000, 5_000)],
)
def test_the_batches_of_a_small_file_are_smaller(rows: int | None, batch: int) -> None:
    assert import_chunk.batch_rows(rows) == batch

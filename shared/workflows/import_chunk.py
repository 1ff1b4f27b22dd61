"""Import a chunk of a file: write its batches, and report their results.

Throttling and other transient errors are retried as long as the invocation lasts. Then the worker
stops. The batch that it could not finish runs again, and recognizes its own records.
"""

import gc
import math
import secrets
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Self

from shared.csv_format.dialect import Dialect
from shared.csv_format.planner import MOST_TOGETHER, Chunk
from shared.csv_format.reader import Record, records
from shared.import_job import ImportJob
from shared.row_entries import (
    CustomerEntry,
    Entry,
    FeatureEntry,
    Import,
    InvalidRecord,
    LicenseEntry,
)
from shared.row_reader import reader_of
from shared.store import bulk, workers
from shared.store.import_jobs import TABLE, heartbeat, heartbeat_update
from shared.store.open_batches import OpenBatch, close_batch, closing, opening
from shared.store.patience import OutOfTime, Patience
from shared.store.retry import is_transient, pause
from shared.store.sender import Sender
from shared.store.signed_http import Exchange
from shared.store.turns import Turns
from shared.workflows.batch_report import report_batch
from shared.workflows.import_batch import import_batch
from shared.workflows.import_bundles import pinned_import
from shared.workflows.import_lifecycle import ImportStopped
from shared.workflows.import_plan import Plan, load_plan
from shared.workflows.import_repeats import pinned_repeats
from shared.workflows.undo_batch import undo_batch

BATCH_ROWS = 5_000
"""Most rows of a batch, which is read, written and reported together: see `batch_rows`."""
_SMALLEST_BATCH = 2_500
_BATCHES = 10
MOST_ORDERS = 1_500
"""Orders in a batch: with its customer, an order takes as much memory as some rows."""
_GARBAGE_OBJECTS = 50_000
IN_FLIGHT = 3
"""Batches that are written at once: while they wait for responses, rows are read."""
_ROWS_PER_TURN = 50
type _Cells = Callable[[Container[int]], Mapping[int, Record]]
type _Read = Callable[[Record], Entry | InvalidRecord]
type _Act = Callable[[Sequence[Entry | InvalidRecord], Mapping[int, int] | None], int]
_LONGEST_PAUSE_SECONDS = 20.0


@dataclass
class Work:
    """The state of a worker that imports rows of a job in one of its passes."""

    job: ImportJob
    terms: Import
    dialect: Dialect
    phase: str
    executor: Executor
    """The `IN_FLIGHT` threads that write batches."""
    patience: Patience
    senders: deque[Sender] = field(default_factory=deque)
    """The senders that no batch uses."""
    plan: Plan | None = None
    """The plan that the job commits."""
    worker: str = field(default_factory=lambda: secrets.token_hex(8))
    registered: bool = False

    @property
    def dry_run(self) -> bool:
        return self.job.dry_run or self.phase == "validate"

    @property
    def is_short_of_time(self) -> bool:
        return self.patience.is_short_of_time

    @property
    def is_stuck(self) -> bool:
        """Whether the worker could write nothing new in a whole invocation."""
        return self.patience.is_stuck

    @contextmanager
    def pool(self) -> Iterator[bulk.Pool]:
        """The resources to write a batch. Connections are kept for the next batches."""
        sender = self.senders.pop() if self.senders else Sender(self.patience.turns)
        try:
            yield bulk.Pool(sender, self.patience)
        finally:
            self.senders.append(sender)

    def close(self) -> None:
        for sender in self.senders:
            sender.close()


def batch_rows(rows: int | None) -> int:
    """Rows per batch: about a tenth of a small file, so that its progress is visible.

    The result depends only on the file: batches are the same whenever they run again.
    """
    tenth = math.ceil((rows or 0) / _BATCHES / 100) * 100
    return BATCH_ROWS if rows is None else min(BATCH_ROWS, max(_SMALLEST_BATCH, tenth))


@contextmanager
def working(
    job: ImportJob, phase: str, milliseconds_left: Callable[[], int], *, ended: bool = False
) -> Iterator[Work]:
    """Set up the threads, connections and records of a worker, and release them at its end.

    The worker is registered while it may write rows, so that a stopped import is not counted too
    early. If the job has `ended`, no heartbeats are sent, because these would stop the worker.
    """
    if job.detected is None:
        raise ImportStopped
    terms, repeats = pinned_import(job), pinned_repeats(job)
    terms = replace(terms, repeated=repeats.rows, differing=repeats.differing)
    keep_alive = (lambda: None) if ended else (lambda: _keep_alive(job))
    patience = Patience(milliseconds_left, keep_alive)
    with ThreadPoolExecutor(IN_FLIGHT) as executor:
        work = Work(
            job=job,
            terms=terms,
            dialect=Dialect.model_validate(job.detected),
            phase=phase,
            executor=executor,
            patience=patience,
            plan=load_plan(job),
        )
        try:
            yield work
        finally:
            _release(work)
            work.close()


def import_chunk(
    work: Work,
    chunk: Chunk,
    data: bytes,
    done: int = 0,
    again: Mapping[int, Mapping[int, int]] | None = None,
) -> int:
    """Import the rows of a chunk after the first `done`; returns how many rows are done.

    With `again`, only the batches that begin with these rows are imported. It maps rows that repeat
    a row of an earlier batch to that row.

    A batch is read while the previous ones are written. Up to `IN_FLIGHT` batches are written
    concurrently unless DynamoDB throttles, or the order in which they are written matters.
    """
    read = reader_of(work.terms, work.dialect)
    rows = records(data, work.dialect, first_row=chunk.first_row, first_line=chunk.first_line)
    turns = work.patience.turns
    entries = _read_in_turn(read, rows, chunk.first_row + done, turns)
    recent: deque[_Names] = deque(maxlen=IN_FLIGHT - 1)
    cells = partial(_rows_with_cells, work, chunk, data)
    act = partial(_import_batch, work, chunk, cells)
    with turns.taken(), _rare_collections(), _InFlight(work, act) as in_flight:
        for batch in read_batches(entries, batch_rows(work.job.rows)):
            firsts = None
            if again is not None and (firsts := again.get(batch[0].record.row)) is None:
                in_flight.skip(batch)
                continue
            names = _Names(batch)
            if work.patience.is_throttled or any(map(names.depend_on, recent)):
                in_flight.wait(0)
            recent.append(names)
            if not work.registered:
                _insist(work, partial(_register, work))
            in_flight.begin(batch, firsts)
            in_flight.wait(IN_FLIGHT - 1)
            if work.is_short_of_time:
                break
        in_flight.wait(0)
    return done + in_flight.done


def _read_in_turn(
    read: _Read, rows: Iterable[Record], first_row: int, turns: Turns
) -> Iterator[Entry | InvalidRecord]:
    """Read the rows from `first_row`, while the threads that write batches wait for responses."""
    for record in rows:
        row = record.row
        if not row % _ROWS_PER_TURN:
            turns.offer()
        if row >= first_row:
            yield read(record)


def read_batches(
    entries: Iterable[Entry | InvalidRecord], most: int
) -> Iterator[Sequence[Entry | InvalidRecord]]:
    """Split rows into batches of `most` licenses, or fewer if most rows have their own order.

    A row issues its licenses in one batch, which therefore can have up to 999 more, and the rows of
    a bundle that follow one another are in one batch. The end of a batch depends only on its rows,
    so the batches are the same when a chunk continues after a stop.
    """
    batch: list[Entry | InvalidRecord] = []
    orders, order_id, more = 0, 0, 0
    for entry in entries:
        is_full = len(batch) + more >= most or orders >= MOST_ORDERS
        if is_full and not _continues_bundle(batch, entry, most):
            yield batch
            batch, orders, order_id, more = [], 0, 0, 0
        batch.append(entry)
        if isinstance(entry, LicenseEntry):
            more += entry.copies - 1
            if entry.order_id != order_id:
                orders, order_id = orders + 1, entry.order_id
    if batch:
        yield batch


def _continues_bundle(
    batch: Sequence[Entry | InvalidRecord], entry: Entry | InvalidRecord, most: int
) -> bool:
    """Whether a row belongs to the bundle of the last row of a batch that is full."""
    last = batch[-1]
    return (
        isinstance(entry, LicenseEntry)
        and isinstance(last, LicenseEntry)
        and bool(entry.bundle_key)
        and entry.bundle_key == last.bundle_key
        and len(batch) < most + MOST_TOGETHER
    )


def complete_batch(work: Work, batch: OpenBatch, data: bytes) -> None:
    """Write the records that belong to the licenses of a batch whose worker has stopped."""
    read, first = reader_of(work.terms, work.dialect), batch.chunk.first_row + batch.done
    rows = records(
        data, work.dialect, first_row=batch.chunk.first_row, first_line=batch.chunk.first_line
    )
    entries = [read(row) for row in rows if first <= row.row < first + batch.rows]
    if entries:
        with work.pool() as pool:
            import_batch(work.terms, entries, dry_run=False, pool=pool, complete=True)
    close_batch(batch)


def _rows_with_cells(
    work: Work, chunk: Chunk, data: bytes, rows: Container[int]
) -> dict[int, Record]:
    """Read these rows of a chunk again, because entries of licenses do not keep their cells."""
    read = records(data, work.dialect, first_row=chunk.first_row, first_line=chunk.first_line)
    return {record.row: record for record in read if record.row in rows}


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect reference cycles less often: rows have none, and it costs 10 % of the CPU."""
    thresholds = gc.get_threshold()
    gc.set_threshold(_GARBAGE_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


class _Names:
    """The license keys of a batch, and its orders and customers as in their first rows."""

    def __init__(self, batch: Sequence[Entry | InvalidRecord]) -> None:
        self._keys: set[str] = set()
        self._described: dict[int, object] = {}
        describe, add_key = self._described.setdefault, self._keys.add
        last: tuple[int, int | None] | None = None
        for entry in batch:
            if isinstance(entry, LicenseEntry):
                add_key(entry.key)
                if (named := (entry.order_id, entry.customer_id)) == last:
                    continue
                describe(entry.order_id, (entry.order, entry.customer_id))
                if entry.customer_id is not None:
                    describe(entry.customer_id, entry.customer)
                last = named
            elif isinstance(entry, CustomerEntry):
                describe(entry.customer_id, entry.customer)
            elif isinstance(entry, FeatureEntry):
                self._keys.add(entry.key)

    def depend_on(self, earlier: Self) -> bool:
        """Whether these rows repeat a key, or have an order or customer with other values."""
        ours, theirs = self._described, earlier._described
        return not self._keys.isdisjoint(earlier._keys) or any(
            ours[id] != theirs[id] for id in ours.keys() & theirs.keys()
        )


class _InFlight:
    """The batches that are being written, in order; `done` is the number of finished rows."""

    def __init__(self, work: Work, act: _Act) -> None:
        self._work, self._act = work, act
        self._futures: deque[Future[int]] = deque()
        self.done = 0

    def begin(
        self, batch: Sequence[Entry | InvalidRecord], firsts: Mapping[int, int] | None
    ) -> None:
        self._futures.append(self._work.executor.submit(self._in_turn, batch, firsts))

    def _in_turn(
        self, batch: Sequence[Entry | InvalidRecord], firsts: Mapping[int, int] | None
    ) -> int:
        with self._work.patience.turns.taken():
            return self._act(batch, firsts)

    def skip(self, batch: Sequence[Entry | InvalidRecord]) -> None:
        """Count rows that were done before."""
        done: Future[int] = Future()
        done.set_result(len(batch))
        self._futures.append(done)

    def wait(self, most: int) -> None:
        """Wait until at most so many are in flight. Rows are done once all earlier ones are."""
        while len(self._futures) > most:
            with self._work.patience.turns.released():
                self.done += self._futures.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Wait for the other batches, whose results can still be reported."""
        if error is not None and not isinstance(error, ImportStopped):
            self._work.patience.end(error)
        with self._work.patience.turns.released():
            for future in self._futures:
                future.exception()
        return isinstance(error, OutOfTime)


def _insist(work: Work, act: Callable[[], None]) -> None:
    """Retry after transient errors until it succeeds. Raises OutOfTime."""
    for failures in count():
        try:
            act()
            return
        except Exception as error:
            if not is_transient(error):
                raise
        work.patience.wait(pause(failures, _LONGEST_PAUSE_SECONDS))


def _import_batch(
    work: Work,
    chunk: Chunk,
    cells: _Cells,
    batch: Sequence[Entry | InvalidRecord],
    firsts: Mapping[int, int] | None,
) -> int:
    """Write and report a batch, and retry it after transient errors; returns its number of rows.

    Raises OutOfTime if the invocation ends first.
    """

    opened, planned = _open_batch(work, chunk, batch), None
    if work.plan is not None:
        with work.patience.turns.released():
            planned = work.plan.rows(batch[0].record.row, len(batch))

    def write() -> None:
        opening = [*_opening(work, opened)]
        terms = work.terms if planned is None else replace(work.terms, planned=planned)
        if work.job.undoes is not None:
            result = undo_batch(terms, batch, dry_run=work.dry_run, pool=pool, opening=opening)
        else:
            result = import_batch(
                terms,
                batch,
                dry_run=work.dry_run,
                pool=pool,
                firsts=firsts,
                opening=opening,
            )
        if bare := {bad.record.row for bad in result.invalid if not bad.record.fields}:
            full = cells(bare)
            result.invalid = [
                InvalidRecord(full.get(bad.record.row, bad.record), bad.faults)
                for bad in result.invalid
            ]
        reported = report_batch(
            work.job,
            work.phase,
            work.dialect,
            work.terms.mapping,
            result,
            work.patience,
            compared=firsts is not None,
        )
        writes: list[Exchange[Any]] = [reported]
        if opened is not None:
            writes.append(bulk.write("DeleteItem", TABLE, closing(opened), work.patience))
        pool.run(writes)

    with work.pool() as pool:
        _insist(work, write)
    work.patience.progressed = True
    return len(batch)


def _open_batch(
    work: Work, chunk: Chunk, batch: Sequence[Entry | InvalidRecord]
) -> OpenBatch | None:
    """The batch, to be completed by the sweeper if this worker dies; None if it writes no lists."""
    if work.dry_run or work.job.undoes or work.job.kind == "license-features":
        return None
    return OpenBatch(
        company=work.job.company,
        number=work.job.number,
        chunk=chunk,
        done=batch[0].record.row - chunk.first_row,
        rows=len(batch),
        opened_at=datetime.now(UTC),
    )


def _opening(work: Work, opened: OpenBatch | None) -> Iterator[Exchange[Any]]:
    """What must have succeeded before an attempt to write a batch: it is open, and the job runs.

    Every attempt checks again, because pauses between attempts can be long. A batch of a job that
    has stopped can stay open: the sweeper finds that it wrote nothing.
    """
    yield _checking(work)
    if opened is not None:
        yield bulk.write("PutItem", TABLE, opening(opened), work.patience)


def _register(work: Work) -> None:
    """Register the worker, before the first check that the job still runs; see `workers`."""
    left = timedelta(milliseconds=work.patience.milliseconds_left())
    workers.register(work.job.company, work.job.number, work.worker, datetime.now(UTC) + left)
    work.registered = True


def _release(work: Work) -> None:
    """Delete the registration; if this fails, it expires with the invocation."""
    if not work.registered:
        return
    try:
        workers.release(work.job.company, work.job.number, work.worker)
    except Exception as error:
        if not is_transient(error):
            raise


def _check_running(job: ImportJob) -> None:
    """Write a heartbeat; raises Stopped if the job is not running, or not with this runner.

    Before a batch its outcome must be known: a job that stopped before this worker registered may
    have been counted already.
    """
    if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
        raise ImportStopped


def _checking(work: Work) -> Exchange[None]:
    """The same as `_check_running`, next to other requests."""
    job = work.job
    update = heartbeat_update(job.company, job.number, job.runner, datetime.now(UTC))
    if not (yield from bulk.write("UpdateItem", TABLE, update, work.patience)):
        raise ImportStopped


def _keep_alive(job: ImportJob) -> None:
    """Write a heartbeat within a batch; a failed heartbeat is skipped, because others follow."""
    try:
        _check_running(job)
    except Exception as error:
        if not is_transient(error):
            raise

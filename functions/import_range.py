"""A worker's part of an import: the rows of one range, and the report of what became of them.

Throttling and other transient errors are waited out for as long as the invocation lasts. Then the
worker stops; the batch that it could not finish is run again, and recognizes its own records.
"""

import math
import secrets
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from functions.import_bundles import pinned_bundle_keys
from functions.import_moves import Stopped
from shared.catalog import Product
from shared.csv_file import Dialect
from shared.csv_plan import Chunk
from shared.csv_records import Record, failed_row, records
from shared.differences import limited
from shared.importing import Bad, Entry, Import, reader_of
from shared.imports import ChunkResult, ImportJob
from shared.store import bulk, uploads, workers
from shared.store.import_rows import import_stretch
from shared.store.imports import heartbeat, put_chunk
from shared.store.patience import OutOfTime, Patience
from shared.store.retry import is_transient, pause
from shared.store.stretch import Stretch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STRETCH = 5_000
"""Most rows of a batch, which is read, written and reported together: see `batch_rows`."""
_SMALLEST_BATCH = 500
_BATCHES = 10
_LONGEST_PAUSE_SECONDS = 20.0


@dataclass
class Work:
    """What a worker needs to import rows of a job in one of its passes."""

    job: ImportJob
    terms: Import
    dialect: Dialect
    phase: str
    pool: bulk.Pool
    worker: str = field(default_factory=lambda: secrets.token_hex(8))
    registered: bool = False

    @property
    def dry_run(self) -> bool:
        return self.job.dry_run or self.phase == "validate"

    @property
    def is_short_of_time(self) -> bool:
        return self.pool.patience.is_short_of_time

    @property
    def is_stuck(self) -> bool:
        """Whether a whole invocation could write nothing new."""
        return self.pool.patience.is_stuck


def batch_rows(rows: int | None) -> int:
    """Rows of one batch: about a tenth of a small file, so that its progress can be seen.

    Depends on the file alone: a batch is cut the same way whenever it is run again.
    """
    tenth = math.ceil((rows or 0) / _BATCHES / 100) * 100
    return STRETCH if rows is None else min(STRETCH, max(_SMALLEST_BATCH, tenth))


@contextmanager
def working(job: ImportJob, phase: str, context: "LambdaContext") -> Iterator[Work]:
    """The pool and the records that a worker works with, for as long as it does.

    While it may write rows it is registered, so that nobody counts a stopped import too early.
    """
    if job.detected is None:
        raise Stopped
    stored = orjson.loads(uploads.need_result(job, "catalog.json"))
    catalog = {product.short_code: product for product in map(Product.model_validate, stored)}
    patience = Patience(context.get_remaining_time_in_millis, lambda: _keep_alive(job))
    with ThreadPoolExecutor(bulk.THREADS) as executor:
        work = Work(
            job=job,
            terms=Import(
                job.company,
                job.number,
                job.kind,
                job.created_at,
                catalog,
                job.file_sha256 or "",
                pinned_bundle_keys(job, catalog),
            ),
            dialect=Dialect.model_validate(job.detected),
            phase=phase,
            pool=bulk.Pool(executor, patience),
        )
        try:
            yield work
        finally:
            _release(work)


def import_range(
    work: Work,
    chunk: Chunk,
    data: bytes,
    done: int = 0,
    again: Mapping[int, Mapping[int, int]] | None = None,
) -> int:
    """Imports the rows of a range behind the first `done`; how many are done when time is short.

    With `again`, imports the batches alone that begin with these rows. It maps rows that repeat a
    row of an earlier batch to that row.
    """
    cells = partial(_rows_with_cells, work, chunk, data)
    read, patience = reader_of(work.terms, work.dialect), work.pool.patience
    rows = records(data, work.dialect, first_row=chunk.first_row, first_line=chunk.first_line)
    entries = (read(row) for row in rows if row.row >= chunk.first_row + done)
    for batch in bulk.batches(entries, batch_rows(work.job.rows)):
        firsts = None
        if again is not None and (firsts := again.get(batch[0].record.row)) is None:
            done += len(batch)
            continue
        try:
            _import_batch(work, batch, cells, firsts)
        except OutOfTime:
            break
        patience.progressed = True
        done += len(batch)
        if work.is_short_of_time:
            break
    return done


def _rows_with_cells(
    work: Work, chunk: Chunk, data: bytes, rows: Container[int]
) -> dict[int, Record]:
    """These rows of a range, read again: entries of licenses do not keep their cells."""
    read = records(data, work.dialect, first_row=chunk.first_row, first_line=chunk.first_line)
    return {record.row: record for record in read if record.row in rows}


def _import_batch(
    work: Work,
    batch: Sequence[Entry | Bad],
    cells: Callable[[Container[int]], Mapping[int, Record]],
    firsts: Mapping[int, int] | None,
) -> None:
    """Write and report a batch, again from its start after a transient error.

    Raises OutOfTime when the invocation ends first.
    """
    failures = 0
    while True:
        try:
            _register(work)
            _check_running(work.job)
            result = import_stretch(
                work.terms, batch, dry_run=work.dry_run, pool=work.pool, firsts=firsts
            )
            if bare := {bad.record.row for bad in result.invalid if not bad.record.fields}:
                full = cells(bare)
                result.invalid = [
                    Bad(full.get(bad.record.row, bad.record), bad.faults) for bad in result.invalid
                ]
            _report(work, result, compared=firsts is not None)
            return
        except Exception as error:
            if not is_transient(error):
                raise
        work.pool.patience.wait(pause(failures, _LONGEST_PAUSE_SECONDS))
        failures += 1


def _register(work: Work) -> None:
    """Before the first batch, and before the check that the job still runs: see `workers`."""
    if work.registered:
        return
    left = timedelta(milliseconds=work.pool.patience.milliseconds_left())
    workers.register(work.job.company, work.job.number, work.worker, datetime.now(UTC) + left)
    work.registered = True


def _release(work: Work) -> None:
    """A registration that can't be deleted now ends by itself with the invocation."""
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
        raise Stopped


def _keep_alive(job: ImportJob) -> None:
    """Write a heartbeat within a batch; one that fails is skipped, since the next one follows."""
    try:
        _check_running(job)
    except Exception as error:
        if not is_transient(error):
            raise


def _report(work: Work, done: Stretch, *, compared: bool = False) -> None:
    """Write what became of a stretch: details first, so that counts never lack them."""
    report, warned = None, _warned_rows(work.dialect, done)
    if done.invalid or warned or any(done.made.values()):
        details = {
            "invalid": [_invalid(work.dialect, bad) for bad in done.invalid],
            "warnings": warned,
            "made": done.made,
            "failed": b"".join(_failed(work.dialect, bad) for bad in done.invalid).decode(),
        }
        report = f"chunk-{done.first_row}-{secrets.token_hex(4)}.json"
        uploads.put_result(work.job, report, orjson.dumps(details))
    put_chunk(
        work.job.company,
        work.job.number,
        ChunkResult(
            index=done.first_row,
            attempt=work.job.attempts,
            report=report,
            phase="validate" if work.phase == "validate" else "write",
            rows=done.rows,
            valid=done.rows - len(done.invalid),
            invalid=len(done.invalid),
            created_licenses=done.created_licenses,
            existed_licenses=done.existed_licenses,
            order_rows=done.order_rows,
            customer_rows=done.customer_rows,
            created_features=done.created_features,
            existed_features=done.existed_features,
            warnings=len(warned),
            named=len(done.made.get("named", ())),
            compared=compared,
        ),
    )


def _warned_rows(dialect: Dialect, done: Stretch) -> list[dict[str, Any]]:
    """The imported rows that have warnings: `{row, line, warnings}` of each, in their order."""
    failed = {bad.record.row for bad in done.invalid}
    rows: dict[int, dict[str, Any]] = {}
    for warning in done.warnings:
        row, line = warning["row"], warning["line"]
        if row not in failed:
            known = rows.setdefault(row, {"row": row, "line": line, "warnings": []})
            known["warnings"].append(_as_written(dialect, warning))
    return [{**rows[row], "warnings": limited(rows[row]["warnings"])} for row in sorted(rows)]


def _as_written(dialect: Dialect, found: dict[str, Any]) -> dict[str, Any]:
    """A warning or fault with its column as the file writes it."""
    written = dict(zip(dialect.names, dialect.columns, strict=True))
    about = {name: value for name, value in found.items() if name not in ("row", "line")}
    return {**about, "column": written.get(found["column"], found["column"])}


def _invalid(dialect: Dialect, bad: Bad) -> dict[str, Any]:
    cells = zip(dialect.columns, bad.record.fields, strict=False)
    return {
        "row": bad.record.row,
        "line": bad.record.line,
        "errors": [_as_written(dialect, fault) for fault in bad.faults],
        "data": {column: cell for column, cell in cells if cell},
    }


def _failed(dialect: Dialect, bad: Bad) -> bytes:
    codes = [fault["code"] for fault in bad.faults]
    messages = [f"{fault['column']}: {fault['message']}." for fault in bad.faults]
    return failed_row(dialect, bad.record, codes, messages)

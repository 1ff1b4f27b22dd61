"""S3 ObjectCreated event: imports the file. Also the steps of a large import's state machine.

A small file is imported by the function that its event started. For a large one, the event starts
the state machine, whose steps call this function again: `plan` looks at the whole file and cuts it,
`chunk` imports one range, `decide` stands between the two passes of `reject_all`, `finish` adds up.
Whatever is run twice, at once or half, comes to the same records and counts.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.counting import SERVICE, count_import, metrics
from functions.crash import unspoken
from functions.runs import execute
from shared.catalog import Product
from shared.csv_file import BadFile, Dialect
from shared.csv_plan import Chunk, Plan, plan
from shared.csv_records import failed_row, records
from shared.errors import Busy
from shared.importing import Bad, Import, reader_of
from shared.imports import ChunkResult, ImportJob, Refusal, State, moved
from shared.rows import KINDS
from shared.store import bulk, uploads
from shared.store.catalog import all_products
from shared.store.import_rows import import_stretch
from shared.store.imports import (
    change_job,
    chunk_results,
    claim_object,
    get_job,
    heartbeat,
    put_chunk,
)
from shared.store.stretch import Stretch
from shared.store.totals import totals_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STRETCH = 5_000
"""Rows that are read, written and reported together; a worker may be relieved between two."""
ALIVE_SECONDS = 30
"""A job that was heard of this lately is being worked on."""
_MILLISECONDS_TO_STOP = 20_000
_INLINE_CHUNK = 1024 * 1024

logger = Logger(service=SERVICE)


class Stopped(Exception):
    """The job was cancelled, or is another's: who notices writes no more of it."""


@dataclass(frozen=True)
class Work:
    """What a worker needs to import rows of a job in one of its passes."""

    job: ImportJob
    terms: Import
    dialect: Dialect
    phase: str
    pool: ThreadPoolExecutor
    milliseconds_left: Callable[[], int]

    @property
    def dry_run(self) -> bool:
        return self.job.dry_run or self.phase == "validate"


def _on_objects(notices: Iterable[dict[str, Any]], context: "LambdaContext") -> dict[str, Any]:
    """Every object has one job, however many events it has; run it, or have it run."""
    for notice in notices:
        found = notice["s3"]["object"]
        job = claim_object(
            notice["s3"]["bucket"]["name"],
            unquote_plus(found["key"]),
            found.get("versionId", ""),
            int(found["size"]),
            now=datetime.now(UTC),
            correlation_id=context.aws_request_id,
        )
        if job is not None and not job.is_ended:
            _log_about(job)
            if (job.size or 0) > int(os.environ["IMPORT_INLINE_BYTES"]):
                _execute(job)
            else:
                _run_here(job, context)
    return {}


def _execute(job: ImportJob) -> None:
    """Have the state machine run the job; a second event starts nothing."""
    arn = execute(job)

    def noted(current: ImportJob) -> ImportJob:
        if arn is None or current.is_ended or current.execution_arn == arn:
            return current
        return moved(current, current.state, now=datetime.now(UTC), execution_arn=arn)

    change_job(job.company, job.number, noted)


def _run_here(job: ImportJob, context: "LambdaContext") -> None:
    token = secrets.token_hex(8)
    job = change_job(job.company, job.number, lambda current: _begun(current, token))
    if job.runner != token:
        logger.info("import_is_another's")
        return
    data = b"".join(uploads.stream(job))
    planned = _planned(job, [data], chunk_size=_INLINE_CHUNK)
    if planned is None:
        return
    job = _looked_at(job, planned, hashlib.sha256(data).hexdigest())
    try:
        for phase in _phases(job):
            if phase == "write" and _faulty_after_validation(job):
                break
            with _working(job, phase, context) as work:
                for chunk in planned.chunks:
                    _import_chunk(work, chunk, data[chunk.start : chunk.end])
    except Stopped:
        logger.info("import_stopped")
        return
    _finish(job)


def _plan_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Looks at the whole file once, in parts; writes the manifest that the map reads."""
    job = _job_of(event)
    nothing: dict[str, Any] = {
        "passes": ["none"],
        "chunks": 0,
        "bucket": job.bucket,
        "manifest_key": "",
    }
    nothing |= {"company": job.company, "number": job.number, "bucket": job.bucket}
    if job.is_ended:
        return nothing
    job = change_job(job.company, job.number, lambda current: _begun(current, None))
    digest = hashlib.sha256()

    def parts() -> Iterator[bytes]:
        for part in uploads.stream(job):
            digest.update(part)
            heartbeat(job.company, job.number, None, datetime.now(UTC))
            yield part

    planned = _planned(job, parts(), chunk_size=int(os.environ["IMPORT_CHUNK_BYTES"]))
    if planned is None:
        return nothing
    job = _looked_at(job, planned, digest.hexdigest())
    manifest = [chunk.model_dump() for chunk in planned.chunks]
    uploads.put_result(job, "manifest.json", orjson.dumps(manifest))
    key = uploads.result_key(job, "manifest.json")
    passes = _phases(job) if planned.chunks else ("none",)
    return nothing | {"passes": list(passes), "chunks": len(planned.chunks), "manifest_key": key}


def _chunk_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Imports one range of the file; `done` is false if there is more of it to do."""
    job, began = _job_of(event), time.monotonic()
    phase = event.get("pass", "write")
    if job.state == "queued":
        job = change_job(job.company, job.number, lambda current: _begun(current, None, phase))
    chunk, before = Chunk.model_validate(event["chunk"]), int(event.get("done_rows", 0))
    _log_about(job, chunk=chunk.first_row)
    data = uploads.read_range(job, chunk.start, chunk.end)
    if not chunk.is_intact(data):
        raise Busy
    try:
        with _working(job, phase, context) as work:
            done = _import_chunk(work, chunk, data, before)
    except Stopped:
        logger.info("import_stopped")
        done = chunk.rows
    else:
        seconds = round(time.monotonic() - began, 3)
        logger.info("chunk_imported", phase=phase, rows=done - before, seconds=seconds)
    return {**event, "done": done >= chunk.rows, "done_rows": done}


def _decide_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    job = _job_of(event)
    return {**event, "go": "finish" if job.is_ended or _faulty_after_validation(job) else "write"}


def _finish_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    job = _job_of(event)
    if not job.is_ended:
        _finish(job)
    return {}


def _on_failed_execution(detail: dict[str, Any]) -> dict[str, Any]:
    """The state machine gave up: the job failed, and can be retried from where it stands."""
    asked, now = orjson.loads(detail["input"]), datetime.now(UTC)

    def failed(job: ImportJob) -> ImportJob:
        stopped = datetime.fromtimestamp((detail.get("stopDate") or 0) / 1000, UTC)
        another = (job.execution_arn or detail["executionArn"]) != detail["executionArn"]
        # An event may be late: the job may have been retried since.
        if job.is_ended or another or (detail.get("stopDate") and stopped < job.heartbeat_at):
            return job
        message = f"The import stopped ({detail['status']}). It can be retried: nothing is lost."
        refusal = Refusal(code="import_failed", message=message)
        return moved(job, "failed", now=now, refusal=refusal)

    job = change_job(asked["company"], asked["number"], failed)
    if job.finished_at == now:
        _log_about(job)
        count_import(job)
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
        logger.error("import_failed", status=detail["status"])
    return {}


_STEPS = {"plan": _plan_step, "chunk": _chunk_step, "decide": _decide_step, "finish": _finish_step}


def _begun(job: ImportJob, token: str | None, phase: str = "validate") -> ImportJob:
    """The job being worked on by `token`, or as it is if somebody else is at it."""
    now = datetime.now(UTC)
    alive = (now - job.heartbeat_at).total_seconds() < ALIVE_SECONDS
    if job.is_ended or (token and job.state != "queued" and alive):
        return job
    state: State = "running" if phase == "write" else "validating"
    return moved(job, state, now=now, runner=token)


def _planned(job: ImportJob, parts: Iterable[bytes], *, chunk_size: int) -> Plan | None:
    """The file cut into ranges; None if it is refused, which ends the job."""
    required = KINDS[job.kind].required
    try:
        planned = plan(parts, required=required, encoding=job.encoding, chunk_size=chunk_size)
        _refuse_another_kind(job, planned.dialect)
        return planned
    except BadFile as bad:
        column = bad.faults[0].field if bad.faults else None
        refusal = Refusal(code=bad.code, message=bad.message, line=bad.line, column=column)
        _end(job, "failed", refusal=refusal)
        return None


def _looked_at(job: ImportJob, planned: Plan, digest: str) -> ImportJob:
    """The job with what is known of its file, and the catalog pinned for all that comes."""
    if uploads.get_result(job, "catalog.json") is None:
        products = [product.model_dump(mode="json") for product in all_products(job.company)]
        uploads.put_result(job, "catalog.json", orjson.dumps(products))
    known = {
        "rows": planned.rows,
        "chunks": len(planned.chunks),
        "file_sha256": digest,
        "detected": _detected(job, planned.dialect),
    }
    state: State = "validating" if job.on_error == "reject_all" else "running"
    return change_job(
        job.company,
        job.number,
        lambda current: (
            current if current.is_ended else moved(current, state, now=datetime.now(UTC), **known)
        ),
    )


def _refuse_another_kind(job: ImportJob, dialect: Dialect) -> None:
    """Raise BadFile for a file that has not one column of its kind: its rows would be empty."""
    if _known_columns(job).isdisjoint(dialect.names):
        wanted = ", ".join(KINDS[job.kind].columns)
        message = f"the header has none of the columns of this kind of file: {wanted}."
        raise BadFile("missing_header", message, line=dialect.header_line)


def _known_columns(job: ImportJob) -> set[str]:
    return {name for part in KINDS[job.kind].parts.values() for name in part.columns}


def _detected(job: ImportJob, dialect: Dialect) -> dict[str, Any]:
    known = _known_columns(job)
    named = zip(dialect.names, dialect.columns, strict=True)
    unknown = [
        column
        for at, (name, column) in enumerate(named)
        if name not in known and at in dialect.original
    ]
    return {**dialect.model_dump(mode="json"), "unknown_columns": unknown}


def _phases(job: ImportJob) -> tuple[str, ...]:
    return ("validate", "write") if job.on_error == "reject_all" else ("write",)


def _faulty_after_validation(job: ImportJob) -> bool:
    """Whether the first pass of `reject_all` found anything; if not, the writing begins.

    Raises Busy if it has not seen every row.
    """
    if job.on_error != "reject_all":
        return False
    results = chunk_results(job.company, job.number)
    if sum(result.rows for result in results) != (job.rows or 0):
        raise Busy
    if any(result.invalid for result in results):
        return True
    if job.dry_run:
        return True
    change_job(
        job.company,
        job.number,
        lambda current: (
            current
            if current.is_ended or current.state == "running"
            else moved(current, "running", now=datetime.now(UTC))
        ),
    )
    return False


class _working:  # noqa: N801  # reads as what it is: a `with` statement
    """The pool and the records that a worker works with, for as long as it does."""

    def __init__(self, job: ImportJob, phase: str, context: "LambdaContext") -> None:
        self.job, self.phase, self.context = job, phase, context
        self.pool = ThreadPoolExecutor(bulk.THREADS)

    def __enter__(self) -> Work:
        job = self.job
        if job.detected is None:
            raise Stopped
        stored = orjson.loads(uploads.get_result(job, "catalog.json") or b"[]")
        products = map(Product.model_validate, stored)
        catalog = {product.short_code: product for product in products}
        return Work(
            job=job,
            terms=Import(job.company, job.number, job.kind, job.created_at, catalog),
            dialect=Dialect.model_validate(job.detected),
            phase=self.phase,
            pool=self.pool,
            milliseconds_left=self.context.get_remaining_time_in_millis,
        )

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()


def _import_chunk(work: Work, chunk: Chunk, data: bytes, done: int = 0) -> int:
    """Imports the rows of a range behind the first `done`; how many are done when time is short."""
    job, read = work.job, reader_of(work.terms, work.dialect)
    rows = records(data, work.dialect, first_row=chunk.first_row, first_line=chunk.first_line)
    entries = (read(row) for row in rows if row.row >= chunk.first_row + done)
    for stretch in bulk.batches(entries, STRETCH):
        if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
            raise Stopped
        result = import_stretch(work.terms, stretch, dry_run=work.dry_run, pool=work.pool)
        _report(work, result)
        done += len(stretch)
        if work.milliseconds_left() < _MILLISECONDS_TO_STOP:
            break
    return done


def _report(work: Work, done: Stretch) -> None:
    """Write what became of a stretch: details first, so that counts never lack them."""
    report = None
    if done.invalid or done.warnings or any(done.made.values()):
        details = {
            "invalid": [_invalid(work.dialect, bad) for bad in done.invalid],
            "warnings": done.warnings,
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
            warnings=len(done.warnings),
        ),
    )


def _invalid(dialect: Dialect, bad: Bad) -> dict[str, Any]:
    cells = zip(dialect.columns, bad.record.fields, strict=False)
    return {
        "row": bad.record.row,
        "line": bad.record.line,
        "errors": bad.faults,
        "data": {column: cell for column, cell in cells if cell},
    }


def _failed(dialect: Dialect, bad: Bad) -> bytes:
    codes = [fault["code"] for fault in bad.faults]
    messages = [f"{fault['column']}: {fault['message']}." for fault in bad.faults]
    return failed_row(dialect, bad.record, codes, messages)


def _finish(job: ImportJob) -> None:
    """Adds up what the chunks did; every row of the file is counted once, or it is not the end."""
    job = get_job(job.company, job.number) or job
    results = chunk_results(job.company, job.number)
    if sum(result.rows for result in results) != (job.rows or 0):
        raise Busy
    total = totals_of(job, results)
    if total.invalid:
        uploads.put_result(job, "result.json", orjson.dumps(total.shown))
        uploads.put_parts(job, "failed.rows", total.failed_rows())
    if not total.invalid:
        state: State = "succeeded"
    elif job.on_error == "reject_all":
        state = "rejected"
    else:
        state = "completed_with_errors"
    _end(job, state, counts=total.counts, failed_rows=bool(total.invalid))


def _end(job: ImportJob, state: State, **changes: Any) -> None:
    """Ends a job, once: what another worker ended before is as it was, and counted already."""
    now = datetime.now(UTC)
    ended = change_job(
        job.company,
        job.number,
        lambda current: (
            current
            if current.is_ended or current.runner != job.runner
            else moved(current, state, now=now, **changes)
        ),
    )
    if ended.finished_at == now:
        count_import(ended)
        logger.info("import_ended", state=ended.state, counts=ended.counts)


def _job_of(event: dict[str, Any]) -> ImportJob:
    job = get_job(event["company"], event["number"])
    if job is None:
        raise LookupError(f"there is no import {event['number']} of {event['company']}")
    _log_about(job)
    return job


def _log_about(job: ImportJob, chunk: int | None = None) -> None:
    """Have all lines from here on name the job, and the request that it goes back to."""
    logger.thread_safe_append_keys(
        company=job.company, job=job.number, chunk=chunk, correlation_id=job.correlation_id
    )


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Dispatches by the shape of the event."""
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(correlation_id=context.aws_request_id)
    try:
        if "Records" in event:
            return _on_objects(event["Records"], context)
        if "step" in event:
            return _STEPS[event["step"]](event, context)
        return _on_failed_execution(event["detail"])
    except Exception as error:  # noqa: BLE001  # raised again, without its message
        raise unspoken(error, logger) from None
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()

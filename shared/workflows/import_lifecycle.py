"""How an import goes from state to state: begun, looked at, decided upon, ended."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.metrics import SERVICE, count_import, metrics
from shared.columns import KINDS
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Plan, plan
from shared.errors import Busy, Refused
from shared.import_header import check_header, detected, with_options
from shared.import_job import BatchResult, FileFault, FileGone, ImportJob, State, transition
from shared.store import uploads, workers
from shared.store.catalog import all_products
from shared.store.import_jobs import batch_results, change_job, get_job, heartbeat, put_job
from shared.store.retry import attempts
from shared.workflows.import_totals import repeated_rows, stopped_counts, totals_of

ALIVE_SECONDS = 30
"""A job that was heard of this lately is being worked on."""

logger = Logger(service=SERVICE)


class ImportStopped(Exception):
    """The job was cancelled, or is another's: who notices writes no more of it."""


@contextmanager
def ending(job: ImportJob) -> Iterator[None]:
    """Have work on a job end without an error where no attempt could get any further.

    A job that was cancelled is left as it is. One whose file is gone or refused fails, with the
    reason.
    """
    try:
        yield
    except ImportStopped:
        logger.info("import_stopped")
    except FileGone as gone:
        _end(job, "failed", refusal=gone.refusal)
    except BadFile as bad:
        _end(job, "failed", refusal=_refusal_of(bad))


def claim(job: ImportJob, token: str | None, phase: str = "validate") -> ImportJob:
    """The job being worked on by `token`, or as it is if somebody else is at it."""
    now = datetime.now(UTC)
    alive = (now - job.heartbeat_at).total_seconds() < ALIVE_SECONDS
    if job.is_ended or (token and job.state != "queued" and alive):
        return job
    state: State = "running" if phase == "write" else "validating"
    return transition(job, state, now=now, runner=token)


def apply_object_options(job: ImportJob) -> ImportJob:
    """The job with the options that a dropped file carries as metadata.

    Ends the job and raises Stopped if one of them is not supported.
    """
    if job.requested_by != "s3":
        return job
    try:
        return with_options(job, uploads.metadata(job))
    except Refused as wrong:
        _end(job, "failed", refusal=FileFault(code=wrong.code, message=wrong.message))
        raise ImportStopped from None


def plan_file(job: ImportJob, parts: Iterable[bytes], *, chunk_size: int) -> Plan | None:
    """The file cut into ranges; None if it is refused, which ends the job."""
    kind = KINDS[job.kind]
    try:
        return plan(
            parts,
            required=kind.required,
            known=kind.columns,
            encoding=job.encoding,
            chunk_size=chunk_size,
            accept=lambda dialect: check_header(job, dialect),
        )
    except BadFile as bad:
        _end(job, "failed", refusal=_refusal_of(bad))
        return None


def _refusal_of(bad: BadFile) -> FileFault:
    column = bad.faults[0].field if bad.faults else None
    return FileFault(code=bad.code, message=bad.message, line=bad.line, column=column)


def record_plan(job: ImportJob, planned: Plan, digest: str) -> ImportJob:
    """The job with what is known of its file, and the catalog pinned for all that comes.

    Raises Stopped, and pins nothing, if it was cancelled meanwhile.
    """
    if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
        raise ImportStopped
    if uploads.get_result(job, "catalog.json") is None:
        products = [product.model_dump(mode="json") for product in all_products(job.company)]
        uploads.put_result(job, "catalog.json", orjson.dumps(products))
    known = {
        "rows": planned.rows,
        "chunks": len(planned.chunks),
        "file_sha256": digest,
        "detected": detected(job, planned.dialect),
        "encoding": job.encoding,
        "unknown_columns": job.unknown_columns,
    }
    state: State = "validating" if job.on_error == "reject_all" else "running"

    def seen(current: ImportJob) -> ImportJob:
        if current.is_ended:
            raise ImportStopped
        return transition(current, state, now=datetime.now(UTC), **known)

    return change_job(job.company, job.number, seen)


def phases_of(job: ImportJob) -> tuple[str, ...]:
    return ("validate", "write") if job.on_error == "reject_all" else ("write",)


def is_faulty(job: ImportJob) -> bool:
    """Whether the first pass of `reject_all` found anything; if not, the writing begins.

    What has begun to be written is written to its end, whatever a pass that is run again finds.
    Raises Busy if the first pass has not seen every row.
    """
    if job.on_error != "reject_all":
        return False
    results = batch_results(job.company, job.number)
    if not _is_written(results):
        _want_all_rows(job, results)
        if job.dry_run or any(result.invalid for result in results):
            return True
    change_job(
        job.company,
        job.number,
        lambda current: (
            current
            if current.is_ended or current.state == "running"
            else transition(current, "running", now=datetime.now(UTC))
        ),
    )
    return False


def _is_written(results: Iterable[BatchResult]) -> bool:
    """Whether something of the file is written, or has been looked at in order to be."""
    return any(result.phase == "write" for result in results)


def _want_all_rows(job: ImportJob, results: Iterable[BatchResult]) -> None:
    """Raise Busy if rows of the file are in none of the reports."""
    if sum(result.rows for result in results) != (job.rows or 0):
        raise Busy


def finish(job: ImportJob) -> None:
    """Adds up what the chunks did; every row of the file is counted once, or it is not the end.

    Raises Stopped for a job that has ended, or is planned anew: somebody else finishes that one.
    """
    job = get_job(job.company, job.number) or job
    if job.is_ended or job.rows is None:
        raise ImportStopped
    results = batch_results(job.company, job.number)
    if _is_written(results):
        results = [result for result in results if result.phase == "write"]
    _want_all_rows(job, results)
    if repeated_rows(job, results):
        raise Busy  # a worker that was late wrote the result of a batch once more
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


def fail_stuck(job: ImportJob) -> None:
    """Ends a job whose worker could write nothing new until its time was over.

    Another worker would wait in vain too: it is better to say so than to go on for a day.
    """
    message = (
        "The database accepted no new record of this import for ten minutes: its tables are"
        " throttled. What was written stays. Retry the import when there is less load on them."
    )
    if _end(job, "failed", refusal=FileFault(code="no_progress", message=message)):
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
        logger.error("import_failed", reason="throttled")


def count_stopped(job: ImportJob) -> None:
    """Store the counts of a job that stopped midway, once none of its workers can write any more.

    Called by each worker at its end and by whatever else meets such a job, so the last one counts.
    A worker may outlive its registration, because clocks differ: then it counts once more. Counts
    are written only over the job that they were read with, so a late, older count changes nothing.
    """
    for _ in attempts():
        current = get_job(job.company, job.number)
        if current is None or not current.is_stopped:
            return
        if workers.any_registered(job.company, job.number, datetime.now(UTC)):
            return
        counts = stopped_counts(current, batch_results(job.company, job.number))
        if current.counts == counts:
            return
        if put_job(current.model_copy(update={"counts": counts}), current):
            logger.info("import_counted", state=current.state, counts=counts)
            return
    raise Busy


def _end(job: ImportJob, state: State, **changes: Any) -> bool:
    """Ends a job, once: what another worker ended before is as it was, and counted already."""
    now = datetime.now(UTC)
    ended = change_job(
        job.company,
        job.number,
        lambda current: (
            current
            if current.is_ended or current.runner != job.runner
            else transition(current, state, now=now, **changes)
        ),
    )
    if ended.finished_at == now:
        count_import(ended)
        logger.info("import_ended", state=ended.state, counts=ended.counts)
    return ended.finished_at == now

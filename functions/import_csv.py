"""Import files. Triggers: S3 ObjectCreated events, and the steps of the state machine.

A small file is imported by the invocation of its event. For a large file, the event starts the
state machine, whose steps invoke this function again: `plan` validates the file and cuts it into
chunks, `chunk` imports a chunk, `decide` is between the two passes of `reject_all`, and `finish`
adds up the results. Steps that run twice, concurrently or partly have the same results.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.import_metrics import count_import
from functions.telemetry.metrics import SERVICE, metrics
from functions.telemetry.redaction import redacted
from functions.telemetry.tracing import annotate, traced
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Chunk
from shared.errors import Busy
from shared.import_job import FileFault, FileGone, ImportJob, transition
from shared.store import unknown_files, uploads
from shared.store.executions import execute
from shared.store.import_jobs import change_job, get_job, heartbeat
from shared.store.object_claims import UnknownCompany, Version, claim_object, company_of
from shared.store.open_batches import OpenBatch, close_batch
from shared.workflows.generated_keys import generated_keys
from shared.workflows.import_bundles import mentions_of, pin_bundle_keys
from shared.workflows.import_chunk import Work, complete_batch, import_chunk, working
from shared.workflows.import_duplicates import refuse_duplicates
from shared.workflows.import_lifecycle import (
    ImportStopped,
    OptionsRefused,
    apply_object_options,
    begin_writing,
    claim,
    claimed,
    count_stopped,
    end,
    fail_throttled,
    fault_of,
    finish,
    phases_of,
    plan_file,
    record_plan,
)
from shared.workflows.import_plan import check_plan
from shared.workflows.import_repeats import pin_repeats
from shared.workflows.import_results import write_results
from shared.workflows.undo_import import is_held_back, start_waiting

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_INLINE_CHUNK = 1024 * 1024

logger = Logger(service=SERVICE)


def _on_objects(notices: Iterable[dict[str, Any]], context: "LambdaContext") -> dict[str, Any]:
    """Run the import jobs of objects, or start their executions; an object has only one job."""
    for notice in notices:
        found = notice["s3"]["object"]
        version = Version(
            notice["s3"]["bucket"]["name"],
            unquote_plus(found["key"]),
            found.get("versionId", ""),
            int(found["size"]),
        )
        job = _claim(version, context)
        if job is not None and job.version_id != version.version_id:
            _log_about(job)
            logger.warning("import_has_its_file", extra={"version_id": version.version_id})
        elif job is not None:
            _run(job, context)
    return {}


def _run_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Run a job that no object announces: it undoes an import, or commits the plan of one."""
    _run(_job_of(event), context)
    return {}


def _run(job: ImportJob, context: "LambdaContext") -> None:
    """Run a job that has not ended, or count one that has stopped."""
    _log_about(job)
    if job.is_stopping:
        _count_stopped(job)
    elif job.is_ended:
        start_waiting(job, _execute)
    elif is_held_back(job):
        logger.info("import_waits")
    elif (job.size or 0) > int(os.environ["IMPORT_INLINE_BYTES"]):
        _execute(job)
    else:
        _run_here(job, context)
        _count_stopped(job)


def _claim(version: Version, context: "LambdaContext") -> ImportJob | None:
    """The job of an object; None if its key is not that of an import, or its company is unknown.

    The file of an unknown company stays in the bucket: the sweeper announces it when the company
    has an API key.
    """
    try:
        now = datetime.now(UTC)
        return claim_object(*version, now=now, correlation_id=context.aws_request_id)
    except UnknownCompany:
        unknown_files.keep(version)
        metrics.add_metric("UnknownCompany", MetricUnit.Count, 1)
        about = {"company": company_of(version), "version_id": version.version_id}
        logger.warning("unknown_company", extra=about)
        return None


def _execute(job: ImportJob) -> None:
    """Start the execution of a job; a second event starts nothing."""
    arn = execute(job)

    def noted(current: ImportJob) -> ImportJob:
        if arn is None or current.is_ended or current.execution_arn == arn:
            return current
        return transition(current, current.state, now=datetime.now(UTC), execution_arn=arn)

    change_job(job.company, job.number, noted)


def _run_here(job: ImportJob, context: "LambdaContext") -> None:
    token = secrets.token_hex(8)
    job = change_job(job.company, job.number, lambda current: claim(current, token))
    if job.runner != token:
        logger.info("import_is_another's")
        return
    with _ending(job):
        check_plan(job)
        job = apply_object_options(job)
        mentions = mentions_of(job)
        data = b"".join(uploads.stream(job))
        mentions.feed(data)
        planned = plan_file(job, [data], chunk_size=_INLINE_CHUNK)

        def read(chunk: Chunk) -> bytes:
            return data[chunk.start : chunk.end]

        job = record_plan(job, planned, hashlib.sha256(data).hexdigest())
        pin_bundle_keys(job, mentions, planned, read)
        pin_repeats(job, planned, read)
        for phase in phases_of(job):
            if phase == "write" and not begin_writing(job):
                break
            with working(job, phase, context.get_remaining_time_in_millis) as work:
                for chunk in planned.chunks:
                    done = import_chunk(work, chunk, read(chunk))
                    is_last = chunk is planned.chunks[-1]
                    if done < chunk.rows or (work.is_short_of_time and not is_last):
                        _hand_over(job, work)
                        return
            refuse_duplicates(
                job, phase, context.get_remaining_time_in_millis, lambda: planned.chunks, read
            )
        _record_end(finish(job))


def _hand_over(job: ImportJob, work: Work) -> None:
    """Start an execution that continues the import, because this invocation has no time left.

    The file is cut into the same chunks, so the results of finished batches stay valid.
    """
    if work.is_stuck:
        _fail_throttled(job)
        return
    logger.info("import_handed_over")
    _execute(job)


def _plan_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Read the whole file once, in parts, and write the manifest for the map state."""
    job = _job_of(event)
    nothing: dict[str, Any] = {
        "company": job.company,
        "number": job.number,
        "bucket": job.bucket,
        "manifest_key": "",
        "chunks": 0,
        "passes": ["none"],
    }
    if job.is_ended:
        return nothing
    job = change_job(job.company, job.number, lambda current: claim(current, None))
    planned: dict[str, Any] = {}
    with _ending(job):
        planned = _planned(job)
    return nothing | planned


def _planned(job: ImportJob) -> dict[str, Any]:
    """The output of the step for a file that is not refused."""
    check_plan(job)
    job = apply_object_options(job)
    mentions = mentions_of(job)
    digest = hashlib.sha256()
    parts = _watched(job, uploads.stream(job), digest.update, mentions.feed)
    planned = plan_file(job, parts, chunk_size=_chunk_size(job))
    job = record_plan(job, planned, digest.hexdigest())
    pin_bundle_keys(job, mentions, planned, partial(_read, job))
    pin_repeats(job, planned, partial(_read, job))
    manifest = [chunk.model_dump() for chunk in planned.chunks]
    uploads.put_result(job, "manifest.json", orjson.dumps(manifest))
    return {
        "manifest_key": uploads.result_key(job, "manifest.json"),
        "chunks": len(planned.chunks),
        "passes": [*(phases_of(job) if planned.chunks else ("none",))],
    }


def _watched(
    job: ImportJob, parts: Iterable[bytes], *notes: Callable[[bytes], None]
) -> Iterator[bytes]:
    """Pass each part to `note` and on. Raises ImportStopped if the job was cancelled."""
    for part in parts:
        for note in notes:
            note(part)
        if not heartbeat(job.company, job.number, None, datetime.now(UTC)):
            raise ImportStopped
        yield part


def _chunk_size(job: ImportJob) -> int:
    """The same as in `_run_here` for a small file: batches of other chunks would count twice."""
    is_small = (job.size or 0) <= int(os.environ["IMPORT_INLINE_BYTES"])
    return _INLINE_CHUNK if is_small else int(os.environ["IMPORT_CHUNK_BYTES"])


def _chunk_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Import a chunk of the file; `done` is false if rows are left."""
    job, began = _job_of(event), time.monotonic()
    if job.is_ended:
        return {**event, "done": True}
    phase = event.get("pass", "write")
    job = claimed(job, phase)
    chunk, before = Chunk.model_validate(event["chunk"]), int(event.get("done_rows", 0))
    _log_about(job, chunk=chunk.first_row)
    done = chunk.rows  # a stopped job has nothing left to do
    with _ending(job):
        data = _read(job, chunk)
        with working(job, phase, context.get_remaining_time_in_millis) as work:
            done = import_chunk(work, chunk, data, before)
        seconds = round(time.monotonic() - began, 3)
        logger.info("chunk_imported", phase=phase, rows=done - before, seconds=seconds)
        if done < chunk.rows and work.is_stuck:
            _fail_throttled(job)
            done = chunk.rows
    _count_stopped(job)
    return {**event, "done": done >= chunk.rows, "done_rows": done}


def _decide_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    job = _without_duplicates(_job_of(event), "validate", context)
    return {**event, "go": "write" if not job.is_ended and begin_writing(job) else "finish"}


def _finish_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    job = _without_duplicates(_job_of(event), "write", context)
    with _ending(job):
        _record_end(finish(job))
    _count_stopped(job)
    return {}


def _without_duplicates(job: ImportJob, phase: str, context: "LambdaContext") -> ImportJob:
    """The job, after duplicates in different batches were refused."""

    def chunks() -> Iterator[Chunk]:
        for planned in orjson.loads(uploads.need_result(job, "manifest.json")):
            yield Chunk.model_validate(planned)

    if not job.is_ended:
        with _ending(job):
            job = refuse_duplicates(
                job, phase, context.get_remaining_time_in_millis, chunks, partial(_read, job)
            )
    return job


def _read(job: ImportJob, chunk: Chunk) -> bytes:
    """The bytes of a planned chunk. Raises Busy if S3 returns other bytes."""
    data = uploads.read_range(job, chunk.start, chunk.end)
    if not chunk.is_intact(data):
        raise Busy
    return data


def _on_failed_execution(detail: dict[str, Any]) -> dict[str, Any]:
    """Fail the job of an execution that has failed; it can be retried."""
    execution_input, now = orjson.loads(detail["input"]), datetime.now(UTC)

    def failed(job: ImportJob) -> ImportJob:
        stopped = datetime.fromtimestamp((detail.get("stopDate") or 0) / 1000, UTC)
        another = (job.execution_arn or detail["executionArn"]) != detail["executionArn"]
        # The event may be late: the job may have been retried since.
        if job.is_ended or another or (detail.get("stopDate") and stopped < job.heartbeat_at):
            return job
        message = f"The import stopped ({detail['status']}). It can be retried: nothing is lost."
        refusal = FileFault(code="import_failed", message=message)
        return transition(job, "failed", now=now, refusal=refusal)

    job = change_job(execution_input["company"], execution_input["number"], failed)
    if job.finished_at == now:
        _log_about(job)
        count_import(job)
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
        logger.error("import_failed", status=detail["status"])
        _count_stopped(job)
    return {}


def _complete_step(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Complete an open batch of an import that has ended, and count it if it was reported late."""
    job, batch = _job_of(event), OpenBatch.model_validate(event["batch"])
    if not job.is_ended:
        return {}
    chunk = batch.chunk
    try:
        data = uploads.read_range(job, chunk.start, chunk.end)
        if not chunk.is_intact(data):
            raise Busy
        with working(job, "write", context.get_remaining_time_in_millis, ended=True) as work:
            complete_batch(work, batch, data)
    except FileGone:
        logger.warning("batch_incomplete", row=chunk.first_row + batch.done, rows=batch.rows)
        close_batch(batch)
    _count_stopped(job)
    return {}


def _results_step(event: dict[str, Any], _: "LambdaContext") -> dict[str, Any]:
    """Write `results.csv` of an import that has ended, when it is requested."""
    job = _job_of(event)
    if job.is_ended and job.detected is not None:
        try:
            write_results(job, generated_keys(job))
        except FileGone as gone:
            logger.warning("results_not_written", code=gone.code)
    return {}


@contextmanager
def _ending(job: ImportJob) -> Iterator[None]:
    """Return normally where no attempt could get any further.

    A job that was cancelled stays as it is. One whose file is refused or gone fails with the
    reason.
    """
    try:
        yield
    except ImportStopped:
        logger.info("import_stopped")
    except OptionsRefused as refused:
        _record_end(end(job, "failed", refusal=refused.fault))
    except BadFile as bad:
        _record_end(end(job, "failed", refusal=fault_of(bad)))
    except FileGone as gone:
        _record_end(end(job, "failed", refusal=gone.refusal))


def _record_end(ended: ImportJob | None) -> None:
    """Count and log the end of a job, if this invocation ended it."""
    if ended is not None:
        count_import(ended)
        logger.info("import_ended", state=ended.state, counts=ended.counts)
        start_waiting(ended, _execute)


def _fail_throttled(job: ImportJob) -> None:
    ended = fail_throttled(job)
    _record_end(ended)
    if ended is not None:
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
        logger.error("import_failed", reason="throttled")


def _count_stopped(job: ImportJob) -> None:
    counted = count_stopped(job)
    if counted is not None:
        logger.info("import_counted", state=counted.state, counts=counted.counts)
        start_waiting(counted, _execute)


_STEPS = {
    "run": _run_step,
    "plan": _plan_step,
    "chunk": _chunk_step,
    "decide": _decide_step,
    "finish": _finish_step,
    "complete": _complete_step,
    "results": _results_step,
}


def _job_of(event: dict[str, Any]) -> ImportJob:
    job = get_job(event["company"], event["number"])
    if job is None:
        raise LookupError(f"there is no import {event['number']} of {event['company']}")
    _log_about(job)
    return job


def _log_about(job: ImportJob, chunk: int | None = None) -> None:
    """Add the job and its correlation id to the trace and to all following log lines."""
    about: dict[str, str | int | None] = {"company": job.company, "job": job.number, "chunk": chunk}
    logger.thread_safe_append_keys(**about, correlation_id=job.correlation_id)
    annotate(**about, correlation_id=job.correlation_id)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Dispatch by the shape of the event."""
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(correlation_id=context.aws_request_id)
    try:
        if "Records" in event:
            return _on_objects(event["Records"], context)
        if "step" in event:
            return _STEPS[event["step"]](event, context)
        return _on_failed_execution(event["detail"])
    except Exception as error:  # noqa: BLE001  # raised again, without its message
        raise redacted(error, logger) from None
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()

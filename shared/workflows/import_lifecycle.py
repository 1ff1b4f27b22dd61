"""The life of an import: claim it, plan its file, decide between its passes, end it.

A function that can end a job returns the ended job, so that its caller can count and log the
end. It returns None if another worker has ended the job before.
"""

import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from shared.column_mapping import mapping_faults, pinned
from shared.columns import BUNDLE_KEY, KINDS
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Plan, plan
from shared.errors import Busy, Refused
from shared.import_counts import BatchResult
from shared.import_header import check_header, detected, with_options
from shared.import_job import FileFault, FileGone, ImportJob, State, parse_object_key, transition
from shared.store import uploads, workers
from shared.store.batch_results import batch_results, seal_result, unseal_result
from shared.store.catalog import all_products
from shared.store.import_jobs import change_job, get_job, heartbeat, put_job
from shared.store.import_mappings import get_mapping, job_mapping, pin_mapping
from shared.store.retry import attempts
from shared.workflows.import_plan import hash_of_plan, plan_of
from shared.workflows.import_results import correct_rows
from shared.workflows.import_totals import repeated_rows, stopped_totals, totals_of

_SEALING_THREADS = 8
ALIVE_SECONDS = 30
"""A job with a heartbeat in the last so many seconds is running."""


class ImportStopped(Exception):
    """The job was cancelled, or another worker has it: the worker that notices writes no more."""


class OptionsRefused(Exception):
    """The options of a file that was put into the bucket are invalid."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code)
        self.fault = FileFault(code=refused.code, message=refused.message)


def claim(job: ImportJob, token: str | None, phase: str = "validate") -> ImportJob:
    """Take the lease of a job for `token`; the job is unchanged if it is running elsewhere."""
    now = datetime.now(UTC)
    alive = (now - job.heartbeat_at).total_seconds() < ALIVE_SECONDS
    if job.is_ended or (token and job.state != "queued" and alive):
        return job
    state: State = "running" if phase == "write" else "validating"
    return transition(job, state, now=now, runner=token)


def claimed(job: ImportJob, phase: str) -> ImportJob:
    """The job of a step that works: a retry queues it, and redrives the step that has failed."""
    if job.state != "queued":
        return job
    return change_job(job.company, job.number, lambda current: claim(current, None, phase))


def apply_object_options(job: ImportJob) -> ImportJob:
    """Apply the options in the metadata of a file that was put into the bucket.

    Raises OptionsRefused if one of them is not supported, or if the file is in the folder of an
    import: a copy from another stage would be imported with other options than that import had.
    """
    if job.requested_by != "s3":
        return job
    place = parse_object_key(job.key)
    if place is not None and place.number is not None:
        message = (
            f"{job.key} is in a folder for the file of import {place.number}, and there is no such"
            " import of this kind. Copy the file to a folder that is not named job-<number>."
        )
        raise OptionsRefused(Refused("reserved_folder", message))
    metadata = uploads.metadata(job)
    try:
        return _with_mapping(with_options(job, metadata), has_dates="dates" in metadata)
    except Refused as wrong:
        raise OptionsRefused(wrong) from None


def _with_mapping(job: ImportJob, *, has_dates: bool) -> ImportJob:
    """Pin the saved mapping that the file's object names, unless the job has pinned one before.

    Raises Refused if there is none, or it is for another kind of file.
    """
    if job.mapping_name is None:
        return job
    if job.mapping is None:
        saved = get_mapping(job.company, job.mapping_name)
        if saved is None:
            message = (
                f"There is no saved mapping {job.mapping_name!r}. Save it with PUT"
                f" /api/v1/import-mappings/{job.mapping_name}/, and put the file again."
            )
            raise Refused("unknown_mapping", message)
        if faults := mapping_faults(saved.mapping, job.kind):
            message = f"The saved mapping {job.mapping_name!r} {faults[0].message}."
            raise Refused("unknown_mapping", message)
        job = pin_mapping(job, pinned(saved.mapping))
    if not has_dates and (dates := job_mapping(job).dates):
        return job.model_copy(update={"dates": dates})
    return job


def plan_file(job: ImportJob, parts: Iterable[bytes], *, chunk_size: int) -> Plan:
    """Validate the file and cut it into chunks. Raises BadFile."""
    mapping = job_mapping(job)
    return plan(
        parts,
        required=mapping.required(job.kind),
        known=KINDS[job.kind].columns,
        encoding=job.encoding,
        mapped=mapping.headers,
        chunk_size=chunk_size,
        accept=lambda dialect: check_header(job, dialect, mapping),
        together=BUNDLE_KEY,
    )


def fault_of(bad: BadFile) -> FileFault:
    """The reason why a job fails with a refused file."""
    column = bad.faults[0].field if bad.faults else None
    return FileFault(
        code=bad.code,
        message=bad.message,
        line=bad.line,
        column=column,
        suggested={**bad.suggested},
    )


def record_plan(job: ImportJob, planned: Plan, digest: str) -> ImportJob:
    """Store the plan in the job, and pin the catalog for the whole import.

    Raises ImportStopped, and pins nothing, if the job was cancelled.
    """
    if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
        raise ImportStopped
    if uploads.get_result(job, "catalog.json") is None:
        uploads.put_first_result(job, "catalog.json", _catalog_of(job))
    known = {
        "planned_in": job.attempts,
        "rows": planned.rows,
        "chunks": len(planned.chunks),
        "file_sha256": digest,
        "detected": detected(job, planned.dialect, job_mapping(job)),
        "encoding": job.encoding,
        "unknown_columns": job.unknown_columns,
        "dates": job.dates,
        "mapping": job.mapping,
        "mapping_name": job.mapping_name,
        "on_existing": job.on_existing,
        "on_missing": job.on_missing,
        "keys": job.keys,
    }
    state: State = "validating" if job.on_error == "reject_all" else "running"

    def seen(current: ImportJob) -> ImportJob:
        if current.is_ended:
            raise ImportStopped
        return transition(current, state, now=datetime.now(UTC), **known)

    return change_job(job.company, job.number, seen)


def _catalog_of(job: ImportJob) -> bytes:
    """The catalog to pin: today's, or that of the plan to commit, or of the import to undo."""
    source = plan_of(job)
    if job.undoes is not None:
        source = job.model_copy(update={"number": job.undoes})
    if source is not None:
        return uploads.need_result(source, "catalog.json")
    products = [product.model_dump(mode="json") for product in all_products(job.company)]
    return orjson.dumps(products)


def phases_of(job: ImportJob) -> tuple[str, ...]:
    return ("validate", "write") if job.on_error == "reject_all" else ("write",)


def begin_writing(job: ImportJob) -> bool:
    """Begin the writing pass; False if the validating pass of `reject_all` found invalid rows.

    A file of which rows were written is written to its end, even if the validating pass runs again
    and finds something else. Raises Busy if the validating pass has not seen every row.
    """
    if job.on_error != "reject_all":
        return True
    if not job.writing_began and (
        job.dry_run or any(result.invalid for result in _all_results(job, "validate"))
    ):
        return False
    change_job(
        job.company,
        job.number,
        lambda current: (
            current
            if current.is_ended or current.state == "running"
            else transition(current, "running", now=datetime.now(UTC), writing_began=True)
        ),
    )
    return True


def _all_results(job: ImportJob, phase: str) -> list[BatchResult]:
    """The results of a pass since the file was planned. Raises Busy if they lack rows of the file.

    Batches of an earlier plan run again, and may find that something has changed.
    """
    results = [
        result
        for result in batch_results(job.company, job.number)
        if result.phase == phase and result.attempt >= job.planned_in
    ]
    if sum(result.rows for result in results) != (job.rows or 0):
        raise Busy
    return results


def finish(job: ImportJob) -> ImportJob | None:
    """End a job with the totals of its batches, which count every row of the file once.

    Raises Busy if rows are missing or counted twice, and ImportStopped for a job that has ended or
    whose file is planned again: another worker finishes that one.
    """
    job = get_job(job.company, job.number) or job
    if job.is_ended or job.rows is None:
        raise ImportStopped
    is_writing = job.on_error != "reject_all" or job.writing_began
    results = _sealed(job, _all_results(job, "write" if is_writing else "validate"))
    total, report = totals_of(job, results), None
    correct_rows(total)
    if total.invalid:
        report = f"failed-{secrets.token_hex(4)}"
        uploads.put_result(job, f"{report}.json", orjson.dumps(total.shown))
        uploads.put_parts(job, f"{report}.rows", total.failed_rows())
    if not total.invalid:
        state: State = "succeeded"
    elif not is_writing:
        state = "rejected"
    else:
        state = "completed_with_errors"
    plan = None
    if job.dry_run and state != "rejected":
        plan = hash_of_plan(job, batch_results(job.company, job.number))
    return end(job, state, counts=total.counts, failed_report=report, plan_hash=plan)


def _sealed(job: ImportJob, results: Sequence[BatchResult]) -> list[BatchResult]:
    """The results once no late worker can replace them, so that counts and reports agree.

    Raises Busy, with nothing sealed, if rows are repeated in several batches: a late worker has
    stored the result of a batch again, which must be compared.
    """
    if repeated_rows(job, results):
        raise Busy
    indexes = [result.index for result in results]
    with ThreadPoolExecutor(_SEALING_THREADS) as executor:
        seal = partial(seal_result, job.company, job.number, attempt=job.attempts)
        sealed = [*executor.map(seal, indexes)]
        if sealed != results and repeated_rows(job, sealed):
            [*executor.map(partial(unseal_result, job.company, job.number), indexes)]
            raise Busy
    return sealed


def fail_throttled(job: ImportJob) -> ImportJob | None:
    """End a job whose worker could write nothing new for a whole invocation.

    Another worker would only wait too: the job fails instead of going on for a day.
    """
    message = (
        "The database accepted no new record of this import for ten minutes: its tables are"
        " throttled. What was written stays. Retry the import when there is less load on them."
    )
    return end(job, "failed", refusal=FileFault(code="no_progress", message=message))


def count_stopped(job: ImportJob) -> ImportJob | None:
    """Store the counts of a job that stopped midway, once none of its workers can write any more.

    Called by each worker at its end and by whatever else meets such a job, so the last one counts.
    A worker whose clock is behind may outlive its registration, if the sweeper runs meanwhile: then
    it counts once more. Counts are written only over the job that they were read with, so a late,
    older count changes nothing.
    Returns the job if this call wrote its counts.
    """
    for _ in attempts():
        current = get_job(job.company, job.number)
        if current is None or not current.is_stopped:
            return None
        if workers.any_registered(job.company, job.number):
            return None
        total = stopped_totals(current, batch_results(job.company, job.number))
        counts = total.counts
        if current.counts == counts:
            return None
        with suppress(FileGone):
            correct_rows(total)
        counted = current.model_copy(update={"counts": counts})
        if put_job(counted, current):
            return counted
    raise Busy


def end(job: ImportJob, state: State, **changes: Any) -> ImportJob | None:
    """End a job, once; None if it is another worker's, or has ended before."""
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
    return ended if ended.finished_at == now else None

"""Exports without an execution: the start was lost, or the event of a failure. For the sweeper."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.export_job import ExportJob, transition
from shared.import_job import FileFault
from shared.store.export_executions import export_status, start_export
from shared.store.export_jobs import change_export, unfinished_exports

LEFT_ALONE = timedelta(minutes=15)
"""After the last sign of life of a worker."""


def fail_export(job: ExportJob, status: str, now: datetime) -> ExportJob:
    """The export after its execution has ended with this status; it can be retried."""
    message = f"The export stopped ({status}). It can be retried: it continues where it stopped."
    refusal = FileFault(code="export_failed", message=message)
    return transition(job, "failed", now=now, refusal=refusal)


def resume_exports(now: datetime) -> Iterator[ExportJob]:
    """Start exports whose start was lost, and fail those whose execution has ended.

    Yields each after the change.
    """
    for job in unfinished_exports():
        if job.heartbeat_at >= now - LEFT_ALONE:
            continue
        status = export_status(job)
        if status is None:
            start_export(job)
            yield job
        elif status != "RUNNING":
            changed = _fail_if_same(job, status, now)
            if changed.is_ended:
                yield changed


def _fail_if_same(job: ExportJob, status: str, now: datetime) -> ExportJob:
    def failed(current: ExportJob) -> ExportJob:
        same = current.attempts == job.attempts and not current.is_ended
        return fail_export(current, status, now) if same else current

    return change_export(job.company, job.number, failed)

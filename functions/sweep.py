"""The sweeper. Trigger: EventBridge schedule, every 5 minutes.

It rolls back orders that have been pending for 15 minutes; before that, a retry of the request
completes them. It announces files whose S3 event was lost, retries or fails import jobs that no
worker is running, and starts or fails exports that no execution is running.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.import_metrics import count_import
from functions.telemetry.metrics import SERVICE, metrics
from functions.telemetry.redaction import redacted
from functions.telemetry.tracing import traced
from shared.access import SWEEPER
from shared.import_job import ImportJob
from shared.store.object_claims import Version, company_of
from shared.store.writer import written_by
from shared.workflows.lost_files import announce_dropped, announce_known, announce_uploads
from shared.workflows.pending_orders import roll_back_abandoned
from shared.workflows.stuck_exports import resume_exports
from shared.workflows.stuck_imports import (
    SweepRun,
    complete_batches,
    count_stopped,
    give_up_uploads,
    resume_jobs,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service=SERVICE)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Run all tasks, and return how much each has done; the next run continues.

    A failing task does not prevent the others.
    """
    this = SweepRun(datetime.now(UTC))
    done: dict[str, int] = {}
    failed: list[Exception] = []
    for name, (metric, sweep) in _CONCERNS.items():
        try:
            with written_by(SWEEPER):
                done[name] = sweep(this)
        except Exception as error:  # noqa: BLE001  # raised after all tasks
            failed.append(redacted(error, logger))
        else:
            if done[name]:
                metrics.add_metric(metric, MetricUnit.Count, done[name])
    try:
        metrics.add_metric("OldestImportAge", MetricUnit.Seconds, this.oldest_age)
    except Exception as error:  # noqa: BLE001  # raised with the others
        failed.append(redacted(error, logger))
    if metrics.metric_set:
        metrics.flush_metrics()
    if failed:
        raise ExceptionGroup("sweep", failed) from None
    return done


def _roll_back_orders(this: SweepRun) -> int:
    count = 0
    for company, order_id, part in roll_back_abandoned(this.now):
        count += 1
        logger.warning("order_undone", company=company, order_id=order_id, part=part)
    return count


def _give_up_uploads(this: SweepRun) -> int:
    count = 0
    for job in give_up_uploads(this):
        count += 1
        count_import(job)
    return count


def _resume_jobs(this: SweepRun) -> int:
    count = 0
    for job in resume_jobs(this):
        count += 1
        if job.is_ended:
            count_import(job)
            metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
            logger.error("import_failed", attempts=job.attempts, extra=_log_fields(job))
        else:
            logger.warning("import_resumed", attempts=job.attempts, extra=_log_fields(job))
    return count


def _resume_exports(this: SweepRun) -> int:
    count = 0
    for job in resume_exports(this.now):
        count += 1
        about = {"company": job.company, "export": job.number, "correlation_id": job.correlation_id}
        if job.is_ended:
            metrics.add_metric("ExportFailed", MetricUnit.Count, 1)
            logger.error("export_failed", attempts=job.attempts, extra=about)
        else:
            logger.warning("export_resumed", attempts=job.attempts, extra=about)
    return count


def _complete_batches(this: SweepRun) -> int:
    count = 0
    for batch in complete_batches(this):
        count += 1
        about = {"company": batch.company, "job": batch.number}
        logger.warning("batch_completed", row=batch.key[1], extra=about)
    return count


def _log_fields(job: ImportJob) -> dict[str, Any]:
    return {"company": job.company, "job": job.number, "correlation_id": job.correlation_id}


def _log_files(announced: Iterable[Version]) -> int:
    count = 0
    for version in announced:
        count += 1
        kind = version.key.split("/", 2)[1]  # the rest is a name that a person chose
        about = {"company": company_of(version), "kind": kind, "version_id": version.version_id}
        logger.warning("import_announced", extra=about)
    return count


_CONCERNS: dict[str, tuple[str, Callable[[SweepRun], int]]] = {
    "undone": ("OrderUndone", _roll_back_orders),
    "given_up": ("ImportGivenUp", _give_up_uploads),
    "resumed": ("ImportResumed", _resume_jobs),
    "counted": ("ImportAnnounced", lambda this: sum(1 for _ in count_stopped(this))),
    "completed": ("BatchCompleted", _complete_batches),
    "exports": ("ExportResumed", _resume_exports),
    "found": ("ImportAnnounced", lambda this: _log_files(announce_uploads(this.waiting, this.now))),
    "announced": ("ImportAnnounced", lambda this: _log_files(announce_dropped(this.now))),
    "known": ("ImportAnnounced", lambda _: _log_files(announce_known())),
}
"""The tasks by their names in the result, each with its metric."""

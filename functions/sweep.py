"""EventBridge schedule: what was begun and never ended is taken up again, or ended.

An order too large for one transaction whose function died is finished by the same request sent
again; if none comes within a quarter of an hour, its keys are freed here. Of imports, a file whose
event never came is announced again, and a job that nobody works on is run again, or fails.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.counting import SERVICE, count_import, metrics
from functions.crash import unspoken
from functions.runs import announce, is_running, start
from functions.tracing import traced
from shared.imports import MOST_ATTEMPTS, ImportJob, Refusal, moved, requeued
from shared.store.imports import put_job, unclaimed, unfinished_jobs
from shared.store.unsettled import pending_orders, take_over, undo
from shared.store.uploads import versions

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LEFT_ALONE = timedelta(minutes=15)
UPLOAD_WITHIN = timedelta(hours=24)
LOOKED_BACK = timedelta(days=1)
EVENT_TAKES = timedelta(minutes=2)

logger = Logger(service=SERVICE)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Answers how much was done of each; what cannot be done now is left for the next run.

    One concern that fails keeps none of the others from being looked at.
    """
    now = datetime.now(UTC)
    done: dict[str, int] = {}
    failed: list[Exception] = []
    for name, (metric, sweep) in _CONCERNS.items():
        try:
            done[name] = sweep(now)
        except Exception as error:  # noqa: BLE001  # raised when all have had their turn
            failed.append(unspoken(error, logger))
        else:
            if done[name]:
                metrics.add_metric(metric, MetricUnit.Count, done[name])
    try:
        metrics.add_metric("OldestImportAge", MetricUnit.Seconds, oldest_import(now))
    except Exception as error:  # noqa: BLE001  # raised with the others
        failed.append(unspoken(error, logger))
    if metrics.metric_set:
        metrics.flush_metrics()
    if failed:
        raise ExceptionGroup("sweep", failed) from None
    return done


def undo_orders(now: datetime) -> int:
    """Takes back the orders that were begun and never became visible."""
    undone = 0
    for company, order_id, part, owner in pending_orders(now - LEFT_ALONE):
        token = secrets.token_hex(16)
        if take_over(company, order_id, part, owner, token=token):
            undone += undo(company, order_id, part, token)
            logger.warning("order_undone", company=company, order_id=order_id, part=part)
    return undone


def announce_files(now: datetime) -> int:
    """Starts the imports of files that are in the bucket and that no event told of."""
    lost = unclaimed(versions(now - LOOKED_BACK, now - EVENT_TAKES))
    for version in lost:
        announce(version)
        company, kind, _ = version.key.split("/", 2)  # the rest is a name that somebody gave
        about = {"company": company, "kind": kind, "version_id": version.version_id}
        logger.warning("import_announced", extra=about)
    return len(lost)


def give_up_uploads(now: datetime) -> int:
    """Ends the jobs whose file never came."""
    refusal = Refusal(code="never_uploaded", message="The file did not come within 24 hours")
    late = [
        job
        for job in unfinished_jobs()
        if job.state == "awaiting_upload" and job.created_at < now - UPLOAD_WITHIN
    ]
    return sum(_ended(moved(job, "failed", now=now, refusal=refusal), job) for job in late)


def resume_jobs(now: datetime) -> int:
    """Runs jobs again that nobody works on, or ends those that were begun often enough."""
    still = [
        job
        for job in unfinished_jobs()
        if job.state != "awaiting_upload" and job.heartbeat_at < now - LEFT_ALONE
    ]
    return sum(_resume(job, now) for job in still if not is_running(job))


def oldest_import(now: datetime) -> float:
    """For how many seconds the oldest import is at work or waits to be; 0 if there is none."""
    at_work = (job for job in unfinished_jobs() if job.state != "awaiting_upload")
    since = min((job.started_at or job.heartbeat_at for job in at_work), default=now)
    return (now - since).total_seconds()


def _ended(after: ImportJob, before: ImportJob) -> bool:
    if not put_job(after, before):
        return False
    count_import(after)
    return True


def _resume(job: ImportJob, now: datetime) -> bool:
    about = {"company": job.company, "job": job.number, "correlation_id": job.correlation_id}
    if job.attempts >= MOST_ATTEMPTS:
        message = f"The import stopped {job.attempts} times before its end"
        refusal = Refusal(code="no_progress", message=message)
        if not _ended(moved(job, "failed", now=now, refusal=refusal), job):
            return False
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
        logger.error("import_failed", attempts=job.attempts, extra=about)
        return True
    after = requeued(job, now=now)
    if not put_job(after, job):
        return False
    logger.warning("import_resumed", attempts=after.attempts, extra=about)
    start(after)
    return True


_CONCERNS: dict[str, tuple[str, Callable[[datetime], int]]] = {
    "undone": ("OrderUndone", undo_orders),
    "given_up": ("ImportGivenUp", give_up_uploads),
    "resumed": ("ImportResumed", resume_jobs),
    "announced": ("ImportAnnounced", announce_files),
}
"""By the name in the answer: the metric that counts it, and what is done."""

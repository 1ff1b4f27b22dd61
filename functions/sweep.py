"""EventBridge schedule: what was begun and never ended is taken up again, or ended.

An order too large for one transaction whose function died is finished by the same request sent
again; if none comes within a quarter of an hour, its keys are freed here. Of imports, a file whose
event never came is announced again, and a job that nobody works on is run again, or fails.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.crash import unspoken
from functions.runs import announce, is_running, start
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

logger = Logger(service="keywright")
metrics = Metrics(namespace="Keywright", service="keywright")


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
    if done and metrics.metric_set:
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
        logger.warning("import_announced", object_key=version.key)
    return len(lost)


def give_up_uploads(now: datetime) -> int:
    """Ends the jobs whose file never came."""
    refusal = Refusal(code="never_uploaded", message="The file did not come within 24 hours")
    late = [
        job
        for job in unfinished_jobs()
        if job.state == "awaiting_upload" and job.created_at < now - UPLOAD_WITHIN
    ]
    return sum(put_job(moved(job, "failed", now=now, refusal=refusal), job) for job in late)


def resume_jobs(now: datetime) -> int:
    """Runs jobs again that nobody works on, or ends those that were begun often enough."""
    still = [
        job
        for job in unfinished_jobs()
        if job.state != "awaiting_upload" and job.heartbeat_at < now - LEFT_ALONE
    ]
    return sum(_resume(job, now) for job in still if not is_running(job))


def _resume(job: ImportJob, now: datetime) -> bool:
    if job.attempts >= MOST_ATTEMPTS:
        message = f"The import stopped {job.attempts} times before its end"
        refusal = Refusal(code="no_progress", message=message)
        after = moved(job, "failed", now=now, refusal=refusal)
    else:
        after = requeued(job, now=now)
    if not put_job(after, job):
        return False
    logger.warning("import_resumed", company=job.company, import_id=job.number, state=after.state)
    if after.state == "queued":
        start(after)
    return True


_CONCERNS: dict[str, tuple[str, Callable[[datetime], int]]] = {
    "undone": ("OrderUndone", undo_orders),
    "given_up": ("ImportGivenUp", give_up_uploads),
    "resumed": ("ImportResumed", resume_jobs),
    "announced": ("ImportAnnounced", announce_files),
}
"""By the name in the answer: the metric that counts it, and what is done."""

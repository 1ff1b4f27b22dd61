"""The sweeper. Trigger: EventBridge schedule, every 5 minutes.

It rolls back orders that have been pending for 15 minutes; before that, a retry of the request
completes them. It announces files whose S3 event was lost, and retries or fails import jobs that no
worker is running.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.import_metrics import count_import
from functions.telemetry.metrics import SERVICE, metrics
from functions.telemetry.redaction import redacted
from functions.telemetry.tracing import traced
from shared.import_job import ENDED, MOST_ATTEMPTS, FileFault, ImportJob, requeue, transition
from shared.store.executions import announce, announce_job, complete, is_running, start
from shared.store.import_jobs import Version, company_of, get_job, put_job, unfinished_jobs
from shared.store.open_batches import open_batches
from shared.store.uploads import find_upload
from shared.workflows.lost_files import announce_dropped, announce_known, announce_uploads
from shared.workflows.pending_orders import pending_orders, roll_back, take_lease

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LEFT_ALONE = timedelta(minutes=15)
UPLOAD_WITHIN = timedelta(hours=24)
"""After the request for the import, or the last request for links to its parts."""
COUNTED_WITHIN = timedelta(minutes=1)
MOST_GIVEN_UP = 200
"""Jobs per run; each takes a request to S3 and a write."""
MOST_COMPLETED = 50
"""Batches per run; each takes an invocation of ImportCsv."""

logger = Logger(service=SERVICE)


@dataclass
class SweepRun:
    """A run of the sweeper: its time, and the jobs that have not ended, which are read once."""

    now: datetime

    @cached_property
    def unfinished(self) -> list[ImportJob]:
        return unfinished_jobs()

    @property
    def waiting(self) -> list[ImportJob]:
        """The jobs whose file has not arrived."""
        return [job for job in self.unfinished if job.state == "awaiting_upload"]

    @property
    def at_work(self) -> list[ImportJob]:
        ended = {"awaiting_upload", *ENDED}
        return [job for job in self.unfinished if job.state not in ended]


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
            done[name] = sweep(this)
        except Exception as error:  # noqa: BLE001  # raised after all tasks
            failed.append(redacted(error, logger))
        else:
            if done[name]:
                metrics.add_metric(metric, MetricUnit.Count, done[name])
    try:
        metrics.add_metric("OldestImportAge", MetricUnit.Seconds, oldest_import(this))
    except Exception as error:  # noqa: BLE001  # raised with the others
        failed.append(redacted(error, logger))
    if metrics.metric_set:
        metrics.flush_metrics()
    if failed:
        raise ExceptionGroup("sweep", failed) from None
    return done


def roll_back_orders(now: datetime) -> int:
    """Roll back orders that have been pending for too long."""
    undone = 0
    for company, order_id, part, owner in pending_orders(now - LEFT_ALONE):
        token = secrets.token_hex(16)
        owned = take_lease(company, order_id, part, owner, token=token)
        if owned and roll_back(company, order_id, part, token):
            undone += 1
            logger.warning("order_undone", company=company, order_id=order_id, part=part)
    return undone


def give_up_uploads(this: SweepRun) -> int:
    """Fail the jobs whose file did not arrive.

    If the file has arrived and its event was lost, it is announced, for one more day.
    """
    refusal = FileFault(code="never_uploaded", message="The file did not come within 24 hours")
    late = [job for job in this.waiting if job.heartbeat_at < this.now - UPLOAD_WITHIN]
    given_up = 0
    for job in late[:MOST_GIVEN_UP]:
        version = find_upload(job)
        if version is not None and job.heartbeat_at >= this.now - 2 * UPLOAD_WITHIN:
            announce(version)
        else:
            given_up += _ended(transition(job, "failed", now=this.now, refusal=refusal), job)
    return given_up


def resume_jobs(this: SweepRun) -> int:
    """Retry jobs that no worker is running, or fail those that were started too often."""
    still = [job for job in this.at_work if job.heartbeat_at < this.now - LEFT_ALONE]
    return sum(_resume(job, this.now) for job in still if not is_running(job))


def count_stopped(this: SweepRun) -> int:
    """Have stopped jobs counted whose last worker died before it could count them."""
    ended = [job for job in this.unfinished if job.is_stopping]
    late = [job for job in ended if job.heartbeat_at < this.now - COUNTED_WITHIN]
    for job in late:
        announce_job(job)
    return len(late)


def complete_batches(this: SweepRun) -> int:
    """Have open batches completed whose import has ended."""
    completed = 0
    for batch in open_batches(this.now - LEFT_ALONE, most=MOST_COMPLETED):
        job = get_job(batch.company, batch.number)
        if job is not None and job.is_ended:
            complete(batch)
            completed += 1
            about = {"company": batch.company, "job": batch.number}
            logger.warning("batch_completed", row=batch.key[1], extra=about)
    return completed


def oldest_import(this: SweepRun) -> float:
    """The age in seconds of the oldest import that runs or waits to run; 0 if there is none."""
    since = min((job.started_at or job.heartbeat_at for job in this.at_work), default=this.now)
    return (this.now - since).total_seconds()


def _ended(after: ImportJob, before: ImportJob) -> bool:
    if not put_job(after, before):
        return False
    count_import(after)
    return True


def _resume(job: ImportJob, now: datetime) -> bool:
    about = {"company": job.company, "job": job.number, "correlation_id": job.correlation_id}
    if job.attempts >= MOST_ATTEMPTS:
        message = f"The import stopped {job.attempts} times before its end"
        refusal = FileFault(code="no_progress", message=message)
        if not _ended(transition(job, "failed", now=now, refusal=refusal), job):
            return False
        metrics.add_metric("ImportFailed", MetricUnit.Count, 1)
        logger.error("import_failed", attempts=job.attempts, extra=about)
        return True
    after = requeue(job, now=now)
    if not put_job(after, job):
        return False
    logger.warning("import_resumed", attempts=after.attempts, extra=about)
    start(after)
    return True


def _log_files(announced: Iterable[Version]) -> int:
    count = 0
    for version in announced:
        count += 1
        kind = version.key.split("/", 2)[1]  # the rest is a name that somebody gave
        about = {"company": company_of(version), "kind": kind, "version_id": version.version_id}
        logger.warning("import_announced", extra=about)
    return count


_CONCERNS: dict[str, tuple[str, Callable[[SweepRun], int]]] = {
    "undone": ("OrderUndone", lambda this: roll_back_orders(this.now)),
    "given_up": ("ImportGivenUp", give_up_uploads),
    "resumed": ("ImportResumed", resume_jobs),
    "counted": ("ImportAnnounced", count_stopped),
    "completed": ("BatchCompleted", complete_batches),
    "found": ("ImportAnnounced", lambda this: _log_files(announce_uploads(this.waiting, this.now))),
    "announced": ("ImportAnnounced", lambda this: _log_files(announce_dropped(this.now))),
    "known": ("ImportAnnounced", lambda _: _log_files(announce_known())),
}
"""The tasks by their names in the result, each with its metric."""

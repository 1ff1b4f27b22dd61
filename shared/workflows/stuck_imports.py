"""Imports without a worker: files that never arrive, lost workers, batches left open.

The sweeper runs these tasks. A task yields a record for each thing that it has done, so that a task
that fails has reported what it did before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from shared.import_job import ENDED, MOST_ATTEMPTS, FileFault, ImportJob, requeue, transition
from shared.store.executions import announce, announce_job, complete, is_running
from shared.store.import_jobs import get_job, put_job, unfinished_jobs
from shared.store.open_batches import OpenBatch, open_batches
from shared.store.uploads import find_upload
from shared.store.workers import release_expired
from shared.workflows.undo_import import is_held_back, start_unless_held_back

LEFT_ALONE = timedelta(minutes=15)
"""After the last sign of life of a worker."""
UPLOAD_WITHIN = timedelta(hours=24)
"""After the request for the import, or the last request for links to its parts."""
COUNTED_WITHIN = timedelta(minutes=1)
MOST_GIVEN_UP = 200
"""Jobs per run; each takes a request to S3 and a write."""
MOST_COMPLETED = 50
"""Batches per run; each takes an invocation of ImportCsv."""


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

    @property
    def oldest_age(self) -> float:
        """The age in seconds of the oldest import that runs or waits to run; 0 if there is none."""
        since = min((job.started_at or job.heartbeat_at for job in self.at_work), default=self.now)
        return (self.now - since).total_seconds()


def give_up_uploads(this: SweepRun) -> Iterator[ImportJob]:
    """Fail the jobs whose file did not arrive; yields the failed jobs.

    If the file has arrived and its event was lost, it is announced, for one more day.
    """
    refusal = FileFault(code="never_uploaded", message="The file did not arrive within 24 hours")
    late = [job for job in this.waiting if job.heartbeat_at < this.now - UPLOAD_WITHIN]
    for job in late[:MOST_GIVEN_UP]:
        version = find_upload(job)
        if version is not None and job.heartbeat_at >= this.now - 2 * UPLOAD_WITHIN:
            announce(version)
            continue
        failed = transition(job, "failed", now=this.now, refusal=refusal)
        if put_job(failed, job):
            yield failed


def resume_jobs(this: SweepRun) -> Iterator[ImportJob]:
    """Retry jobs that no worker is running, or fail those that were started too often.

    Yields the jobs after the change: failed ones, and queued ones.
    """
    for job in this.at_work:
        if job.heartbeat_at >= this.now - LEFT_ALONE or is_running(job):
            continue
        if job.state == "queued" and is_held_back(job):
            continue
        if job.attempts >= MOST_ATTEMPTS:
            message = f"The import stopped {job.attempts} times before its end"
            refusal = FileFault(code="no_progress", message=message)
            after = transition(job, "failed", now=this.now, refusal=refusal)
        else:
            after = requeue(job, now=this.now)
        if not put_job(after, job):
            continue
        yield after
        if not after.is_ended:
            start_unless_held_back(after)


def count_stopped(this: SweepRun) -> Iterator[ImportJob]:
    """Have stopped jobs counted whose last worker died before it could count them."""
    for job in this.unfinished:
        if job.is_stopping and job.heartbeat_at < this.now - COUNTED_WITHIN:
            release_expired(job.company, job.number, this.now)
            announce_job(job)
            yield job


def complete_batches(this: SweepRun) -> Iterator[OpenBatch]:
    """Have open batches completed whose import has ended."""
    for batch in open_batches(this.now - LEFT_ALONE, most=MOST_COMPLETED):
        job = get_job(batch.company, batch.number)
        if job is not None and job.is_ended:
            complete(batch)
            yield batch

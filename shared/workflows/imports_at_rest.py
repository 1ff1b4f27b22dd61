"""Whether imports can still write: records that depend on them can't be deleted until then.

An import writes licenses before their orders and lists, and reads orders and customers long before
it writes the licenses that refer to them. So a record can be deleted once nothing of such an import
is in flight: the job has ended, none of its workers is registered, and no batch is open. A later
retry of the job reads everything again.
"""

import time
from datetime import UTC, datetime
from typing import Any

from shared.errors import Conflict
from shared.store.import_jobs import get_job, job_changes, unchanged_job, unfinished_jobs
from shared.store.open_batches import first_open_batch
from shared.store.workers import may_write

INDEXED_WITHIN = 5.0
"""Seconds after which an index has a record; AWS: "within a fraction of a second, under normal
conditions"."""

type _Checks = list[dict[str, Any]]


def require_rest(company: str, number: int, record: str) -> dict[str, Any]:
    """Raise Conflict if an import can still write; returns the check that it is not retried.

    `record` names what depends on the import. The job is read before its workers, which register
    before they check that it runs.
    """
    job = get_job(company, number)
    if job is not None and not job.is_ended:
        raise running(number, record)
    require_ended(company, number, record)
    return unchanged_job(company, number, job)


def require_ended(company: str, number: int, record: str) -> None:
    """Raise Conflict if an import that has ended can still write, for example by a late worker."""
    now = datetime.now(UTC)
    if may_write(company, number, now) or first_open_batch(company, number):
        raise running(number, record)


def require_all_at_rest(company: str, record: str) -> tuple[_Checks, datetime | None]:
    """Raise Conflict if any import of a company can write orders or customers.

    Returns the checks that no import starts meanwhile, and when the last one changed.
    """
    checks, last = job_changes(company)
    for job in unfinished_jobs(company):
        if job.state != "awaiting_upload" and job.kind != "license-features" and not job.dry_run:
            raise running(job.number, record)
    if (batch := first_open_batch(company)) is not None:
        raise running(batch.number, record)
    return checks, last


def require_exclusive(company: str, record: str) -> tuple[_Checks, datetime | None]:
    """Raise Conflict if an import of a company can write anything, or an undo has not ended.

    Returns what `require_all_at_rest` returns.
    """
    checks, last = require_all_at_rest(company, record)
    for job in unfinished_jobs(company):
        if job.state != "awaiting_upload" and not job.dry_run:
            raise running(job.number, record)
    return checks, last


def wait_for_indexes(last: datetime | None) -> None:
    """Wait until the indexes have what an import wrote that changed just now."""
    if last is not None:
        passed = (datetime.now(UTC) - last).total_seconds()
        time.sleep(min(INDEXED_WITHIN, max(0, INDEXED_WITHIN - passed)))


def running(number: int, record: str) -> Conflict:
    """The refusal while an import is running, or completes what it has begun."""
    message = (
        f"Import {number} can still write records that depend on {record}: wait until it has ended"
        " and its last batches are completed, which takes up to 20 minutes if it was stopped"
    )
    return Conflict("import_running", message)

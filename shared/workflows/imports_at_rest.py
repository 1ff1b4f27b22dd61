"""Whether imports can still write: records that depend on them can't be deleted until then.

An import writes licenses before their orders and lists, and reads orders and customers long before
it writes the licenses that refer to them. So a record can be deleted once nothing of such an import
is in flight: the job has ended, none of its workers is registered, and no batch is open. A later
retry of the job reads everything again.
"""

from typing import Any

from shared.errors import Conflict
from shared.store.import_jobs import get_job, unchanged_job
from shared.store.open_batches import has_open_batch
from shared.store.workers import any_registered


def require_rest(company: str, number: int, record: str) -> dict[str, Any]:
    """Raise Conflict if an import can still write; returns the check that it is not retried.

    `record` names what depends on the import. The job is read before its workers, which register
    before they check that it runs.
    """
    job = get_job(company, number)
    if job is None:
        raise LookupError(f"there is no import {number} of {company}")
    if not job.is_ended or any_registered(company, number) or has_open_batch(company, number):
        raise running(number, record)
    return unchanged_job(job)


def running(number: int, record: str) -> Conflict:
    """The refusal while an import is running, or completes what it has begun."""
    message = (
        f"Import {number} can still write records that depend on {record}: wait until it has ended"
        " and its last batches are completed, which takes up to 20 minutes if it was stopped"
    )
    return Conflict("import_running", message)

"""Begin the undo of an import, and let imports of the company wait for it.

An undo and the imports of its company exclude each other. An undo begins only while no import of
the company can write, in one transaction with the job that it is, and then holds the company's
lease. An import that begins meanwhile stays queued, and is started when the undo has ended.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from shared.errors import Busy, NotFound
from shared.import_job import FileGone, ImportJob, Requester, WrongState, requeue
from shared.import_undo import check_undoable, undo_of
from shared.store import import_jobs, uploads
from shared.store.executions import start
from shared.store.import_jobs import get_job, new_number, put_job, unfinished_jobs
from shared.store.retry import contended
from shared.workflows.import_plan import read_plan
from shared.workflows.imports_at_rest import require_ended, require_exclusive

_TRIES = 12


def begin_undo(
    company: str,
    number: int,
    by: Requester,
    *,
    dry_run: bool,
    plan: ImportJob | None = None,
) -> tuple[ImportJob, bool]:
    """Begin to undo an import, once: the job that does it, and whether it existed.

    Each dry run is a job of its own; an undo that commits its `plan` reverts only rows that the
    dry run has shown as reverted. Raises NotFound, WrongState, Conflict if the import has written
    nothing, if it or another import of the company can still write, or if another undo runs,
    FileGone, or Busy.
    """
    what = f"the undo of import {number}"
    planned_by = None if plan is None else plan.number
    for _ in contended(_TRIES):
        job = get_job(company, number)
        if job is None:
            raise NotFound(f"There is no import {number}")
        if job.undone_by is not None and not dry_run:
            undo = get_job(company, job.undone_by)
            if undo is None:
                raise Busy
            if plan is not None and undo.planned_by != plan.number:
                raise WrongState(job, "undone as planned", f"import {undo.number} has undone it")
            return undo, True
        check_undoable(job)
        require_ended(company, number, what)
        _check_files(job)
        now = datetime.now(UTC)
        if dry_run:
            undo = undo_of(job, new_number(company), now=now, dry_run=True, **by)
            if import_jobs.add_job(undo):
                return undo, False
            continue
        checks, last = require_exclusive(company, what)
        undo = undo_of(job, new_number(company), now=now, dry_run=False, quiet_since=last, **by)
        undo = undo.model_copy(update={"planned_by": planned_by})
        if import_jobs.add_undo(undo, job, checks, plan):
            return undo, False
        if plan is not None and (plan := get_job(company, plan.number)) is None:
            raise NotFound(f"There is no import {planned_by}")
    raise Busy


def commit_undo(company: str, number: int, plan_hash: str, by: Requester) -> tuple[ImportJob, bool]:
    """Begin the undo whose dry run is import `number`: the undo, and whether it existed.

    Raises what `read_plan` and `begin_undo` do.
    """
    plan, committed = read_plan(company, number, plan_hash)
    if committed is not None:
        return committed, True
    return begin_undo(company, plan.undoes or number, by, dry_run=False, plan=plan)


def retry_undo(job: ImportJob) -> ImportJob:
    """Queue an undo again that has failed or was cancelled, with the lease of its company.

    Raises what `begin_undo` does.
    """
    for _ in contended(_TRIES):
        current = get_job(job.company, job.number) or job
        checks, last = require_exclusive(job.company, f"the undo of import {job.undoes}")
        after = requeue(current, now=datetime.now(UTC))
        after = after.model_copy(update={"quiet_since": last})
        if put_job(after, current, checks):
            return after
    raise Busy


def is_held_back(job: ImportJob) -> bool:
    """Whether an import has to wait for the undo of another import of its company."""
    if job.dry_run or job.undoes is not None:
        return False
    return import_jobs.undo_of(job.company) is not None


def start_unless_held_back(job: ImportJob) -> None:
    """Run a job that was queued again, unless it has to wait for an undo."""
    if not is_held_back(job):
        start(job)


def start_waiting(undo: ImportJob, run: Callable[[ImportJob], object] = start) -> None:
    """`run` the imports that have waited for an undo, if it has ended.

    If this fails, the sweeper resumes them.
    """
    if undo.undoes is None or undo.dry_run or import_jobs.undo_of(undo.company) is not None:
        return
    for job in unfinished_jobs(undo.company):
        if job.state == "queued":
            run(job)


def _check_files(job: ImportJob) -> None:
    """Raise FileGone if the file, or the catalog that the import has pinned, can't be read."""
    uploads.check_file(job)
    if uploads.result_size(job, "catalog.json") is None:
        raise FileGone.deleted(job)

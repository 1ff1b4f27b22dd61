"""Plans: a dry run that has finished says what its commit does, row by row.

A commit is a new import of the same file version. It uses the catalog that the dry run pinned, and
writes only rows for which it decides what the dry run has decided.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import Busy, Conflict, NotFound
from shared.import_counts import BatchResult
from shared.import_job import FileGone, ImportJob, Requester, WrongState, plan_hash_of, same_file
from shared.planned_rows import PlannedRow, planned_rows
from shared.store import uploads
from shared.store.batch_results import batch_results
from shared.store.import_jobs import add_commit, get_job, new_number, note_correction
from shared.store.retry import contended
from shared.workflows.import_results import row_results
from shared.workflows.import_totals import details_of

_READERS = 8


def hash_of_plan(job: ImportJob, results: Sequence[BatchResult]) -> str:
    """The hash of a dry run's plan, from what it has stored. Raises FileGone."""

    def digest(name: str) -> str:
        return hashlib.sha256(uploads.need_result(job, name)).hexdigest()

    names = [each.row_report for each in results if each.row_report is not None]
    with ThreadPoolExecutor(_READERS) as readers:
        return plan_hash_of(job, digest("catalog.json"), [*readers.map(digest, names)])


def plan_of(job: ImportJob) -> ImportJob | None:
    """The dry run whose plan a job commits; None if it commits none."""
    return None if job.planned_by is None else get_job(job.company, job.planned_by)


def check_plan(job: ImportJob) -> None:
    """Raise FileGone if what a commit needs of its plan was deleted or changed."""
    plan = plan_of(job)
    if job.planned_by is None:
        return
    if (
        plan is None
        or hash_of_plan(plan, batch_results(plan.company, plan.number)) != plan.plan_hash
    ):
        message = f"The results of dry run {job.planned_by} were changed or deleted. Plan again."
        raise FileGone("plan_changed", message)


@dataclass
class Plan:
    """The planned rows of a commit, which are read batch by batch."""

    job: ImportJob
    results: list[BatchResult]

    def rows(self, first: int, count: int) -> Mapping[int, PlannedRow]:
        """The planned rows from `first` on. Raises FileGone."""
        found: dict[int, PlannedRow] = _Rows(self)
        for result in self.results:
            if result.index < first + count and first < result.index + result.rows:
                found |= self._of(result)
        return found

    def _of(self, result: BatchResult) -> dict[int, PlannedRow]:
        details = details_of(self.job, result) if result.invalid else {"invalid": []}
        failed = {each["row"]: each["errors"] for each in details["invalid"]}
        return planned_rows(row_results(self.job, result), failed)


class _Rows(dict[int, PlannedRow]):
    """The planned rows of a batch. Other rows are read when they are looked up by `[]`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __missing__(self, row: int) -> PlannedRow:
        others = self._plan.rows(row, 1)
        self.update(others)
        if row not in others:
            raise KeyError(row)
        return others[row]


def load_plan(job: ImportJob) -> Plan | None:
    """The plan that a job commits; None if it commits none."""
    plan = plan_of(job)
    return None if plan is None else Plan(plan, batch_results(plan.company, plan.number))


def read_plan(company: str, number: int, plan_hash: str) -> tuple[ImportJob, ImportJob | None]:
    """The dry run with a plan that can be committed, and its commit, if there is one.

    Raises NotFound, WrongState, FileGone, and Conflict with the code `plan_changed` or
    `plan_expired`.
    """
    plan = get_job(company, number)
    if plan is None:
        raise NotFound(f"There is no import {number}")
    if plan.plan_hash is None or plan.plan_expires_at is None:
        raise WrongState(plan, "committed: it is not a dry run that has finished")
    if plan_hash != plan.plan_hash:
        message = (
            f"This is not the hash of import {number}'s plan: read the import again, and send its"
            " plan.hash"
        )
        raise Conflict("plan_changed", message, field="hash", value=plan_hash)
    if plan.committed_by is not None and (job := get_job(company, plan.committed_by)):
        return plan, job
    if datetime.now(UTC) >= plan.plan_expires_at:
        message = (
            f"The plan of import {number} expired at {plan.plan_expires_at.isoformat()}: run the"
            " dry run again"
        )
        raise Conflict("plan_expired", message, field="hash", value=plan_hash)
    uploads.check_file(plan)
    return plan, None


def commit_plan(company: str, number: int, plan_hash: str, by: Requester) -> tuple[ImportJob, bool]:
    """The import that commits the plan of a dry run, and whether it existed before.

    A plan is committed once: every request gets the same import. Raises NotFound, WrongState,
    FileGone, and Conflict with the code `plan_changed` or `plan_expired`.
    """
    for _ in contended():
        plan, committed = read_plan(company, number, plan_hash)
        if committed is not None:
            return committed, True
        job = _commit_of(plan, new_number(company), datetime.now(UTC)).model_copy(update=by)
        if job.corrects is not None:
            note_correction(company, job.corrects, job.number)
        if add_commit(job, plan):
            return job, False
    raise Busy


def _commit_of(plan: ImportJob, number: int, now: datetime) -> ImportJob:
    """The import of the file of a plan, with its options."""
    return ImportJob(
        number=number,
        state="queued",
        on_error=plan.on_error,
        corrects=plan.corrects,
        planned_by=plan.number,
        created_at=now,
        heartbeat_at=now,
        **same_file(plan),
    )

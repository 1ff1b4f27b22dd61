"""Undo an import: remove what its rows have created, and set back what they have changed.

An undo is a job of its own on the same version of the file, which is read by the same planner with
the catalog that the import had pinned. Its rows are those of the import, so the ids and the names
of their makers are the same. A row is `reverted`, or `kept` for one of the reasons here, or has no
outcome, because it has changed nothing or someone has deleted its record.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from shared.errors import Conflict
from shared.import_job import ImportJob, WrongState, same_file

type Reason = Literal[
    "changed_since",
    "used_since",
    "has_members",
    "not_ours",
    "has_licenses",
    "appended_since",
    "has_orders",
    "not_as_planned",
]
REASONS: tuple[Reason, ...] = get_args(Reason.__value__)
"""Why a record is kept.

changed_since   someone has changed it after the row
used_since      the license has users
has_members     of a bundle: the license of a member is kept, which has the same key
not_ours        the row has neither created nor changed it
has_licenses    of an order: licenses of the import are kept in it
appended_since  of an order: it has licenses that the import has not created
has_orders      of a customer: orders, or licenses in other orders, name it
not_as_planned  the dry run whose plan is committed has not shown it as reverted
"""
MESSAGES: Mapping[str, str] = {
    "changed_since": "the record was changed after the import",
    "used_since": "the license is assigned to users",
    "has_members": "the license of a member of the bundle was kept",
    "not_ours": "the record existed before the import, or was created by something else",
    "has_licenses": "the order has licenses that were kept",
    "appended_since": "licenses were added to the order",
    "has_orders": "the customer has orders",
    "not_as_planned": "the dry run has not shown that it would be reverted",
}

_UNDONE_FROM = frozenset({"succeeded", "completed_with_errors", "cancelled", "failed"})


def check_undoable(job: ImportJob) -> None:
    """Raise WrongState or Conflict if an import can't be undone, whatever its file is."""
    if job.state not in _UNDONE_FROM:
        raise WrongState(job, "undone")
    why = None
    if job.undoes is not None:
        why = f"undoes import {job.undoes}: import its file again instead"
    elif job.dry_run:
        why = "was a dry run"
    elif job.rows is None:
        why = "ended before it wrote anything"
    elif not job.is_stopped and not _has_written(job):
        why = "has created and changed nothing"
    if why:
        message = f"Import {job.number} {why}: there is nothing to undo"
        raise Conflict("nothing_to_undo", message)


def _has_written(job: ImportJob) -> bool:
    """Whether an import that has read its whole file has created or updated a record."""
    written = ("created_", "updated_")
    return any(count for name, count in job.counts.items() if name.startswith(written))


def undo_of(
    job: ImportJob, number: int, *, now: datetime, dry_run: bool, **about: Any
) -> ImportJob:
    """The job that undoes an import; `about` are fields of the request."""
    return ImportJob(
        number=number,
        undoes=job.number,
        dry_run=dry_run,
        state="queued",
        created_at=now,
        heartbeat_at=now,
        **same_file(job),
        **about,
    )


def license_reason(item: Mapping[str, Any]) -> Reason | None:
    """Why a stored license that the import has created is not deleted; None if it is."""
    if item.get("license_users") and "row_name" not in item:
        return "used_since"
    return customer_reason(item)


def customer_reason(item: Mapping[str, Any]) -> Reason | None:
    """Why a stored record that the import has created is not deleted; None if it is."""
    return None if item["updated_at"] == item["created_at"] else "changed_since"

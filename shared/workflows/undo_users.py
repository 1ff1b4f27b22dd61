"""Undo the users of license rows: delete those that the import created, if nobody needs them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.customers import LicenseUser
from shared.errors import Busy
from shared.row_entries import Import, LicenseEntry
from shared.store import bulk
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import license_name, unassignment, user_delete
from shared.store.retry import attempts
from shared.workflows.batch import is_ours
from shared.workflows.named_licenses import users_of


def undo_users(job: Import, pool: bulk.Pool, deleted: Sequence[tuple[LicenseEntry, int]]) -> None:
    """Remove licenses that were deleted, by their rows, from those of their users.

    A user that the import created is deleted with the last one, unless it was changed since. Users
    of another origin stay. Raises Busy if they change again and again.
    """
    names: dict[str, set[str]] = {}
    for entry, id in deleted:
        for user in entry.users:
            names.setdefault(user.email, set()).add(license_name(id))
    waiting = [entry for entry, _ in deleted]
    for _ in attempts():
        places = users_of(job, pool, waiting)
        writes = [
            write
            for email, place in places.items()
            if place.found is not None
            and (write := _write(job, place.found, frozenset(names[email])))
        ]
        if not writes:
            return
        pool.run(
            bulk.write(operation, CUSTOMERS, parameters, pool.patience)
            for operation, parameters in writes
        )
    raise Busy


def _write(
    job: Import, item: Mapping[str, Any], names: frozenset[str]
) -> tuple[str, dict[str, Any]] | None:
    """The write that removes licenses from those of a user; None if nothing is to be removed."""
    user = LicenseUser.model_validate(item)
    is_unchanged = user.updated_at == user.created_at
    # Batches that remove the last licenses at the same time both leave none.
    if is_ours(job, item) and is_unchanged and user.licenses <= names:
        grave = user_delete(job.company, user, token=job.undo_token, now=datetime.now(UTC))
        return "PutItem", grave["Put"]
    if names.isdisjoint(user.licenses):
        return None
    return "UpdateItem", unassignment(job.company, user.id, names)["Update"]

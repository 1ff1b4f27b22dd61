"""Delete license users, and unassign them from their licenses."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from shared.customers import LicenseUser
from shared.errors import Busy, Conflict, NotFound
from shared.license_users import unassign_user
from shared.licenses import License
from shared.store import dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import user_delete, user_key
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import committed_rows, license_changes
from shared.store.orders import TABLE as ORDERS
from shared.store.retry import contended
from shared.store.tombstones import is_deleted
from shared.workflows.pending_orders import pending_row

MOST_AT_ONCE = 8
"""Licenses that are changed in one transaction: 8 of the largest are 3.1 MB."""
_TRIES = 12


def delete_user(company: str, id: int) -> None:
    """Delete a license user permanently; the e-mail is free.

    A user of more than MOST_AT_ONCE licenses is unassigned from some of them after another, and
    exists until the last ones. Raises NotFound, Conflict while an order that names the user is
    written in parts, or Busy.
    """
    token = secrets.token_hex(16)
    for _ in contended(_TRIES):
        item = dynamo.get(CUSTOMERS, user_key(company, id))
        if item is not None and item.get("deleted_by") == token:
            return
        user = _visible(company, item)
        if user is None:
            raise NotFound(f"There is no license user {id}", "user_not_found")
        if _delete(company, user, _licenses(company, user), token):
            return
    raise Busy


def _visible(company: str, item: dict[str, Any] | None) -> LicenseUser | None:
    if item is None or is_deleted(item):
        return None
    user = LicenseUser.model_validate(item)
    return user if user.unsettled in committed_rows(company, [user.unsettled]) else None


def _delete(company: str, user: LicenseUser, licenses: list[License], token: str) -> bool:
    """Unassign a user, and write its tombstone; False if something changed meanwhile."""
    now = datetime.now(UTC)
    changes = [(unassign_user(lic, user.id, now=now), lic) for lic in licenses]
    *earlier, last = [list(some) for some in batched(changes, MOST_AT_ONCE, strict=False)] or [[]]
    if not all(dynamo.write(license_changes(company, some)) for some in earlier):
        return False
    grave = user_delete(company, user, token=token, now=now)
    return dynamo.write([*license_changes(company, last), grave])


def _licenses(company: str, user: LicenseUser) -> list[License]:
    """The licenses that name a user. Raises Conflict while an order of some is pending."""
    ids: list[int] = []
    rows: dict[str, list[int]] = {}
    for name in user.licenses:
        id, _, row = name.partition(" ")
        (rows.setdefault(row, []) if row else ids).append(int(id))
    committed = committed_rows(company, rows)
    _refuse_pending(company, user, rows.keys() - committed)
    for row in rows.keys() & committed:
        ids += rows[row]
    found = dynamo.get_many((LICENSES, (dynamo.partition(company, id),)) for id in ids)
    licenses = [License.model_validate(item) for item in found.values() if not is_deleted(item)]
    return [lic for lic in licenses if any(seat.user_id == user.id for seat in lic.license_users)]


def _refuse_pending(company: str, user: LicenseUser, rows: Iterable[str]) -> None:
    """Refuse while an order is pending; the orders of the other rows were rolled back."""
    keys = []
    for row in rows:
        order_id, part, _ = row.split("/")
        keys.append((ORDERS, (dynamo.partition(company, int(order_id)), pending_row(part))))
    pending = dynamo.get_many(keys, select=["store_id"])
    for item in pending.values():
        message = f"Order {item['store_id']}, which names {user.email}, is being placed"
        raise Conflict("order_in_progress", message)

"""Pending orders: too large for one transaction, written in several, and committed by their row.

`pending#<part>` next to the order has the lease, which every transaction checks. `plan#<part>`
lists what will be written, so that any execution can roll the order back.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Refused
from shared.orders import OrderPlan, PendingOrder
from shared.store import dynamo
from shared.store.catalog import unchanged
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import user_key, user_writes, users_by_id
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_puts, stored_licenses
from shared.store.orders import TABLE

PENDING = "pending"
LEFT_ALONE = timedelta(minutes=15)
"""After the order was begun; until then, a retry of the request completes it."""
_HELD = "held_by = :owner"
# DynamoDB's own limits are 100 operations and 4 MB a transaction.
OPERATIONS, BYTES = 100, 3_500_000


def add_in_parts(
    company: str,
    order_plan: OrderPlan,
    pending_order: PendingOrder | None,
    last: list[dict[str, Any]],
    early: list[dict[str, Any]],
) -> bool:
    """Write an order in several transactions; `last` are the writes that commit it.

    `early` are index entries that do not fit into the commit: they are written before, and name the
    row. False if a condition failed, or another execution has taken the lease; `pending_order` is
    an earlier attempt whose lease is taken.
    """
    order = order_plan.order
    pk, pending = dynamo.partition(company, order.id), pending_row(order.part)
    row = f"{order.id}/{order.part}/{order.fingerprint}"
    entries = [_waiting(put, row) for put in early]
    licenses = zip(
        order_plan.licenses, license_puts(company, order_plan.licenses, row), strict=True
    )
    users = user_writes(company, order_plan.users, order_plan.assigned, row)
    checks = {product.id: unchanged(company, product) for product in order_plan.products}
    # Users first: a request that deletes one finds the licenses that are going to name it.
    puts = [
        *((write, None) for write in users),
        *((put, checks[lic.product_id]) for lic, put in licenses),
        *((put, None) for put in entries),
    ]
    sizes = fitting_sizes([*(put for put, _ in puts), *last])
    if not dynamo.write(_begin(company, order_plan, row, pending_order, entries)):
        return False
    mine = dynamo.check(TABLE, (pk, pending), _HELD, owner=order.token)
    if not all(dynamo.write(batch) for batch in _batches(mine, puts, sizes)):
        return False
    end = dynamo.delete(TABLE, (pk, pending), _HELD, owner=order.token)
    plan = dynamo.delete(TABLE, (pk, _plan(order.part)))
    return dynamo.write([end, plan, *last])


def fitting_sizes(operations: list[dict[str, Any]]) -> list[int]:
    """The size of each write. Raises Refused if one of them is too large for an item."""
    sizes = [dynamo.size_of(operation) for operation in operations]
    if max(sizes) > dynamo.ITEM_BYTES:
        raise Refused(
            "record_too_large",
            "One license of the order is more than 390 KB: shorten its metadata or its features",
        )
    return sizes


def roll_back(company: str, order_id: int, part: str, owner: str) -> bool:
    """Delete the records of a pending order, and then its pending row.

    False if another execution has taken the lease and will commit or roll back the order.
    """
    partition = dynamo.partition(company, order_id)
    plan = dynamo.get(TABLE, (partition, _plan(part)))
    mine = dynamo.check(TABLE, (partition, pending_row(part)), _HELD, owner=owner)
    if plan is None:
        return False
    free = "attribute_not_exists(pk) OR unsettled = :row"
    deletes = [
        dynamo.delete(LICENSES, (dynamo.partition(company, id),), free, row=plan["unsettled"])
        for id in _still_there(company, plan)
    ]
    deletes += [
        dynamo.delete(CUSTOMERS, user_key(company, user.id), free, row=plan["unsettled"])
        for user in users_by_id(company, plan.get("user_ids", [])).values()
        if user.unsettled == plan["unsettled"]
    ]
    deletes += [
        dynamo.delete(TABLE, key, free, row=plan["unsettled"])
        for key in _waiting_entries(partition, plan)
    ]
    for start in range(0, len(deletes), OPERATIONS - 1):
        if not dynamo.write([mine, *deletes[start : start + OPERATIONS - 1]]):
            return False
    end = dynamo.delete(TABLE, (partition, pending_row(part)), _HELD, owner=owner)
    return dynamo.write([end, dynamo.delete(TABLE, (partition, _plan(part)))])


def pending_orders(before: datetime) -> list[tuple[str, int, str, str]]:
    """The pending orders that began before a time: company, order id, part, lease token."""
    condition, values = "listed = :pending AND created < :before", {"pending": PENDING}
    values["before"] = dynamo.stamp(before)
    entries = list(dynamo.query(TABLE, condition, values, index="by_created"))
    pending = []
    for entry in entries:
        if item := dynamo.get(TABLE, (entry["pk"], entry["sk"])):
            company, _, order_id = entry["pk"].partition("#")
            pending.append((company, int(order_id), entry["sk"].partition("#")[2], item["held_by"]))
    return pending


def roll_back_abandoned(now: datetime) -> Iterator[tuple[str, int, str]]:
    """Roll back orders that were left pending; yields company, order id and part of each."""
    for company, order_id, part, owner in pending_orders(now - LEFT_ALONE):
        token = secrets.token_hex(16)
        owned = take_lease(company, order_id, part, owner, token=token)
        if owned and roll_back(company, order_id, part, token):
            yield company, order_id, part


def take_lease(company: str, order_id: int, part: str, owner: str, *, token: str) -> bool:
    """Take the lease of a pending order for `token`; False if `owner` no longer has it."""
    key = (dynamo.partition(company, order_id), pending_row(part))
    item = dynamo.get(TABLE, key)
    if item is None or item["held_by"] != owner:
        return False
    put = dynamo.put(TABLE, dynamo.to_item({**item, "held_by": token}), _HELD, owner=owner)
    return dynamo.write([put])


def roll_back_pending(company: str, row: str) -> None:
    """Take the lease of the pending order with this row, if it still exists, and roll it back."""
    order_id, part, _ = row.split("/")
    pending = dynamo.get(TABLE, (dynamo.partition(company, int(order_id)), pending_row(part)))
    token = secrets.token_hex(16)
    if pending and take_lease(company, int(order_id), part, pending["held_by"], token=token):
        roll_back(company, int(order_id), part, token)


def pending_order_of(item: dict[str, Any] | None) -> PendingOrder | None:
    if item is None:
        return None
    return PendingOrder(
        fingerprint=item["fingerprint"],
        owner=item["held_by"],
        seed=item["seed"],
        begun_at=datetime.fromisoformat(item["begun_at"]),
    )


def pending_row(part: str) -> str:
    return f"{PENDING}#{part}"


def _begin(
    company: str,
    order_plan: OrderPlan,
    row: str,
    pending_order: PendingOrder | None,
    entries: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Write the pending row and the plan of an order, before any of its records."""
    order = order_plan.order
    pk = dynamo.partition(company, order.id)
    begun_at = order_plan.begun_at
    marker = dynamo.to_item(
        {
            "pk": pk,
            "sk": pending_row(order.part),
            "store_id": order.store_id,
            "fingerprint": order.fingerprint,
            "held_by": order.token,
            "seed": order_plan.seed,
            "begun_at": begun_at,
            "listed": PENDING,
            "created": f"{dynamo.stamp(begun_at)}#{pk}",
        }
    )
    if pending_order:
        put = dynamo.put(TABLE, marker, _HELD, owner=pending_order.owner)
    else:
        put = dynamo.put(TABLE, marker, "attribute_not_exists(pk)")
    plan = dynamo.to_item(
        {
            "pk": pk,
            "sk": _plan(order.part),
            "store_id": order.store_id,
            "unsettled": row,
            "license_ids": [lic.id for lic in order_plan.licenses],
            "user_ids": [user.id for user in order_plan.users],
            "entries": [put["Put"]["Item"]["sk"]["S"] for put in entries],
        }
    )
    free = dynamo.check(TABLE, (pk, order.part), "attribute_not_exists(pk)")
    return [put, dynamo.put(TABLE, plan), free]


def _batches(
    mine: dict[str, Any],
    puts: list[tuple[dict[str, Any], dict[str, Any] | None]],
    sizes: list[int],
) -> Iterator[list[dict[str, Any]]]:
    """Transactions, each with a check of the lease, writes, and the checks of their products."""
    batch: list[dict[str, Any]] = [mine]
    checks: list[dict[str, Any]] = []
    size = 0
    for (put, check), weight in zip(puts, sizes, strict=False):
        more = 1 + (check is not None and check not in checks)
        if len(batch) + len(checks) + more > OPERATIONS or size + weight > BYTES:
            yield batch + checks
            batch, checks, size = [mine], [], 0
        batch.append(put)
        size += weight
        if check is not None and check not in checks:
            checks.append(check)
    yield batch + checks


def _waiting(put: dict[str, Any], row: str) -> dict[str, Any]:
    """The put of an index entry that is visible once the order's row exists."""
    item = {**put["Put"]["Item"], "unsettled": {"S": row}}
    return dynamo.put(TABLE, item, "attribute_not_exists(pk) OR unsettled = :row", row=row)


def _waiting_entries(partition: str, plan: dict[str, Any]) -> list[tuple[str, str]]:
    """The index entries of the plan that exist and still depend on its row."""
    keys = [(partition, sk) for sk in plan.get("entries", ())]
    found = dynamo.get_many(((TABLE, key) for key in keys), select=["unsettled"])
    return [
        key for key in keys if found.get((TABLE, key), {}).get("unsettled") == plan["unsettled"]
    ]


def _still_there(company: str, plan: dict[str, Any]) -> list[int]:
    stored = stored_licenses(company, plan["license_ids"])
    return [lic.id for lic in stored.values() if lic.unsettled == plan["unsettled"]]


def _plan(part: str) -> str:
    return f"plan#{part}"

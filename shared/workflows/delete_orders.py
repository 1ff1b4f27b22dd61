"""Delete orders without licenses, and customers without orders."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import batched, islice
from typing import Any

from shared.customers import Customer
from shared.errors import Busy, Conflict, NotFound
from shared.orders import FIRST_PART
from shared.store import dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import (
    count_order,
    counted_orders,
    customer_deletes,
    customer_key,
)
from shared.store.order_index import entries_of_customer
from shared.store.orders import TABLE
from shared.store.removals import import_of, pages_without
from shared.store.retry import contended
from shared.store.tombstones import is_deleted, tombstone
from shared.workflows.imports_at_rest import require_all_at_rest, wait_for_indexes
from shared.workflows.pending_orders import PENDING

type OrderRows = Mapping[str, Mapping[str, Any]]
"""The rows of an order except its own one, by their sort keys."""

MOST_CUSTOMERS = 12
"""Customers that fit into one transaction, with their pages: see `delete_unused`."""
_TRIES = 12
_MOST_ROWS = 80
"""Rows of an order that are deleted in one transaction, next to its own and the checks."""
_SELECTED = (
    *("pk", "sk", "items", "added", "n", "removed", "store_id", "customer_id", "fingerprint"),
    *("made_by", "listed_by", "counted", "deleted_at", "deleted_by"),
)
_BATCH_ROWS = 5_000


def delete_order(company: str, id: int) -> None:
    """Delete an order that has no licenses permanently; its `store_id` is free.

    Raises NotFound, Conflict if it has licenses, if an addition to it is pending or if an import
    runs, or Busy.
    """
    token = secrets.token_hex(16)
    for _ in contended(_TRIES):
        order, rows = rows_of_order(company, id)
        if order is not None and order.get("deleted_by") == token:
            return
        if order is None or is_deleted(order):
            raise NotFound(f"There is no order {id}")
        _refuse_order(id, order, rows)
        checks, _ = require_all_at_rest(company, f"order {id}")
        if _delete_order(company, order, rows, checks, token):
            return
    raise Busy


def rows_of_order(company: str, id: int) -> tuple[dict[str, Any] | None, OrderRows]:
    """The own row of an order, or its tombstone, and its other rows."""
    values = {"pk": dynamo.partition(company, id)}
    found = dynamo.query(TABLE, "pk = :pk", values, consistent=True, select=_SELECTED)
    rows = {item["sk"]: item for item in found}
    return rows.pop(FIRST_PART, None), rows


def licenses_in(order: Mapping[str, Any]) -> int:
    """The number of licenses that an order has in all of its rows."""
    own = sum(len(item["license_ids"]) for item in order.get("items", ()))
    return own + int(order.get("added", 0))


def is_pending(rows: OrderRows) -> bool:
    """Whether another request is adding licenses to the order with these rows."""
    return any(sk.startswith(f"{PENDING}#") for sk in rows)


def delete_empty(
    company: str,
    orders: Sequence[tuple[dict[str, Any], OrderRows]],
    checks: list[dict[str, Any]],
    token: str,
) -> bool:
    """Delete orders without licenses in one transaction; False if one of them changed meanwhile.

    All of them are of one import. An order with very many rows has to be the only one.
    """
    if len(orders) == 1:
        return _delete_order(company, *orders[0], checks, token)
    now = datetime.now(UTC)
    writes = [*checks]
    for order, rows in orders:
        writes += [*_own_deletes(company, order, token, now)]
        writes += [*_row_deletes(order, rows, token, now)]
    return dynamo.write([*writes, *_off_order_pages(company, [order for order, _ in orders])])


def delete_unused(
    company: str, customers: Sequence[Customer], checks: list[dict[str, Any]], token: str
) -> bool:
    """Delete customers without orders in one transaction; False if one of them changed meanwhile.

    At most MOST_CUSTOMERS. The caller has checked `naming_rows` and `counted_orders` before.
    """
    now = datetime.now(UTC)
    writes = [*checks]
    for customer in customers:
        writes += customer_deletes(company, customer, token=token, now=now)
    return dynamo.write([*writes, *_off_customer_pages(company, customers)])


def delete_customer(company: str, id: int) -> None:
    """Delete a customer that has no orders permanently; its e-mail is free.

    Orders of requests count themselves at the customer, and those of imports are found by an index,
    so it waits some seconds after an import. Raises NotFound, Conflict if the customer has orders
    or if an import runs, or Busy.
    """
    token = secrets.token_hex(16)
    for _ in contended(_TRIES):
        item = dynamo.get(CUSTOMERS, customer_key(company, id))
        if item is not None and item.get("deleted_by") == token:
            return
        if item is None or is_deleted(item):
            raise NotFound(f"There is no customer {id}")
        customer = Customer.model_validate(item)
        checks, last = require_all_at_rest(company, f"customer {id}")
        wait_for_indexes(last)
        _refuse_customer(company, customer)
        now = datetime.now(UTC)
        writes = [*customer_deletes(company, customer, token=token, now=now), *checks]
        if dynamo.write([*writes, *_off_customer_pages(company, [customer])]):
            return
    raise Busy


def _refuse_order(id: int, order: Mapping[str, Any], rows: OrderRows) -> None:
    if is_pending(rows):
        message = "An addition to this order is being written by another request"
        raise Conflict("order_in_progress", message)
    if count := licenses_in(order):
        licenses = "1 license" if count == 1 else f"{count} licenses"
        message = f"Order {id} has {licenses}: delete its licenses first"
        raise Conflict("order_has_licenses", message)


def _delete_order(
    company: str,
    order: Mapping[str, Any],
    rows: OrderRows,
    checks: list[dict[str, Any]],
    token: str,
) -> bool:
    """Write the tombstones of an order in place of its rows; False if it changed meanwhile.

    An order with very many rows loses the last ones first, and exists until its own row is deleted.
    """
    now = datetime.now(UTC)
    deletes = _row_deletes(order, rows, token, now)
    *earlier, last = [list(some) for some in batched(deletes, _MOST_ROWS, strict=False)] or [[]]
    unchanged, numbers = _unchanged(order)
    check = dynamo.check(TABLE, (order["pk"], FIRST_PART), unchanged, **numbers)
    if not all(dynamo.write([check, *checks, *some]) for some in earlier):
        return False
    writes = [*_own_deletes(company, order, token, now), *last, *checks]
    return dynamo.write([*writes, *_off_order_pages(company, [order])])


def _unchanged(order: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The condition that an order has the licenses that were read, and its values."""
    names = ("n", "removed", "added")
    unchanged = " AND ".join(
        f"{name} = :{name}" if name in order else f"attribute_not_exists({name})" for name in names
    )
    return unchanged, {name: order[name] for name in names if name in order}


def _own_deletes(
    company: str, order: Mapping[str, Any], token: str, now: datetime
) -> Iterator[dict[str, Any]]:
    """The tombstone of an order in place of its own row, and its count at its customer."""
    # Users and lists of an order that was written in parts are visible while its row has its
    # fingerprint.
    names = ("made_by", "fingerprint", "customer_id")
    kept = {name: order.get(name) for name in names}
    grave = tombstone((order["pk"], FIRST_PART), token=token, now=now, **kept)
    unchanged, numbers = _unchanged(order)
    yield dynamo.put(TABLE, grave, unchanged, **numbers)
    if order.get("counted"):
        yield count_order(company, order["customer_id"], order_id_of(order), -1)


def _row_deletes(
    order: Mapping[str, Any], rows: OrderRows, token: str, now: datetime
) -> list[dict[str, Any]]:
    return [
        _delete_row(order["pk"], row, token, now) for row in rows.values() if not is_deleted(row)
    ]


def order_id_of(order: Mapping[str, Any]) -> int:
    """The id of a stored order, which is part of its key."""
    return int(order["pk"].rpartition("#")[2])


def _off_order_pages(company: str, orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The updates of the pages that list imported orders."""
    pages: dict[tuple[str, str], list[int]] = {}
    for order in orders:
        if (listed_by := order.get("listed_by")) is not None:
            pk = f"{company}#job#{import_of(order['made_by'])}"
            pages.setdefault((pk, f"orders#{listed_by:010}"), []).append(order_id_of(order))
    return [
        update
        for (pk, sk), ids in pages.items()
        for update in pages_without(TABLE, pk, sk, sk, ids)
    ]


def _delete_row(pk: str, row: Mapping[str, Any], token: str, now: datetime) -> dict[str, Any]:
    """The delete of an order's row; what a large append has written depends on its row."""
    if "fingerprint" not in row:
        return dynamo.delete(TABLE, (pk, row["sk"]))
    kept = {"fingerprint": row["fingerprint"], "store_id": row["store_id"]}
    return dynamo.put(TABLE, tombstone((pk, row["sk"]), token=token, now=now, **kept))


def _refuse_customer(company: str, customer: Customer) -> None:
    """Refuse a customer with orders: those that count themselves, its first one, and imported ones.

    The index only finds: the rows of orders are read from the table.
    """
    named = [*islice(_orders_of(company, customer), 1)]
    if not named and not counted_orders(company, customer.id):
        return
    example = f", such as {named[0]}" if any(named) else ""
    message = f"Customer {customer.id} has orders{example}: delete them first"
    raise Conflict("customer_has_orders", message)


def _orders_of(company: str, customer: Customer) -> Iterator[str]:
    """The store ids of orders that name a customer, of its first order first."""
    for row in naming_rows(company, customer):
        yield row.get("store_id", "")


def naming_rows(company: str, customer: Customer) -> Iterator[dict[str, Any]]:
    """The rows of orders that name a customer, those of its first order first."""
    first = _first_order(customer)
    keys = [(dynamo.partition(company, first), FIRST_PART)] if first else []
    waiting: Iterator[tuple[str, str]] = iter(entries_of_customer(company, customer.id))
    for some in batched((*keys, *waiting), 100, strict=False):
        rows = dynamo.get_many(
            ((TABLE, key) for key in some), select=["store_id", "customer_orders", "made_by"]
        )
        for (_, key), row in rows.items():
            if row.get("customer_orders") == f"{company}#{customer.id}":
                yield row | {"sk": key[-1]}


def _first_order(customer: Customer) -> int:
    """The id of the order that created a customer; 0 if something else did."""
    kind, _, made_by = (customer.made_by or "").partition(" ")
    return int(made_by.partition(" ")[0]) if kind == "order" else 0


def _off_customer_pages(company: str, customers: Sequence[Customer]) -> list[dict[str, Any]]:
    """The updates of the pages that list imported customers, which are of their batches."""
    batches: dict[tuple[str, int], list[int]] = {}
    for customer in customers:
        if customer.listed_by is not None:
            pk = f"{company}#job#{import_of(customer.made_by or '')}"
            batches.setdefault((pk, customer.listed_by), []).append(customer.id)
    return [
        update
        for (pk, first), ids in batches.items()
        for update in pages_without(
            CUSTOMERS, pk, f"page#{first:010}", f"page#{first + _BATCH_ROWS:010}", ids
        )
    ]

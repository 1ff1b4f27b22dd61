"""Undo the orders and customers that rows of licenses have created, if nothing else names them.

An import that runs could add licenses to them without a transaction, so every transaction checks
that the undo holds the lease of its company.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.customers import Customer
from shared.errors import Busy
from shared.import_undo import Reason, customer_reason
from shared.orders import FIRST_PART
from shared.row_entries import Import, LicenseEntry
from shared.store import bulk, dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import counted_orders, customer_key
from shared.store.import_jobs import lease_check
from shared.store.orders import TABLE as ORDERS
from shared.store.retry import contended
from shared.store.tombstones import id_of_tombstone, is_deleted
from shared.values import record_id
from shared.workflows.batch import Batch, Found, Wanted, find_records, get_all, is_ours, row_of
from shared.workflows.delete_orders import (
    MOST_CUSTOMERS,
    OrderRows,
    delete_empty,
    delete_unused,
    is_pending,
    licenses_in,
    naming_rows,
    order_id_of,
    rows_of_order,
)
from shared.workflows.import_customers import customers_wanted
from shared.workflows.imports_at_rest import wait_for_indexes

_THREADS = 8
_MOST_OPERATIONS = 90
_TRIES = 12

type _Order = tuple[dict[str, Any], OrderRows]
type _Item = Mapping[str, Any]


def undo_parts(
    job: Import,
    entries: Sequence[LicenseEntry],
    done: Batch,
    pool: bulk.Pool,
    deleted: Sequence[_Item],
    kept: Sequence[_Item],
    *,
    dry_run: bool,
) -> None:
    """Delete the orders and customers of rows, or determine what would be deleted.

    `deleted` are the licenses that a dry run would delete, and `kept` those that stay, of the
    import's own.
    """
    orders = Wanted(
        ORDERS,
        {entry.order_id: entry.store_id for entry in entries},
        "store_id",
        lambda id: (dynamo.partition(job.company, id), FIRST_PART),
        lambda name, n: record_id(job.company, "order", name, attempt=n),
    )
    named = {
        entry.customer_id: entry.customer
        for entry in entries
        if entry.customer_id is not None and entry.customer is not None
    }
    found, *of_customers = find_records(pool, (orders, *customers_wanted(job, named.items())))
    removed = Counter(item["order_id"] for item in deleted)
    parts: list[list[Any]] = [[id, 0, 0, 0, "", row] for id, row in _removed_before(job, found)]
    parts += _orders(job, _ours(job, found), pool, removed, dry_run=dry_run)
    done.made["orders"] = parts
    for id, _, licenses, left_out, reason, row in parts:
        stays = "has_licenses" if dry_run and licenses > left_out else ""
        done.note_part(row, "order_id", id, reason or stays)
    places = {id: place for each in of_customers for id, place in each.items()}
    done.made["customers"] = [[id, "", row] for id, row in _removed_before(job, places)]
    items = {item["id"]: item for item in _ours(job, places)}
    others = _customers_of(job, found, pool, items)
    removed_too = _graves(job, others)
    done.made["customers"] += [
        [id_of_tombstone(each), "", row_of(job, each)] for each in removed_too
    ]
    items |= {item["id"]: item for item in others if not is_deleted(item)}
    customers = [Customer.model_validate(item) for item in items.values()]
    if dry_run:
        needed = {item.get("customer_id") for item in kept}
        reasons = of_dry_run(job, customers)
        reasons |= {id: "has_orders" for id in reasons.keys() & needed if not reasons[id]}
    else:
        reasons = delete_customers(job, customers, pool)
    done.made["customers"] += [
        [id, reason or "", row_of(job, items[id])] for id, reason in reasons.items()
    ]
    for id, stays, row in done.made["customers"]:
        done.note_part(row, "customer_id", id, stays)


def _ours(job: Import, places: Mapping[int, Found]) -> list[dict[str, Any]]:
    """The records that the import has created."""
    found = (place.found for place in places.values())
    return [item for item in found if item is not None and is_ours(job, item)]


def _customers_of(
    job: Import, orders: Mapping[int, Found], pool: bulk.Pool, known: Mapping[int, _Item]
) -> list[dict[str, Any]]:
    """The import's own customers of orders, or their tombstones, without the `known` ones.

    The rows of an order can name several customers, and only the first one is that of the order:
    it can be in another batch.
    """
    named = {
        item.get("customer_id")
        for place in orders.values()
        for item in (place.found, *place.deleted)
        if item is not None and is_ours(job, item)
    }
    keys = [customer_key(job.company, id) for id in named - known.keys() if id is not None]
    return [item for item in get_all(pool, CUSTOMERS, keys).values() if is_ours(job, item)]


def _removed_before(job: Import, places: Mapping[int, Found]) -> list[tuple[int, int]]:
    """The records of the import that an earlier run of this undo has deleted: ids and rows."""
    graves = _graves(job, (grave for place in places.values() for grave in place.deleted))
    return [(id_of_tombstone(grave), row_of(job, grave)) for grave in graves]


def _graves(job: Import, items: Iterable[_Item]) -> list[_Item]:
    """The tombstones of the import's records that this undo has written."""
    return [
        item
        for item in items
        if is_deleted(item) and is_ours(job, item) and item["deleted_by"] == job.undo_token
    ]


def _orders(
    job: Import,
    found: Sequence[_Item],
    pool: bulk.Pool,
    removed: Mapping[int, int],
    *,
    dry_run: bool,
) -> list[list[Any]]:
    """The results of the import's own orders, as `undo_totals` adds them up."""
    ids = [item["id"] for item in found]
    results: dict[int, list[Any]] = {
        item["id"]: [item["id"], item.get("customer_id", 0), 0, 0, "", row_of(job, item)]
        for item in found
    }
    empty: list[_Order] = []
    stored = _each(pool, lambda id: rows_of_order(job.company, id), ids)
    for id, (order, rows) in zip(ids, stored, strict=True):
        if order is None or is_deleted(order):
            continue
        reason = _reason(job, order, rows)
        licenses = licenses_in(order)
        if dry_run:
            reason = reason if reason == "appended_since" else None
            results[id][2:5] = [licenses, removed[id], reason or ""]
        elif reason is not None:
            results[id][2:5] = [licenses, 0, reason]
        else:
            empty.append((order, rows))
    for some in _fitting(empty):
        pool.patience.check()
        if delete_empty(job.company, some, [_lease(job)], job.undo_token):
            pool.patience.progressed = True
            continue
        for order, _ in some:
            id = order_id_of(order)
            reason = _delete_order(job, id, pool)
            results[id][4] = reason or ""
    return [*results.values()]


def _delete_order(job: Import, id: int, pool: bulk.Pool) -> Reason | None:
    """Delete an order that may have changed; returns why it stays, or None."""
    for _ in contended(_TRIES):
        pool.patience.check()
        order, rows = rows_of_order(job.company, id)
        if order is None or is_deleted(order):
            return None
        if reason := _reason(job, order, rows):
            return reason
        if delete_empty(job.company, [(order, rows)], [_lease(job)], job.undo_token):
            pool.patience.progressed = True
            return None
    raise Busy


def _reason(job: Import, order: _Item, rows: OrderRows) -> Reason | None:
    """Why an order stays; None if it has no licenses."""
    own = f"rows#{job.number}#"
    others = (row for sk, row in rows.items() if not sk.startswith(own))
    if is_pending(rows) or any(
        each["license_ids"] for row in others for each in row.get("items", ())
    ):
        return "appended_since"
    if licenses_in(order):
        return "has_licenses"
    is_planned = job.may_remove(row_of(job, order), "order_id", order_id_of(order))
    return None if is_planned else "not_as_planned"


def _fitting(orders: Sequence[_Order]) -> Iterable[list[_Order]]:
    """Split orders into transactions: each order has its row, its other rows and its page."""
    some: list[_Order] = []
    operations = 0
    for order, rows in orders:
        own = 3 + len(rows)
        if some and operations + own > _MOST_OPERATIONS:
            yield some
            some, operations = [], 0
        some.append((order, rows))
        operations += own
    if some:
        yield some


def of_dry_run(job: Import, customers: Sequence[Customer]) -> dict[int, Reason | None]:
    """Why customers would stay, apart from the import's own orders; None if they would not."""
    return {customer.id: _reason_of(job, customer, dry_run=True) for customer in customers}


def delete_customers(
    job: Import, customers: Sequence[Customer], pool: bulk.Pool
) -> dict[int, Reason | None]:
    """Delete customers that nothing names; returns why the others stay, and None for these."""
    if customers:
        wait_for_indexes(job.quiet_since)
    results: dict[int, Reason | None] = dict(
        zip(
            [customer.id for customer in customers],
            _each(pool, lambda customer: _reason_of(job, customer), customers),
            strict=True,
        )
    )
    unused = [customer for customer in customers if results[customer.id] is None]
    for some in bulk.batches(unused, MOST_CUSTOMERS):
        pool.patience.check()
        if delete_unused(job.company, some, [_lease(job)], job.undo_token):
            pool.patience.progressed = True
            continue
        results |= {customer.id: _delete_customer(job, customer.id, pool) for customer in some}
    return results


def _delete_customer(job: Import, id: int, pool: bulk.Pool) -> Reason | None:
    """Delete a customer that may have changed; returns why it stays, or None."""
    for _ in contended(_TRIES):
        pool.patience.check()
        item = dynamo.get(CUSTOMERS, customer_key(job.company, id))
        if item is None or is_deleted(item):
            return None
        customer = Customer.model_validate(item)
        if reason := _reason_of(job, customer):
            return reason
        if delete_unused(job.company, [customer], [_lease(job)], job.undo_token):
            pool.patience.progressed = True
            return None
    raise Busy


def _reason_of(job: Import, customer: Customer, *, dry_run: bool = False) -> Reason | None:
    """Why a customer stays. In a dry run the import's own orders don't count: they may go too.

    The index only finds rows, which are read from the table; it has those of every import since
    `quiet_since`, and orders of requests count themselves at the customer.
    """
    if reason := customer_reason(customer.__dict__):
        return reason
    rows = naming_rows(job.company, customer)
    if dry_run:
        rows = (row for row in rows if not _is_own_row(job, row))
    if counted_orders(job.company, customer.id) or any(True for _ in rows):
        return "has_orders"
    row = row_of(job, {"made_by": customer.made_by})
    return None if job.may_remove(row, "customer_id", customer.id) else "not_as_planned"


def _is_own_row(job: Import, row: _Item) -> bool:
    if row["sk"] == FIRST_PART:
        return is_ours(job, row)
    return str(row["sk"]).startswith(f"rows#{job.number}#")


def _lease(job: Import) -> dict[str, Any]:
    return lease_check(job.company, job.undo or 0)


def _each[T, R](pool: bulk.Pool, act: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """The results of `act`, which reads, in several threads."""
    with pool.patience.turns.released(), ThreadPoolExecutor(_THREADS) as executor:
        return [*executor.map(act, values)]

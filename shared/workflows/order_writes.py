"""The reads and writes of placing an order.

An order that fits into one transaction is written in one. A larger order begins with
`pending#<part>`, which has the lease, and `plan#<part>`, which lists its records. The order's row
is written last, and commits everything at once.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from shared.catalog import Product
from shared.customers import Customer, LicenseUser
from shared.licenses import License
from shared.orders import FIRST_PART, Order, OrderContext, OrderPlan, OrderRequest, PendingOrder
from shared.store import dynamo
from shared.store.catalog import TABLE as CATALOG
from shared.store.catalog import product_key, unchanged
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import (
    count_order,
    customer_changes,
    customer_key,
    customer_lookup,
    customer_puts,
    user_lookup,
    user_writes,
)
from shared.store.license_index import listed_row
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import committed_rows, license_lookup, license_puts
from shared.store.lookup import Lookup, find
from shared.store.order_index import index_keys
from shared.store.orders import TABLE, added_licenses, order_lookup
from shared.store.tombstones import is_deleted
from shared.store.writer import writer_attribute
from shared.values import record_id
from shared.workflows.pending_orders import (
    BYTES,
    OPERATIONS,
    add_in_parts,
    fitting_sizes,
    pending_order_of,
    pending_row,
)

MOST_PRODUCTS = 50
"""Products of an order whose index entries are written in the transaction of its row."""


def read_order_context(
    company: str,
    request: OrderRequest,
    *,
    store_id: str,
    token: str,
    idempotency_key: str | None,
    after: OrderPlan | None = None,
) -> OrderContext:
    """Read all records that placing `request` depends on.

    `after` is a plan whose write failed: then its licenses are looked up too, to find out which
    keys exist.
    """
    append_part = "append#" + hashlib.sha256((idempotency_key or token).encode()).hexdigest()[:32]
    rows = [FIRST_PART, append_part, pending_row(FIRST_PART), pending_row(append_part)]
    order_place = order_lookup(company, store_id, rows)
    email = request.customer.email if request.customer else None
    customer_place = customer_lookup(company, email or "")
    user_places = {name: user_lookup(company, name) for name in request.users}
    codes = _product_codes(request)
    product_keys = [(CATALOG, product_key(company, code)) for code in codes]
    places = [order_place, *([customer_place] if email else []), *user_places.values()]
    nameless = [(CUSTOMERS, customer_key(company, _nameless(company, order_place)))]
    found = find(places, [*product_keys, *(nameless if request.customer and not email else [])])

    by_row = {row: found.get(key) for row, key in zip(rows, order_place.keys, strict=True)}
    order = _order(by_row[FIRST_PART])
    is_keyed = idempotency_key is not None and order and order.idempotency_key == idempotency_key
    ours = order is None or token == order.token or is_keyed
    part = append_part if request.append and not ours else FIRST_PART
    customer_id = customer_place.id if email else _nameless(company, order_place)
    customer = found.get((CUSTOMERS, customer_key(company, customer_id)))
    if customer and (is_deleted(customer) or customer.get("email") != email):
        customer = None
    users = {
        name: LicenseUser.model_validate(place.found)
        for name, place in user_places.items()
        if place.found
    }
    taken, occupied = _owned(company, after) if after else (frozenset(), frozenset())
    return OrderContext(
        order_id=order_place.id,
        part=part,
        order=order,
        row=_order(by_row[part]),
        pending=pending_order_of(by_row[pending_row(part)]),
        products={
            code: Product.model_validate(found[key])
            for code, key in zip(codes, product_keys, strict=True)
            if key in found
        },
        customer_id=customer_id,
        customer=Customer.model_validate(customer) if customer else None,
        user_ids={name: place.id for name, place in user_places.items()},
        users=users,
        blocking=_blocking(company, users.values(), f"{order_place.id}/{part}/"),
        taken=taken,
        occupied=occupied,
    )


def write_order(company: str, plan: OrderPlan, pending: PendingOrder | None) -> bool:
    """Write all records of an order, or none; False if a condition failed.

    An order that fits into one transaction is written in one. A larger order is written in several
    and committed by its row. `pending` is an earlier attempt at the same order, which has to be
    taken over even if the order fits now, because other orders may have created its users.
    """
    last, early = _row_puts(company, plan)
    users = user_writes(company, plan.users, plan.assigned)
    parts = (plan.licenses, users, plan.products, last, early)
    if pending is None and sum(map(len, parts)) <= OPERATIONS:
        operations = [
            *license_puts(company, plan.licenses),
            *users,
            *(unchanged(company, product) for product in plan.products),
            *last,
            *early,
        ]
        sizes = fitting_sizes(operations)
        if sum(sizes) <= BYTES:
            return dynamo.write(operations)
    return add_in_parts(company, plan, pending, last, early)


def _nameless(company: str, order: Lookup) -> int:
    """The id of a customer without an e-mail, who belongs to this order only."""
    return record_id(company, "customer", "of", order.id)


def _product_codes(request: OrderRequest) -> list[str]:
    codes = [item.product_code for item in request.items]
    for item in request.items:
        for lic in item.licenses:
            members = (lic, *(lic.products or ()), *(lic.bundle_products or ()))
            codes += [member.product_code for member in members if member.product_code]
    return list(dict.fromkeys(codes))


def _blocking(company: str, users: Iterable[LicenseUser], ours: str) -> frozenset[str]:
    """The pending orders that created some of these users."""
    rows = {user.unsettled for user in users} - {None}
    return frozenset(
        row for row in rows - committed_rows(company, rows) if row and not row.startswith(ours)
    )


def _owned(company: str, after: OrderPlan) -> tuple[frozenset[str], frozenset[int]]:
    """Of a placement's licenses, the keys that others have and the ids that others fell on.

    Licenses of the same key that were deleted keep their ids.
    """
    keys = {lic.id: (LICENSES, (dynamo.partition(company, lic.id),)) for lic in after.licenses}
    stored = dynamo.get_many(keys.values())
    occupied: set[int] = set()
    named: list[tuple[License, Lookup]] = []
    for lic in after.licenses:
        other = stored.get(keys[lic.id])
        if other is None or other.get("order_item_id") == lic.order_item_id:
            continue
        if lic.license_key is None:
            occupied.add(lic.id)
        else:
            named.append((lic, license_lookup(company, lic.license_key, _member_code(lic))))
    find(lookup for _, lookup in named)
    taken: set[str] = set()
    for lic, lookup in named:
        occupied.update(map(lookup.id_of, range(lookup.attempt)))
        if lookup.found and lookup.found["order_item_id"] != lic.order_item_id:
            taken.add(lookup.natural)
    return frozenset(taken), frozenset(occupied)


def _member_code(lic: License) -> str | None:
    """The product of a license of a bundle's member, whose id is derived from it too."""
    return lic.product_code if lic.bundle_license_id else None


def _row_puts(company: str, plan: OrderPlan) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The writes that commit an order: its row, its index entries, and its customer if new.

    Separately, the index entries of its products if they are too many for the same transaction.
    """
    order, count = plan.order, len(plan.licenses)
    pk, is_placed = dynamo.partition(company, order.id), order.part == FIRST_PART
    late = is_placed and order.created_at != plan.begun_at
    keys = index_keys(
        company,
        order.id,
        order.part,
        licenses=count,
        at=order.created_at if is_placed else plan.begun_at,
        customer_id=order.customer_id,
        late=late,
    )
    listed = listed_row(company, order, plan.licenses, issued_at=plan.begun_at, late=late)
    entries = [dynamo.put(TABLE, dynamo.to_item(item)) for item in listed.products]
    reuses = is_placed and order.customer_id and (not plan.customer or plan.customer_before)
    own = keys | listed.row | ({"counted": True} if reuses else {}) | writer_attribute()
    item = dynamo.record_item(order, pk=pk, sk=order.part, **own)
    puts = [dynamo.put(TABLE, item, "attribute_not_exists(pk)")]
    if not is_placed:
        after = plan.added_to.changed_at if plan.added_to else None
        puts.append(added_licenses(company, order.id, count, order.updated_at, after=after))
    if listed.twin:
        puts.append(dynamo.put(TABLE, dynamo.to_item(listed.twin)))
    if order.customer_id and reuses:
        puts.append(count_order(company, order.customer_id, order.id, 1))
    if plan.customer and plan.customer_before:
        puts += customer_changes(company, plan.customer, plan.customer_before)
    elif plan.customer:
        puts += customer_puts(company, plan.customer)
    if len(entries) > MOST_PRODUCTS:
        return puts, entries
    return [*puts, *entries], []


def _order(item: dict[str, Any] | None) -> Order | None:
    return Order.model_validate(item) if item and not is_deleted(item) else None

"""Orders, in the table Orders: what is known of one that is asked for, and writing it all or not.

A partition is one order: the row `order`, a row `append#…` for each later addition, a row
`rows#<job>#<row>` for what a stretch of an import added, and, while an order too large for one
transaction is on its way, `pending#<part>` and `plan#<part>` beside the row that is to come. That
row is written last: with it everything becomes visible at once.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from shared.catalog import Product
from shared.customers import Customer, LicenseUser
from shared.errors import Refused
from shared.orders import FIRST_PART, Known, Order, OrderRequest, Placement, Unfinished, whole
from shared.store import dynamo
from shared.store.catalog import TABLE as CATALOG
from shared.store.catalog import product_key, unchanged
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key, customer_put, user_key, user_put
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_put, stored_licenses
from shared.values import record_id

TABLE = "ORDERS_TABLE"
PENDING = "pending"
# DynamoDB's own limits are 100 operations, 4 MB, and 400 KB an item.
_HELD = "held_by = :owner"
_OPERATIONS, _BYTES = 100, 3_500_000


def read_known(
    company: str,
    request: OrderRequest,
    *,
    store_id: str,
    token: str,
    idempotency_key: str | None,
    after: Placement | None = None,
) -> Known:
    """Everything that placing `request` has to know, in one read.

    `after` is a placement whose write did not hold: then the places of its licenses are looked at
    too, to learn which keys have an owner.
    """
    append_part = "append#" + hashlib.sha256((idempotency_key or token).encode()).hexdigest()[:32]
    rows = [FIRST_PART, append_part, _pending(FIRST_PART), _pending(append_part)]
    order_place = _Place(company, TABLE, "order", store_id, "store_id", rows)
    email = request.customer.email if request.customer else None
    customer_place = _Place(company, CUSTOMERS, "customer", email or "", "email")
    user_places = {
        name: _Place(company, CUSTOMERS, "user", name, "email") for name in request.users
    }
    codes = _product_codes(request)
    product_keys = [(CATALOG, product_key(company, code)) for code in codes]
    places = [order_place, *([customer_place] if email else []), *user_places.values()]
    nameless = [(CUSTOMERS, customer_key(company, _nameless(company, order_place)))]
    found = _find(places, [*product_keys, *(nameless if request.customer and not email else [])])

    by_row = {row: found.get(key) for row, key in zip(rows, order_place.keys, strict=True)}
    order = _order(by_row[FIRST_PART])
    ours = order is None or token == order.token or idempotency_key in _keys_of(order)
    part = append_part if request.append and not ours else FIRST_PART
    customer_id = customer_place.id if email else _nameless(company, order_place)
    customer = found.get((CUSTOMERS, customer_key(company, customer_id)))
    if customer and customer.get("email") != email:
        customer = None
    users = {name: found[place.keys[0]] for name, place in user_places.items() if place.taken}
    taken, occupied = _owned(company, after) if after else (frozenset(), frozenset())
    return Known(
        order_id=order_place.id,
        part=part,
        order=order,
        row=_order(by_row[part]),
        unfinished=_unfinished(by_row[_pending(part)]),
        products={
            code: Product.model_validate(found[key])
            for code, key in zip(codes, product_keys, strict=True)
            if key in found
        },
        customer_id=customer_id,
        customer=Customer.model_validate(customer) if customer else None,
        user_ids={name: place.id for name, place in user_places.items()},
        users={name: LicenseUser.model_validate(item) for name, item in users.items()},
        taken=taken,
        occupied=occupied,
    )


def add_placement(company: str, placement: Placement, unfinished: Unfinished | None) -> bool:
    """Write everything of a placement, or nothing; False if what it rests on has changed.

    What fits one transaction is written in one. A larger order is begun, written in several, and
    settled with its row; `unfinished` is an earlier beginning of the same order, to be taken over.
    """
    operations = [
        *(license_put(company, lic) for lic in placement.licenses),
        *(user_put(company, user) for user in placement.users),
        *(unchanged(company, product) for product in placement.products),
        *_row_puts(company, placement),
    ]
    sizes = [dynamo.size_of(operation) for operation in operations]
    if max(sizes) > dynamo.ITEM_BYTES:
        raise Refused(
            "record_too_large",
            "One license of the order is more than 390 KB: shorten its metadata or its features",
        )
    if len(operations) <= _OPERATIONS and sum(sizes) <= _BYTES:
        return dynamo.write(operations)
    return _add_in_parts(company, placement, unfinished)


def undo(company: str, order_id: int, part: str, owner: str) -> bool:
    """Take back what was written of an order that did not become visible.

    False if the order has another owner by now, whose it is to finish or to undo.
    """
    home = dynamo.home(company, order_id)
    plan = dynamo.get(TABLE, (home, _plan(part)))
    mine = dynamo.check(TABLE, (home, _pending(part)), _HELD, owner=owner)
    if plan is None:
        return False
    free = "attribute_not_exists(pk) OR unsettled = :row"
    deletes = [
        dynamo.delete(LICENSES, (dynamo.home(company, id),), free, row=plan["unsettled"])
        for id in _still_there(company, plan)
    ]
    for user_id in plan.get("user_ids", []):
        gone = "attribute_not_exists(pk) OR made_by = :maker"
        key = user_key(company, user_id)
        deletes.append(dynamo.delete(CUSTOMERS, key, gone, maker=plan["made_by"]))
    for start in range(0, len(deletes), _OPERATIONS - 1):
        if not dynamo.write([mine, *deletes[start : start + _OPERATIONS - 1]]):
            return False
    end = dynamo.delete(TABLE, (home, _pending(part)), _HELD, owner=owner)
    return dynamo.write([end, dynamo.delete(TABLE, (home, _plan(part)))])


def pending_orders(before: datetime) -> list[tuple[str, int, str, str]]:
    """Orders begun before a moment and not settled: company, order id, part, owner."""
    condition, values = "listed = :pending AND created < :before", {"pending": PENDING}
    values["before"] = dynamo.stamp(before)
    entries = list(dynamo.query(TABLE, condition, values, index="by_created"))
    pending = []
    for entry in entries:
        if item := dynamo.get(TABLE, (entry["pk"], entry["sk"])):
            company, _, order_id = entry["pk"].partition("#")
            pending.append((company, int(order_id), entry["sk"].partition("#")[2], item["held_by"]))
    return pending


def take_over(company: str, order_id: int, part: str, owner: str, *, token: str) -> bool:
    """Make `token` the owner of an unsettled order, so that nobody else goes on with it."""
    key = (dynamo.home(company, order_id), _pending(part))
    item = dynamo.get(TABLE, key)
    if item is None or item["held_by"] != owner:
        return False
    put = dynamo.put(TABLE, dynamo.to_item({**item, "held_by": token}), _HELD, owner=owner)
    return dynamo.write([put])


def get_order(company: str, id: int) -> Order | None:
    """An order as it stands now, with everything that was appended."""
    values = {"home": dynamo.home(company, id)}
    items = list(dynamo.query(TABLE, "pk = :home", values, consistent=True))
    rows = [
        Order.model_validate(item)
        for item in items
        if item["sk"].startswith((FIRST_PART, "append#", "rows#"))
    ]
    return whole(rows) if any(row.part == FIRST_PART for row in rows) else None


def orders_by_id(company: str, ids: Iterable[int]) -> dict[int, Order]:
    """The orders with these ids that exist, by id, in that order."""
    keys: list[tuple[str, dynamo.Key]] = [
        (TABLE, (dynamo.home(company, id), FIRST_PART)) for id in ids
    ]
    found = dynamo.get_many(keys)
    orders: dict[int, Order] = {}
    for key in keys:
        if key not in found:
            continue
        order = Order.model_validate(found[key])
        grown = get_order(company, order.id) if order.appended else None
        orders[order.id] = grown or order
    return orders


def order_with_store_id(company: str, store_id: str) -> Order | None:
    """The order that the client calls `store_id`."""
    place = _Place(company, TABLE, "order", store_id, "store_id", [FIRST_PART])
    _find([place], [])
    return get_order(company, place.id)


def order_ids(
    company: str,
    *,
    customer_id: int | None = None,
    after: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[tuple[str, int]]:
    """(created, id) of a company's orders, or of one customer's, newest first.

    `created` sorts by time; the list starts behind `after`, an earlier one. `until` is not in it.
    """
    first = dynamo.stamp(since) if since else " "
    last = min(after or "~", dynamo.stamp(until) if until else "~")
    if customer_id is not None:
        shelves, index, attribute = [f"{company}#{customer_id}"], "by_customer", "customer_orders"
    else:
        shelves, index, attribute = dynamo.shelves(company), "by_created", "listed"
    condition = f"{attribute} = :shelf AND created BETWEEN :first AND :last"
    entries = merge(
        *(
            dynamo.query(
                TABLE,
                condition,
                {"shelf": shelf, "first": first, "last": last},
                index=index,
                forward=False,
            )
            for shelf in shelves
        ),
        key=lambda entry: entry["created"],
        reverse=True,
    )
    for entry in entries:
        if entry["created"] != after:
            yield entry["created"], int(entry["pk"].partition("#")[2])


@dataclass
class _Place:
    """Where a record stands that is known by a natural key; `field` tells whose place it is."""

    company: str
    table: str
    kind: str
    natural: str
    field: str
    rows: list[str] | None = None
    attempt: int = 0
    taken: bool = False

    @property
    def id(self) -> int:
        return record_id(self.company, self.kind, self.natural, attempt=self.attempt)

    @property
    def keys(self) -> list[tuple[str, tuple[str, str]]]:
        if self.rows is not None:
            return [(self.table, (dynamo.home(self.company, self.id), row)) for row in self.rows]
        key = customer_key if self.kind == "customer" else user_key
        return [(self.table, key(self.company, self.id))]


type _Found = dict[tuple[str, dynamo.Key], dict[str, Any]]


def _nameless(company: str, order: _Place) -> int:
    """The id of a customer without an e-mail, who is this one order's."""
    return record_id(company, "customer", "of", order.id)


def _find(places: list[_Place], more: list[tuple[str, tuple[str, str]]]) -> _Found:
    """Read every place, going on to the next where the record of another name fell on it."""
    found: _Found = {}
    wanted = places
    while wanted or more:
        found |= dynamo.get_many([*more, *(key for place in wanted for key in place.keys)])
        missed, more = [], []
        for place in wanted:
            items = [found[key] for key in place.keys if key in found]
            if any(item[place.field] != place.natural for item in items):
                place.attempt += 1
                missed.append(place)
            else:
                place.taken = bool(items)
        wanted = missed
    return found


def _product_codes(request: OrderRequest) -> list[str]:
    codes = [item.product_code for item in request.items]
    for item in request.items:
        for lic in item.licenses:
            members = (lic, *(lic.products or ()), *(lic.bundle_products or ()))
            codes += [member.product_code for member in members if member.product_code]
    return list(dict.fromkeys(codes))


def _owned(company: str, after: Placement) -> tuple[frozenset[str], frozenset[int]]:
    """Of a placement's licenses, the keys that others have and the ids that others fell on."""
    stored = stored_licenses(company, (lic.id for lic in after.licenses))
    taken, occupied = set(), set()
    for lic in after.licenses:
        other = stored.get(lic.id)
        if other is None or other.order_item_id == lic.order_item_id:
            continue
        if lic.license_key is not None and other.license_key == lic.license_key:
            taken.add(lic.license_key)
        else:
            occupied.add(lic.id)
    return frozenset(taken), frozenset(occupied)


def _row_puts(company: str, placement: Placement) -> list[dict[str, Any]]:
    """The writes that make an order visible: its row, and its customer if new."""
    order = placement.order
    pk = dynamo.home(company, order.id)
    keys = {"pk": pk, "sk": order.part}
    puts = []
    if order.part == FIRST_PART:
        keys["listed"] = dynamo.shelf(company, order.id)
        keys["created"] = f"{dynamo.stamp(order.created_at)}#{order.id}"
        if order.customer_id:
            keys["customer_orders"] = f"{company}#{order.customer_id}"
    else:
        puts.append(_mark_appended(pk, order))
    item = dynamo.record_item(order, **keys)
    puts.append(dynamo.put(TABLE, item, "attribute_not_exists(pk)"))
    if placement.customer:
        puts.append(customer_put(company, placement.customer))
    return puts


def _mark_appended(pk: str, order: Order) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": dynamo.table(TABLE),
            "Key": dynamo.key_of((pk, FIRST_PART)),
            "UpdateExpression": "SET appended = :yes, updated_at = :now",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": dynamo.to_item({":yes": True, ":now": order.updated_at}),
        }
    }


def _add_in_parts(company: str, placement: Placement, unfinished: Unfinished | None) -> bool:
    order = placement.order
    pk, pending = dynamo.home(company, order.id), _pending(order.part)
    row = f"{order.id}/{order.part}/{order.fingerprint}"
    if not dynamo.write(_begin(company, placement, row, unfinished)):
        return False
    mine = dynamo.check(TABLE, (pk, pending), _HELD, owner=order.token)
    licenses = (lic.model_copy(update={"unsettled": row}) for lic in placement.licenses)
    checks = {product.id: unchanged(company, product) for product in placement.products}
    puts = [
        *((license_put(company, lic), checks[lic.product_id]) for lic in licenses),
        *((user_put(company, user, unsettled=True), None) for user in placement.users),
    ]
    if not all(dynamo.write(batch) for batch in _batches(mine, puts)):
        return False
    end = dynamo.delete(TABLE, (pk, pending), _HELD, owner=order.token)
    plan = dynamo.delete(TABLE, (pk, _plan(order.part)))
    return dynamo.write([end, plan, *_row_puts(company, placement)])


def _begin(
    company: str, placement: Placement, row: str, unfinished: Unfinished | None
) -> list[dict[str, Any]]:
    """Say that an order is on its way, and what it will write, before anything of it is written."""
    order = placement.order
    pk = dynamo.home(company, order.id)
    begun_at = placement.begun_at
    marker = dynamo.to_item(
        {
            "pk": pk,
            "sk": _pending(order.part),
            "store_id": order.store_id,
            "fingerprint": order.fingerprint,
            "held_by": order.token,
            "seed": placement.seed,
            "begun_at": begun_at,
            "listed": PENDING,
            "created": f"{dynamo.stamp(begun_at)}#{pk}",
        }
    )
    if unfinished:
        put = dynamo.put(TABLE, marker, _HELD, owner=unfinished.owner)
    else:
        put = dynamo.put(TABLE, marker, "attribute_not_exists(pk)")
    plan = dynamo.to_item(
        {
            "pk": pk,
            "sk": _plan(order.part),
            "store_id": order.store_id,
            "unsettled": row,
            "license_ids": [lic.id for lic in placement.licenses],
            "user_ids": [user.id for user in placement.users],
            "made_by": placement.users[0].made_by if placement.users else None,
        }
    )
    free = dynamo.check(TABLE, (pk, order.part), "attribute_not_exists(pk)")
    return [put, dynamo.put(TABLE, plan), free]


def _batches(
    mine: dict[str, Any], puts: list[tuple[dict[str, Any], dict[str, Any] | None]]
) -> Iterator[list[dict[str, Any]]]:
    """Transactions of one check of ownership, writes, and the checks of their products."""
    batch: list[dict[str, Any]] = [mine]
    checks: list[dict[str, Any]] = []
    size = 0
    for put, check in puts:
        more = 1 + (check is not None and check not in checks)
        weight = dynamo.size_of(put)
        if len(batch) + len(checks) + more > _OPERATIONS or size + weight > _BYTES:
            yield batch + checks
            batch, checks, size = [mine], [], 0
        batch.append(put)
        size += weight
        if check is not None and check not in checks:
            checks.append(check)
    yield batch + checks


def _still_there(company: str, plan: dict[str, Any]) -> list[int]:
    stored = stored_licenses(company, plan["license_ids"])
    return [lic.id for lic in stored.values() if lic.unsettled == plan["unsettled"]]


def _keys_of(order: Order) -> set[str | None]:
    return {order.idempotency_key} - {None}


def _order(item: dict[str, Any] | None) -> Order | None:
    return Order.model_validate(item) if item else None


def _unfinished(item: dict[str, Any] | None) -> Unfinished | None:
    if item is None:
        return None
    return Unfinished(
        fingerprint=item["fingerprint"],
        owner=item["held_by"],
        seed=item["seed"],
        begun_at=datetime.fromisoformat(item["begun_at"]),
    )


def _pending(part: str) -> str:
    return f"{PENDING}#{part}"


def _plan(part: str) -> str:
    return f"plan#{part}"

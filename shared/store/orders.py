"""Orders, in the table Orders, to be found and listed; shared.store.placing writes them.

A partition is one order: the row `order`, a row `append#…` for each later addition, a row
`rows#<job>#<row>` for what a stretch of an import added, and, while an order too large for one
transaction is on its way, `pending#<part>` and `plan#<part>` beside the row that is to come.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import merge

from shared.orders import FIRST_PART, Order, whole
from shared.store import dynamo
from shared.store.places import Place, find

TABLE = "ORDERS_TABLE"


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
    place = Place(company, TABLE, "order", store_id, "store_id", [FIRST_PART])
    find([place], [])
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

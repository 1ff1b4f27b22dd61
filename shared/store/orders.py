"""Orders, in the table Orders, to be found; shared.workflows.order_writes writes them.

A partition is one order. While an order that is too large for one transaction is pending, it also
has `pending#<part>` and `plan#<part>`.

| sk | what |
|---|---|
| `order` | the order as placed, with its licenses and the number of those in the other rows |
| `append#…` | what a request added |
| `rows#<job>#<row>#<customer>` | what a batch of an import added for a customer |

Lists read the first rows only; see order_index.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from shared.orders import FIRST_PART, Order, whole
from shared.store import dynamo
from shared.store.lookup import Lookup, find
from shared.store.order_index import FIELDS
from shared.store.tombstones import is_deleted
from shared.values import record_id

TABLE = "ORDERS_TABLE"
MOST_PAGES = 10
"""Requests, of up to 1 MB each, to read an order for its view."""
ROWS_PER_REQUEST = 25
_RANGES = ((FIRST_PART, "rows$"), ("append#", "append$"))
"""The order as placed and rows of imports, then the appended rows; `$` sorts after `#`."""
_OF_LICENSES = (FIRST_PART, "append#", "rows#")


def read_order(company: str, id: int, *, most: int) -> tuple[Order, int] | None:
    """An order with at least `most` of its licenses, and the number of all its licenses.

    Each request reads 1 MB of rows, about 100,000 licenses; at most MOST_PAGES requests.
    """
    values = {"partition": dynamo.partition(company, id)}
    pages = dynamo.query_pages(TABLE, "pk = :partition", values, consistent=True, select=FIELDS)
    rows: list[Order] = []
    more = False
    for page in islice(pages, MOST_PAGES):
        rows += _rows(page.items)
        more = page.more
        if sum(len(row.license_ids) for row in rows) >= most:
            break
    if more and not any(row.part == FIRST_PART for row in rows):
        rows += first_rows(company, [id]).values()
    order = whole_order(rows)
    if order is None:
        return None
    (first,) = (row for row in rows if row.part == FIRST_PART)
    return order, first.licenses_count if more else len(order.license_ids)


def added_licenses(
    company: str, order_id: int, count: int, at: datetime, *, after: datetime | None
) -> dict[str, Any]:
    """The update of an order's first row with `count` licenses in another row, for a transaction.

    `after` is when the order was changed before. It fails if the order does not exist.
    """
    update = {
        "TableName": dynamo.table(TABLE),
        "Key": dynamo.key_of((dynamo.partition(company, order_id), FIRST_PART)),
        "UpdateExpression": "SET added_at = :at ADD added :n",
        "ConditionExpression": "attribute_exists(store_id)",
        "ExpressionAttributeValues": dynamo.to_item(
            {":at": dynamo.stamp(max(at, after or at)), ":n": count}
        ),
    }
    return {"Update": update}


def order_rows(
    company: str, id: int, *, after: str | None = None, limit: int | None = None
) -> Iterator[Order]:
    """The rows of an order that have licenses, in a stable order, beginning with the row `after`.

    `limit` is a hint for few.
    """
    values = {"partition": dynamo.partition(company, id)}
    first_range = 1 if after and after.startswith("append#") else 0
    for first, last in _RANGES[first_range:]:
        start = after if after and first <= after <= last else first
        bounds = {**values, "first": start, "last": last}
        condition = "pk = :partition AND sk BETWEEN :first AND :last"
        for page in dynamo.query_pages(
            TABLE, condition, bounds, consistent=True, select=FIELDS, limit=limit
        ):
            yield from _rows(page.items)


def first_rows(company: str, ids: Iterable[int]) -> dict[int, Order]:
    """The orders with these ids that exist, as placed, by id; 100 per request."""
    return {row.id: row for row in rows_at(_keys(company, ids)).values()}


def rows_at(keys: Iterable[dynamo.Key]) -> dict[dynamo.Key, Order]:
    """The rows of orders with these keys; 100 per request."""
    found = dynamo.get_many(((TABLE, key) for key in keys), select=FIELDS)
    return {
        key: Order.model_validate(item) for (_, key), item in found.items() if not is_deleted(item)
    }


def order_id_of(company: str, store_id: str) -> int | None:
    lookup = order_lookup(company, store_id, [FIRST_PART])
    find([lookup])
    return lookup.id if lookup.found else None


def order_lookup(company: str, store_id: str, rows: Sequence[str]) -> Lookup:
    return Lookup(
        TABLE,
        "store_id",
        store_id,
        lambda attempt: record_id(company, "order", store_id, attempt=attempt),
        lambda id: [(dynamo.partition(company, id), row) for row in rows],
    )


def whole_order(rows: Sequence[Order]) -> Order | None:
    """The order that consists of these rows; None if the first row is missing."""
    return whole(list(rows)) if any(row.part == FIRST_PART for row in rows) else None


def _rows(items: Iterable[dict[str, object]]) -> list[Order]:
    return [
        Order.model_validate(item)
        for item in items
        if str(item["sk"]).startswith(_OF_LICENSES) and not is_deleted(item)
    ]


def _keys(company: str, ids: Iterable[int]) -> list[dynamo.Key]:
    return [(dynamo.partition(company, id), FIRST_PART) for id in ids]

"""Lists of orders, newest first: of a company and of a customer.

An order of a request is an index entry. The orders that a batch of an import created are on a page:
see newest_first. An order's first row counts the licenses of its other rows, which are written
in one transaction with this count. So lists read only first rows.

    created = <time of the order>#<order id>         the order as placed
              <time of the order>#<order id>#+       the same, if its licenses have another time
              <time of the import>#<order id>#order  the licenses of an order that `placed` lists
              <time of the import>#j<job>#<row>      a page of orders
              <time of the addition>#<order id>#<part>   licenses that were added to an order

Additions are only in the lists of licenses; see license_index. Where a file has the times of
orders, each of its orders has an item `placed`, which lists it at its time, and its page is only in
the list of its import. A page is in the partition of its import, `<company>#job#<number>`, at
`orders#<first row of the batch>`.

Decisions never depend on the index, and records are read from the table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from shared.orders import FIRST_PART, Order
from shared.store import dynamo
from shared.store.license_index import LATE, is_at_its_time, issued_place
from shared.store.newest_first import (
    Source,
    newest_first,
    page_of,
    places_of_import,
    shards_of,
    unpacked,
)

TABLE = "ORDERS_TABLE"
PAGES = "orders"
"""The shard that has all pages of orders."""
PLACED = "placed"
"""The row that lists an imported order at the time when it was placed in another system."""
FIELDS = (
    *(set(Order.model_fields) - {"body", "fingerprint", "token", "idempotency_key"}),
    "sk",
    "deleted_at",
)
"""Attributes of a row that views need; the request body, most of a row's bytes, is not read."""


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order in a list: its position, and its id, or its page and the index in it.

    The order has at least `licenses`. If `order` has been read, this is their number.
    """

    place: str
    licenses: int
    id: int = 0
    page: tuple[str, str] | None = None
    at: int = 0
    order: Order | None = None

    @classmethod
    def of(cls, order: Order, licenses: int) -> "ListedOrder":
        """The list entry for an order that was read by itself."""
        place = f"{dynamo.stamp(order.created_at)}#{order.id}"
        return cls(place, licenses, order.id, order=order)


def index_keys(
    company: str,
    order_id: int,
    part: str,
    *,
    licenses: int,
    at: datetime,
    customer_id: int | None,
    late: bool = False,
) -> dict[str, Any]:
    """The index attributes of a row: an order at the time when it was placed, or an addition.

    `late` marks an order whose licenses have another time.
    """
    place = issued_place(at, order_id, part)
    keys = customer_keys(company, f"{place}#{LATE}" if late else place, licenses, customer_id)
    return {"listed": dynamo.shard(company, order_id), **keys}


def customer_keys(
    company: str, place: str, licenses: int, customer_id: int | None
) -> dict[str, Any]:
    """The index attributes of a row that is listed by a page, except in its customer's lists."""
    return {
        "created": place,
        "customer_orders": f"{company}#{customer_id}" if customer_id else None,
        "n": licenses,
    }


def placed_entry(company: str, order: Mapping[str, Any]) -> dict[str, Any]:
    """The item that lists an imported order, a stored row, at its time; its row lists licenses."""
    place = issued_place(datetime.fromisoformat(order["created_at"]), order["id"], FIRST_PART)
    return {
        "pk": order["pk"],
        "sk": PLACED,
        "listed": f"{company}#{PAGES}",
        **customer_keys(company, f"{place}#{LATE}", 1, order.get("customer_id")),
    }


def order_page(
    company: str, job: int, began: datetime, first_row: int, ids: Sequence[int], *, listed: bool
) -> dict[str, Any]:
    """The page of the orders that the batch beginning at `first_row` created.

    It is in the list of the import, and if `listed` also in that of the company.
    """
    page = page_of(company, job, began, first_row, ids) | {"sk": f"orders#{first_row:010}"}
    return page | {"listed": f"{company}#{PAGES}" if listed else None}


def listed_orders(
    company: str,
    *,
    customer_id: int | None = None,
    source: Source | None = None,
    after: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[ListedOrder]:
    """The orders of a company or a customer, newest first unless `oldest_first`.

    They follow the position `after`; `until` is exclusive. `limit` is a hint for few. Those of a
    customer are of any `source`.
    """
    resume_at, passed = _split(after)
    first = dynamo.stamp(since) if since else " "
    last = dynamo.stamp(until) if until else "~"
    if resume_at and oldest_first:
        first = max(first, resume_at)
    elif resume_at:
        last = min(last, f"{resume_at}#{LATE}")
    if first > last:
        return
    index, name, shards = _shards(company, customer_id, source)
    found = newest_first(
        TABLE, index, name, shards, first=first, last=last, limit=limit, oldest_first=oldest_first
    )
    for item in found:
        row, place = (item["pk"], item["sk"]), item["created"].removesuffix(f"#{LATE}")
        start = passed + 1 if place == resume_at else 0
        if row[1].startswith("orders#"):
            for at in range(start, item["n"]):
                yield ListedOrder(f"{place}/{at}", 1, page=row, at=at)
        elif not start and is_order(row[1], place):
            yield ListedOrder(place, item["n"], int(place.rpartition("#")[2]))


def is_order(row: str, place: str) -> bool:
    """Whether an entry with this sort key and position lists an order that is not on a page."""
    return row == PLACED or (row == FIRST_PART and not place.endswith(f"#{FIRST_PART}"))


def orders_of_import(
    company: str, job: int, *, after: str | None, limit: int | None
) -> Iterator[ListedOrder]:
    """The orders that an import created, in the order of its rows, after a position."""
    for each in places_of_import(TABLE, company, job, "orders", after=after, limit=limit):
        yield ListedOrder(each.place, 1, page=each.page, at=each.at)


def ids_of_listed(listed: Iterable[ListedOrder]) -> list[int]:
    """The ids of listed orders, in their order."""
    wanted = list(listed)
    pages = {(TABLE, each.page) for each in wanted if each.page}
    found = dynamo.get_many(pages, select=["ids"])
    held = {key: unpacked(item["ids"]) for (_, key), item in found.items()}
    return [held[each.page][each.at] if each.page else each.id for each in wanted]


def entries_of_customer(company: str, customer_id: int) -> Iterator[tuple[str, str]]:
    """The keys of the rows that the index has in a customer's lists; an order's own row is one."""
    index, name, shards = _shards(company, customer_id)
    for item in newest_first(TABLE, index, name, shards, limit=100):
        if item["sk"] != PLACED:
            yield item["pk"], item["sk"]


def totals_of(company: str, customer_id: int, *, most: int) -> tuple[int, int, bool]:
    """The numbers of a customer's orders and licenses, and whether these are all.

    Counting stops after `most` entries; DynamoDB returns about 7,000 per request.
    """
    index, name, shards = _shards(company, customer_id)
    found = list(islice(newest_first(TABLE, index, name, shards), most + 1))
    counted = found[:most]
    orders = sum(item["sk"] == FIRST_PART for item in counted)
    licenses = sum(item.get("n", 0) for item in counted if is_at_its_time(item["created"]))
    return orders, licenses, len(found) <= most


def _split(after: str | None) -> tuple[str | None, int]:
    """The entry of a position, and the index of the order on it if it is a page."""
    if after is None or "/" not in after:
        return after, 0
    resume_at, _, passed = after.rpartition("/")
    return resume_at, int(passed)


def _shards(
    company: str, customer_id: int | None, source: Source | None = None
) -> tuple[str, str, list[str]]:
    """The index of a list, its partition key, and the partitions that have it."""
    if customer_id is not None:
        return "by_customer", "customer_orders", [f"{company}#{customer_id}"]
    return "by_created", "listed", shards_of(company, source, PAGES)

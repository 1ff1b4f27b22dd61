"""Lists of orders, newest first: of a company and of a customer, with their license counts.

Each row of an order that has licenses is an index entry with their number: the row `order` of a
placed order, `append#…`, and `rows#…` of an import. The entries of an order are adjacent, sorted by
when it was placed, so that orders and licenses can be counted from the index alone:

    created = <time of the order>#<order id>             the order as placed
              <time of the order>#<order id>#<part>      what was added to it
              <time of the order>#<order id>#+<part>     the same, of licenses of another time
              <time of the order>#<order id>#~<part>     the same, of another customer's licenses

Lists of licenses have the third kind at its own time; see license_index. Rows of imports are listed
on shards of their own, of which there are more.

Decisions never depend on the index, and records are read from the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from shared.orders import FIRST_PART, Order
from shared.store import dynamo
from shared.store.license_index import LATE, is_twin
from shared.store.newest_first import newest_first

TABLE = "ORDERS_TABLE"
IMPORT_SHARDS = 16
"""Shards for rows of imports, so that imports of a company can write 4,000 orders per second."""
FIELDS = (
    *(set(Order.model_fields) - {"body", "fingerprint", "token", "idempotency_key"}),
    "sk",
)
"""Attributes of a row that views need; the request body, most of a row's bytes, is not read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row in an index. `created` sorts by time; `licenses` is the row's number of licenses."""

    created: str
    row: tuple[str, str]
    licenses: int
    updated_at: datetime

    @property
    def order(self) -> str:
        """The prefix that the entries of an order share."""
        time, id, *_ = self.created.split("#", 2)
        return f"{time}#{id}"

    @property
    def of_another_customer(self) -> bool:
        return self.created.startswith("#~", len(self.order))


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order in a list: `created` is its position; `entries` are its rows, the first one last.

    `order` is the order itself if it has been read.
    """

    created: str
    id: int
    entries: tuple[Entry, ...]
    order: Order | None = None

    @classmethod
    def of(cls, company: str, order: Order, licenses: int) -> "ListedOrder":
        """The list entry for an order that was read by itself."""
        created = f"{dynamo.stamp(order.created_at)}#{order.id}"
        row = dynamo.partition(company, order.id), FIRST_PART
        return cls(created, order.id, (Entry(created, row, licenses, order.updated_at),), order)

    @property
    def licenses(self) -> int:
        return sum(entry.licenses for entry in self.entries)

    @property
    def updated_at(self) -> datetime:
        return max(entry.updated_at for entry in self.entries)


def index_keys(
    company: str,
    order_id: int,
    part: str,
    *,
    licenses: int,
    placed_at: datetime,
    customer_id: int | None,
    of_another_customer: bool = False,
    late: bool = False,
    imported: bool = False,
) -> dict[str, Any]:
    """The index attributes of a row; `placed_at` and the customer are those of the order."""
    created = f"{dynamo.stamp(placed_at)}#{order_id}"
    mark = "~" if of_another_customer else LATE if late else ""
    if part != FIRST_PART:
        created += f"#{mark}{part}"
    elif late:
        created += f"#{LATE}"
    return {
        "listed": _shard(company, order_id) if imported else dynamo.shard(company, order_id),
        "created": created,
        "customer_orders": f"{company}#{customer_id}" if customer_id else None,
        "n": licenses,
    }


def listed_orders(company: str, **which: Any) -> Iterator[ListedOrder]:
    """The orders of a company or a customer, newest first; other arguments as for `entries`."""
    step = -1 if which.get("oldest_first") else 1
    for created, group in groupby(entries(company, **which), key=lambda entry: entry.order):
        yield ListedOrder(created, int(created.rpartition("#")[2]), tuple(group)[::step])


def entries(
    company: str,
    *,
    customer_id: int | None = None,
    upto: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[Entry]:
    """The rows of the orders of a company or a customer, newest first unless `oldest_first`.

    They begin with the position `upto`, inclusive; `until` is exclusive. `limit` is a hint for few.
    """
    first = dynamo.stamp(since) if since else " "
    last = dynamo.stamp(until) if until else "~"
    if oldest_first:
        first = max(first, upto or " ")
    else:
        last = min(last, upto or "~")
    if first > last:
        return
    if customer_id is not None:
        shards, index, name = [f"{company}#{customer_id}"], "by_customer", "customer_orders"
    else:
        index, name = "by_created", "listed"
        shards = [*dynamo.shards(company), *(_shard(company, n) for n in range(IMPORT_SHARDS))]
    found = newest_first(
        TABLE,
        index,
        name,
        shards,
        first=first,
        last=last,
        limit=limit,
        oldest_first=oldest_first,
    )
    yield from (_entry(item) for item in found if not is_twin(item["sk"]))


def totals_of(company: str, customer_id: int, *, most: int) -> tuple[int, int, bool]:
    """The numbers of a customer's orders and licenses, and whether these are all.

    Counting stops after `most` entries; DynamoDB returns about 7,000 per request.
    """
    found = list(islice(entries(company, customer_id=customer_id), most + 1))
    counted = found[:most]
    orders = {entry.order for entry in counted}
    licenses = sum(entry.licenses for entry in counted if not entry.of_another_customer)
    return len(orders), licenses, len(found) <= most


def count_licenses(company: str, order: Order) -> int:
    """The number of an order's licenses, from the index."""
    created = f"{dynamo.stamp(order.created_at)}#{order.id}"
    condition = "listed = :shard AND created BETWEEN :first AND :last"
    bounds = {"first": created, "last": f"{created}#~~"}
    return sum(
        _entry(item).licenses
        for shard in (dynamo.shard(company, order.id), _shard(company, order.id))
        for item in dynamo.query(TABLE, condition, {"shard": shard, **bounds}, index="by_created")
        if not is_twin(item["sk"])
    )


def _shard(company: str, order_id: int) -> str:
    return f"{company}#i{order_id % IMPORT_SHARDS}"


def _entry(item: dict[str, Any]) -> Entry:
    updated_at = datetime.fromisoformat(item["updated_at"])
    return Entry(item["created"], (item["pk"], item["sk"]), item.get("n", 0), updated_at)

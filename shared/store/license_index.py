"""Lists of licenses, newest first: of a company, and of a product.

Licenses are not in an index. The rows that issued them are, with the number of licenses, so that
lists are counted and skipped without reading licenses. All entries are in the table Orders:

| sk | what |
|---|---|
| `order`, `append#…` | licenses of a request; of one product, also in its list |
| `rows#…` | what an import added to an order, in the list of its customer |
| `issued#order` | the licenses of an order that has another time |
| `sold#<product>#<part>` | the licenses of one product, where a row has several |
| `page#<row>` | what up to 500 rows of an import made, in `<company>#job#<number>` |
| `sold#<row>#<product>#<n>` | the licenses of one product, where rows of a page have several |

Licenses in the own row of an imported order are on a page, and in the list of its customer. An
order's entries are written in the transaction of its row, so a large order appears atomically. A
page is identified by its rows and written after their licenses: a batch that runs again overwrites
its own pages. A page never shrinks, so late writes of earlier runs do no harm. All pages of an
import are in one partition.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import batched
from typing import Any, NamedTuple

from shared.licenses import License
from shared.orders import FIRST_PART, Order
from shared.store import dynamo, newest_first
from shared.store.licenses import committed_rows
from shared.store.newest_first import (
    PAGES,
    Source,
    ids_of,
    packed,
    page_of,
    page_start,
    shards_of,
)

TABLE = "ORDERS_TABLE"
LATE = "+"
"""Ends the position of an order whose licenses were issued at another time."""

_ISSUED = "issued#"


class Issued(NamedTuple):
    """An entry: a row that issued licenses. `created` sorts by time; `row` has their ids."""

    created: str
    row: tuple[str, str]
    licenses: int


class Listed(NamedTuple):
    """The index entries of an order's row: attributes of the row, and separate items.

    `products` are the items per product, for a row with several products.
    """

    row: dict[str, Any]
    twin: dict[str, Any] | None
    products: list[dict[str, Any]]


def listed_row(
    company: str, order: Order, licenses: Iterable[License], *, issued_at: datetime, late: bool
) -> Listed:
    """The entries of a row; `late` if it is an order with another time than its licenses."""
    by_product: dict[int, list[int]] = {}
    for lic in licenses:
        by_product.setdefault(lic.product_id, []).append(lic.id)
    pk, created = dynamo.partition(company, order.id), issued_place(issued_at, order.id, order.part)
    sold = {
        product_id: {
            "sold": f"{company}#{product_id}#{order.id % dynamo.SHARDS}",
            "created": created,
            "sold_n": len(ids),
        }
        for product_id, ids in by_product.items()
    }
    several = len(sold) > 1
    products = [
        {
            "pk": pk,
            "sk": product_row(product_id, order.part),
            "ids": packed(ids),
            **sold[product_id],
        }
        for product_id, ids in by_product.items()
        if several
    ]
    own: dict[str, Any] = {} if several else next(iter(sold.values()), {})
    if not late:
        return Listed(own, None, products)
    count = sum(map(len, by_product.values()))
    twin = {
        "pk": pk,
        "sk": f"{_ISSUED}{order.part}",
        "listed": dynamo.shard(company, order.id),
        "created": created,
        "customer_orders": f"{company}#{order.customer_id}" if order.customer_id else None,
        "n": count,
    }
    return Listed({}, twin | own, products)


def issued_place(at: datetime, order_id: int, part: str) -> str:
    """The position of a row that is listed at this time."""
    place = f"{dynamo.stamp(at)}#{order_id}"
    return place if part == FIRST_PART else f"{place}#{part}"


def product_row(product_id: int, part: str) -> str:
    return f"sold#{product_id}#{part}"


class PageRow(NamedTuple):
    """A license row of an import; `id` is its license if this import created it."""

    row: int
    product_id: int
    id: int | None


def pages(
    company: str, job: int, began: datetime, first_row: int, rows: Iterable[PageRow]
) -> Iterator[dict[str, Any]]:
    """The pages of a batch that begins at `first_row`, as items; empty pages are left out.

    The page of a row depends only on the file, not on the results of rows. A row with a quantity is
    several `rows` here; all are on one page, which then has up to 1,499 licenses (12 KB).
    """
    blocks: dict[int, list[PageRow]] = {}
    mixed: dict[int, list[PageRow]] = {}
    at = start = last = -1
    for row in rows:
        if row.row != last:
            last = row.row
            if (aligned := page_start(last, first_row)) != at:
                at = start = aligned
            elif len(blocks[start]) >= newest_first.PAGE:
                start = last
        blocks.setdefault(start, []).append(row)
    for start, block in blocks.items():
        ids = [row.id for row in block if row.id is not None]
        products = {row.product_id for row in block}
        page = page_of(company, job, began, start, ids)
        if len(products) == 1:
            page |= {"sold": f"{company}#{products.pop()}#{PAGES}", "sold_n": len(ids)}
        else:
            for row in block:
                mixed.setdefault(row.product_id, []).append(row)
        if ids:
            yield page
    for product_id, of_product in mixed.items():
        for n, some in enumerate(batched(of_product, newest_first.PAGE, strict=False)):
            if ids := [row.id for row in some if row.id is not None]:
                yield {
                    "pk": f"{company}#job#{job}",
                    "sk": f"sold#{first_row:010}#{product_id}#{n}",
                    "sold": f"{company}#{product_id}#{PAGES}",
                    "created": f"{dynamo.stamp(began)}#j{job:010}#{first_row:010}#{n}",
                    "sold_n": len(ids),
                    "ids": packed(ids),
                }


def issued(
    company: str,
    *,
    product_id: int | None = None,
    customer_id: int | None = None,
    source: Source | None = None,
    upto: str | None = None,
    end: str | None = None,
    limit: int | None = None,
    oldest_first: bool = False,
) -> Iterator[Issued]:
    """The entries of a company, a product or a customer, newest first unless `oldest_first`.

    They begin with the position `upto` and finish with `end`, inclusive; `limit` is a hint for few.
    Those of a customer are of any `source`.
    """
    index, name, count = "by_created", "listed", "n"
    shards = shards_of(company, source)
    if product_id is not None:
        index, name, count = "by_product", "sold", "sold_n"
        shards = shards_of(f"{company}#{product_id}", source)
    elif customer_id is not None:
        index, name, shards = "by_customer", "customer_orders", [f"{company}#{customer_id}"]
    bounds = {"first": end or " ", "last": upto or "~"}
    if oldest_first:
        bounds = {"first": upto or " ", "last": end or "~"}
    found = newest_first.newest_first(
        TABLE, index, name, shards, **bounds, limit=limit, oldest_first=oldest_first
    )
    shown: dict[str | None, bool] = {None: True}
    for item in found:
        if is_at_its_time(item["created"]) and _is_visible(company, item.get("unsettled"), shown):
            row = item["pk"], item["sk"].removeprefix(_ISSUED)
            yield Issued(item["created"], row, item.get(count, 0))


def is_at_its_time(created: str) -> bool:
    """Whether an entry lists its licenses at their own time."""
    return not created.endswith(f"#{LATE}")


def ids_at(rows: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Sequence[int]]:
    """The ids of the licenses of rows and pages."""
    found = dynamo.get_many(((TABLE, row) for row in rows), select=("ids", "items"))
    return {(item["pk"], item["sk"]): ids_of(item) for item in found.values()}


def _is_visible(company: str, row: str | None, shown: dict[str | None, bool]) -> bool:
    """Whether an entry is visible: its order is committed."""
    if row not in shown:
        shown[row] = row in committed_rows(company, [row])
    return shown[row]

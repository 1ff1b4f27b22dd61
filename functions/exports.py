"""Exports of licenses as CSV with the columns of the import: of an order, or of a range of days."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import batched, chain
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from functions import export_file
from functions.export_file import BATCH, Contents, ExportFile, PartsQuery, exported
from functions.web.api import Answer, Caller
from functions.web.cursors import Cursor, read_cursor
from functions.web.response_size import PAGE_BYTES
from shared.catalog import Product
from shared.columns import LICENSE_COLUMNS
from shared.errors import Refused, TooLarge
from shared.orders import Order
from shared.store import orders as order_store
from shared.store.licenses import licenses_by_id
from shared.store.order_index import ListedOrder, ids_of_listed, listed_orders
from shared.workflows.export_records import license_rows

_RANGES = {"last30": 30, "last60": 60, "last180": 180, "last365": 365}
_PLACES = re.compile(r"[^\x00-\x1f]{1,200}/[0-9]{1,6}")
_DAYS_PLACES = re.compile(r"[0-9TZ:.#/j-]{1,80}\|[0-9]{1,16}\|[^\x00-\x1f|]{1,100}/[0-9]{1,6}")
_LEFT_OUT = "X-Licenses-Left-Out"


class ExportQuery(PartsQuery, frozen=True, extra="forbid"):
    """The first and the last day of the orders, or a number of last days."""

    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    range: Literal["last30", "last60", "last180", "last365"] | None = None


class _Sold(NamedTuple):
    """A license to export: its position in the file, and its id."""

    place: str
    id: int


def order_export(caller: Caller, order_id: int, query: PartsQuery) -> Answer[str]:
    """Export the licenses of one order."""
    cursor = read_cursor(caller, query, _PLACES)
    resume_at, passed = _split(cursor)
    rows = order_store.order_rows(caller.company, order_id, after=resume_at)
    sold = _sold(rows, "", resume_at, passed)
    return _exported(caller, query, sold, f"order-{order_id}.csv")


def days_export(caller: Caller, query: ExportQuery) -> Answer[str]:
    """Export the licenses of all orders of a range of days."""
    first, last = days_of(query)
    cursor = read_cursor(caller, query, _DAYS_PLACES)
    after = cursor.place.partition("|")[0] if cursor else None
    listed = _listed(
        listed_orders(
            caller.company,
            after=after,
            since=datetime(first.year, first.month, first.day, tzinfo=UTC),
            until=_day_after(last),
        )
    )
    if not query.in_parts and sum(each.licenses for each in listed) > export_file.MOST_EXPORTED:
        raise _licenses_of(caller.company).too_many()
    sold = _sold_in(caller.company, listed)
    if cursor:
        sold = chain(_rest_of_order(caller.company, cursor), sold)
    return _exported(caller, query, sold, f"orders-{first}-{last}.csv")


def selection_export(caller: Caller, ids: Sequence[int]) -> Answer[str]:
    """Export these licenses, in this order. A license that does not exist is left out."""
    file = ExportFile(LICENSE_COLUMNS, _LEFT_OUT)
    for row in _rows(caller.company, ids, {}):
        if not file.takes(row):
            raise TooLarge(
                "export_too_large",
                f"The file would be larger than {PAGE_BYTES} bytes: request fewer licenses",
            )
    return file.answer("licenses.csv", {})


def days_of(query: ExportQuery) -> tuple[date, date]:
    """The first and the last day of a query. Raises Refused."""
    today = datetime.now(UTC).date()
    if query.range and not (query.from_ or query.to):
        return today - timedelta(days=_RANGES[query.range]), today
    if query.range or not (query.from_ and query.to) or query.from_ > query.to:
        message = "send either from and to (such as 2026-01-31, from not after to), or range"
        raise Refused("invalid_range", message, field="from")
    return query.from_, query.to


def _day_after(day: date) -> datetime | None:
    """The end of a day, exclusive; None for the last representable day."""
    if day == date.max:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _listed(found: Iterable[ListedOrder]) -> list[ListedOrder]:
    """The first orders, until they have more licenses than a file."""
    listed, licenses = [], 0
    for each in found:
        listed.append(each)
        licenses += each.licenses
        if licenses > export_file.MOST_EXPORTED:
            break
    return listed


def _sold_in(company: str, listed: Iterable[ListedOrder]) -> Iterator[_Sold]:
    """The licenses of orders; 100 first rows are read per request."""
    for some in batched(listed, BATCH, strict=False):
        ids = ids_of_listed(some)
        orders = order_store.first_rows(company, ids)
        for each, id in zip(some, ids, strict=True):
            if id in orders:
                order = orders[id]
                rows = order_store.order_rows(company, id) if order.added else [order]
                yield from _sold(rows, f"{each.place}|{id}|")


def _rest_of_order(company: str, cursor: Cursor) -> Iterator[_Sold]:
    """The licenses of the order in which the previous part ended."""
    place, order_id, _ = cursor.place.split("|")
    resume_at, passed = _split(cursor)
    part = (resume_at or "").rpartition("|")[2]
    rows = order_store.order_rows(company, int(order_id), after=part)
    return _sold(rows, f"{place}|{order_id}|", part, passed)


def _sold(
    rows: Iterable[Order], prefix: str, resume_at: str | None = None, passed: int = 0
) -> Iterator[_Sold]:
    """The licenses of rows, without the first `passed` of the row `resume_at`."""
    for row in rows:
        ids = row.license_ids
        for at in range(passed if row.part == resume_at else 0, len(ids)):
            yield _Sold(f"{prefix}{row.part}/{at}", ids[at])


def _split(cursor: Cursor | None) -> tuple[str | None, int]:
    """The row in which the previous part ended, and how many of its licenses were exported."""
    if cursor is None:
        return None, 0
    resume_at, _, passed = cursor.place.rpartition("/")
    return resume_at, int(passed) + 1


def _exported(
    caller: Caller, query: PartsQuery, sold: Iterable[_Sold], file_name: str
) -> Answer[str]:
    return exported(caller, query, sold, _licenses_of(caller.company), file_name)


def _licenses_of(company: str) -> Contents[_Sold]:
    """The contents of a file of licenses, which reads each product once."""
    products: dict[str, Product] = {}
    return Contents(
        columns=LICENSE_COLUMNS,
        rows=lambda sold: _rows(company, [each.id for each in sold], products),
        place=lambda sold: sold.place,
        records="licenses",
        fewer="request fewer days, ",
        left_out=_LEFT_OUT,
    )


def _rows(
    company: str, ids: Sequence[int], products: dict[str, Product]
) -> Iterator[list[str] | None]:
    """The rows of licenses; None for a license that a file can't name.

    `products` caches the products of earlier rows.
    """
    licenses = {lic.id: lic for lic in licenses_by_id(company, ids)}
    rows = license_rows(company, licenses.values(), products)
    return (rows.get(id) for id in ids)

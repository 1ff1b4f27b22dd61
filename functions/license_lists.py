"""Lists of licenses: by key, order, customer or product, or all of a company.

A list is iterated over by positions, and only the licenses of one page are read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field

from functions.order_answers import read_related
from functions.web.api import Caller, Page
from functions.web.paging import CONTINUED, CreatedQuery, Examined, either_name, page_of
from shared.catalog import Product
from shared.contract.records import LicenseView, license_view
from shared.errors import Refused
from shared.licenses import License
from shared.orders import Order
from shared.search import DISABLED, end_token
from shared.store import customers as customer_store
from shared.store import licenses as license_store
from shared.store import orders as order_store
from shared.store.catalog import get_product, products_by_id
from shared.store.dynamo import stamp
from shared.store.license_index import TABLE as ROWS
from shared.store.license_index import ids_at as ids_of_rows
from shared.store.license_index import issued
from shared.store.newest_first import bounds_of, places_of_import
from shared.store.search_index import licenses_with_token
from shared.values import Code, Email, LicenseKey, OptionalDay, RecordId, Reference

_TIMES = ("source", "created_at__gte", "created_at__lt")
_ENDS = ("validity_period__gte", "validity_period__lt")
_ROWS = 100
_ID = re.compile(r"[0-9]{1,16}")
MOST_IDS = 100
"""Ids in the filter `id__in`."""
_MOST_OF_KEY = 51
"""Licenses that can have the same key: the license of a bundle and those of its members."""


def _some_ids(text: str) -> str:
    ids = dict.fromkeys(id.strip() for id in text.split(","))
    if len(ids) > MOST_IDS or not all(map(_ID.fullmatch, ids)):
        raise ValueError(f"must be 1 to {MOST_IDS} ids of licenses with commas between them")
    return ",".join(ids)


type SomeIds = Annotated[
    str,
    AfterValidator(_some_ids),
    Field(description=f"At most {MOST_IDS} ids with commas between them.", examples=["1,2"]),
]


class LicenseQuery(CreatedQuery, frozen=True, extra="forbid"):
    """Filters of licenses; `product` is an id or a short code."""

    validity_period__gte: OptionalDay = None
    validity_period__lt: OptionalDay = None
    status: Annotated[
        Literal["Disabled", "Expired"] | None,
        Field(description="Disabled licenses, or those whose fixed end date has passed."),
    ] = None

    license_key: LicenseKey | None = None
    order: Annotated[RecordId, Field(strict=False)] | None = None
    order_store_id: Reference | None = None
    customer: Annotated[RecordId, Field(strict=False)] | None = None
    customer_email: Email | None = None
    product: Code | None = None
    id__in: Annotated[
        str | None,
        AfterValidator(lambda text: text and _some_ids(text)),
        Field(description=f"At most {MOST_IDS} ids with commas between them.", examples=["1,2"]),
    ] = None
    customer_id: Annotated[RecordId, Field(strict=False)] | None = None
    product_id: Annotated[RecordId, Field(strict=False)] | None = None
    order__store_id: Reference | None = None


class Place(NamedTuple):
    """A license's position in a list: its id, or the row or page with the index `at`."""

    place: str
    id: int | None = None
    row: tuple[str, str] | None = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class _List:
    """A list: the iteration after a position, and the pattern of its positions."""

    walk: Callable[[str | None], Iterable[Place]]
    places: re.Pattern[str] = re.compile(r"[^\x00-\x1f]{1,200}/[0-9]{1,6}")
    is_wanted: Callable[[LicenseView], bool] = lambda _: True
    examined: Examined | None = None


_NOTHING = _List(lambda _: ())


def license_page(caller: Caller, query: LicenseQuery) -> Page[LicenseView]:
    """A page of the list for a query, which is chosen by the most selective filter."""
    query.check_range()
    query.check_range(*_ENDS)
    query.only("import_id")
    query.only("status")
    for name in _TIMES:
        query.only(name, *_TIMES, "product", "product_id", "order_by")
    for name in _ENDS:
        query.only(name, *_ENDS)
    found = _list_of(caller.company, query)

    def load(shown: Sequence[Place]) -> Iterator[LicenseView | None]:
        for view in license_views(caller, ids_at(shown)):
            yield view if view and found.is_wanted(view) else None

    return page_of(
        caller,
        query,
        walk=found.walk,
        place=lambda entry: entry.place,
        load=load,
        places=found.places,
        examined=found.examined,
    )


def license_views(caller: Caller, ids: Sequence[int | None]) -> Iterator[LicenseView | None]:
    """The views of licenses, one for each id, None for a missing one."""
    found = license_store.licenses_by_id(caller.company, [id for id in ids if id is not None])
    by_id = {lic.id: lic for lic in found}
    related = read_related(caller, found, [])
    for id in ids:
        lic = by_id.get(id) if id is not None else None
        yield license_view(lic, related) if lic else None


def ids_at(places: Sequence[Place]) -> list[int | None]:
    """The ids of the licenses at these positions; None if a row has fewer now."""
    rows = ids_of_rows({each.row for each in places if each.row})
    ids: list[int | None] = []
    for each in places:
        held = rows.get(each.row, ()) if each.row else ()
        named = held[each.at] if each.at < len(held) else None
        ids.append(each.id if each.row is None else named)
    return ids


def _list_of(company: str, query: LicenseQuery) -> _List:
    if query.import_id is not None:
        return _of_import(company, query.import_id)
    if query.status or query.validity_period__gte or query.validity_period__lt:
        return _indexed(company, query)
    store_id = either_name(query, "order_store_id", "order__store_id")
    product = _product(company, query)
    customer_id = _customer_id(company, query)
    has_product = query.product is not None or query.product_id is not None
    if (has_product and product is None) or customer_id == 0:
        return _NOTHING
    if query.license_key or query.id__in:
        order_id = _order_id(company, query, store_id)
        return _named(company, query, order_id, product, customer_id)
    if query.order is not None or store_id is not None:
        order_id = _order_id(company, query, store_id)
        return _of_order(company, order_id, product, customer_id) if order_id else _NOTHING
    if customer_id is not None:
        return _of_customer(company, customer_id, product, oldest_first=query.oldest_first)
    return _of_product(company, product, query)


def _of_import(company: str, job: int) -> _List:
    """The licenses that an import created, in the order of its rows."""

    def walk(after: str | None) -> Iterator[Place]:
        limit = 2 if after else None
        for each in places_of_import(ROWS, company, job, "page", after=after, limit=limit):
            yield Place(each.place, row=each.page, at=each.at)

    return _List(walk)


def _indexed(company: str, query: LicenseQuery) -> _List:
    """The licenses of a range of end dates, or of a status, by the search index.

    They are listed by their ends, the first one first. The index can be some seconds late, so each
    license is compared when it is read.
    """
    since, until = query.validity_period__gte, query.validity_period__lt
    if query.status == "Expired":
        until = datetime.now(UTC).date()
    first = end_token(since.isoformat() if since else " ")
    last = end_token(until.isoformat() if until else "~")
    if query.status == "Disabled":
        first, last = DISABLED, f"{DISABLED}~"
    if first > last:
        return _NOTHING

    def walk(after: str | None) -> Iterator[Place]:
        found = licenses_with_token(
            company,
            first,
            last,
            after=(after or "").removesuffix("/0") or None,
            limit=CONTINUED if after else None,
        )
        for place, id in found:
            yield Place(f"{place}/0", id)

    def is_wanted(view: LicenseView) -> bool:
        if query.status:
            return view.status == query.status
        end = view.validity_period
        return bool(end and (not since or end >= since) and (not until or end < until))

    return _List(walk, is_wanted=is_wanted)


def _named(
    company: str,
    query: LicenseQuery,
    order_id: int | None,
    product: Product | None,
    customer_id: int | None,
) -> _List:
    """The licenses with a key, or with some ids, that match the other filters."""
    ids = [int(id) for id in (query.id__in or "").split(",") if id]
    if query.license_key:
        found = [
            lic
            for lic in _with_key(company, query.license_key)
            if not query.id__in or lic.id in ids
        ]
    else:
        found = license_store.licenses_by_id(company, ids)
    places = sorted(
        Place(f"{stamp(lic.created_at)}#{lic.id}/0", lic.id)
        for lic in found
        if order_id in (None, lic.order_id)
        and customer_id in (None, lic.customer_id)
        and (product is None or product.id == lic.product_id)
    )
    if query.oldest_first:
        return _List(lambda after: [each for each in places if not after or each.place > after])
    return _List(lambda after: [each for each in places[::-1] if not after or each.place < after])


def _of_order(
    company: str, order_id: int, product: Product | None, customer_id: int | None
) -> _List:
    matching = _Matching(company, product)

    def walk(after: str | None) -> Iterator[Place]:
        resume_at, _, passed = (after or "").rpartition("/")
        limit = order_store.ROWS_PER_REQUEST if after else None
        for row in order_store.order_rows(company, order_id, after=resume_at or None, limit=limit):
            if customer_id not in (None, row.customer_id):
                continue
            start = int(passed) + 1 if row.part == resume_at else 0
            for at, id in matching.of(row, start):
                yield Place(f"{row.part}/{at}", id)

    return _List(walk)


def _of_customer(
    company: str, customer_id: int, product: Product | None, *, oldest_first: bool
) -> _List:
    """The licenses in a customer's orders, newest first unless `oldest_first`."""
    matching, examined = _Matching(company, product), Examined()

    def walk(after: str | None) -> Iterator[Place]:
        resume_at, _, passed = (after or "").rpartition("/")
        limit = _ROWS if after else None
        found = issued(
            company,
            customer_id=customer_id,
            upto=resume_at or None,
            limit=limit,
            oldest_first=oldest_first,
        )
        if product:
            found = examined.first(found, lambda entry: f"{entry.created}/{entry.licenses}")
        for batch in batched(found, _ROWS, strict=False):
            rows = order_store.rows_at(entry.row for entry in batch) if product else {}
            for entry in batch:
                start = int(passed) + 1 if entry.created == resume_at else 0
                if product is None:
                    for at in range(start, entry.licenses):
                        yield Place(f"{entry.created}/{at}", row=entry.row, at=at)
                elif entry.row in rows:
                    for at, id in matching.of(rows[entry.row], start):
                        yield Place(f"{entry.created}/{at}", id)

    return _List(walk, examined=examined)


def _of_product(company: str, product: Product | None, query: LicenseQuery) -> _List:
    """All licenses, or those of a product, newest first unless `order_by` is `created_at`."""
    product_id, oldest_first = product.id if product else None, query.oldest_first
    since, until = query.created_at__gte, query.created_at__lt

    def walk(after: str | None) -> Iterator[Place]:
        resume_at, _, passed = (after or "").rpartition("/")
        first, last = bounds_of(since, until, resume_at, oldest_first=oldest_first)
        if first > last:
            return
        found = issued(
            company,
            product_id=product_id,
            source=query.source,
            upto=first if oldest_first else last,
            end=last if oldest_first else first,
            limit=_ROWS + 1 if after else None,
            oldest_first=oldest_first,
        )
        for entry in found:
            start = int(passed) + 1 if entry.created == resume_at else 0
            for at in range(start, entry.licenses):
                yield Place(f"{entry.created}/{at}", row=entry.row, at=at)

    return _List(walk)


class _Matching:
    """The licenses of rows for a product, or all if the product is None.

    The item of an order names its product. Only the licenses of bundles have to be read: an item
    contains the license of the bundle and those of its members.
    """

    def __init__(self, company: str, product: Product | None) -> None:
        self.company, self.product = company, product
        self.bundles: dict[int, bool] = {product.id: product.is_bundle} if product else {}

    def of(self, row: Order, start: int) -> Iterator[tuple[int, int]]:
        """The index in the row and the id of each, beginning with the index `start`."""
        at = 0
        for item in row.items:
            ids = [(at + n, id) for n, id in enumerate(item.license_ids) if at + n >= start]
            at += len(item.license_ids)
            if self.product is None or not ids:
                yield from ids
            elif self.is_bundle(item.product_id):
                yield from self._asked(ids)
            elif item.product_id == self.product.id:
                yield from ids

    def is_bundle(self, product_id: int) -> bool:
        if product_id not in self.bundles:
            found = products_by_id(self.company, [product_id])
            self.bundles[product_id] = product_id in found and found[product_id].is_bundle
        return self.bundles[product_id]

    def _asked(self, ids: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        code = self.product.short_code if self.product else None
        for batch in batched(ids, _ROWS, strict=False):
            found = license_store.license_briefs(self.company, [id for _, id in batch])
            matching = {item["id"] for item in found if item.get("product_code") == code}
            yield from (each for each in batch if each[1] in matching)


def _with_key(company: str, key: str) -> list[License]:
    """The license with a key; for a bundle, also those of its members, which share the key."""
    found = license_store.licenses_with_key(company, key)
    if not found or not _Matching(company, None).is_bundle(found[0].product_id):
        return found
    bundle = found[0]
    for row in order_store.order_rows(company, bundle.order_id):
        ids = row.license_ids
        if bundle.id in ids:
            at = ids.index(bundle.id)
            near = license_store.licenses_by_id(company, ids[at : at + _MOST_OF_KEY])
            return [lic for lic in near if lic.license_key == key]
    return found


def _product(company: str, query: LicenseQuery) -> Product | None:
    """The product that a query names by `product` or by `product_id`."""
    if query.product is None:
        return get_product(company, query.product_id) if query.product_id else None
    named = query.product
    product = get_product(company, int(named)) if named.isdecimal() else None
    product = product or get_product(company, named)
    if query.product_id is not None and (product is None or product.id != query.product_id):
        message = "product_id and product name different products: send one of them"
        raise Refused("alias_conflict", message, field="product_id", value=query.product_id)
    return product


def _customer_id(company: str, query: LicenseQuery) -> int | None:
    """The customer that a query names; 0 if it does not exist."""
    customer_id: int | None = either_name(query, "customer", "customer_id")
    if not query.customer_email:
        return customer_id
    customer = customer_store.customer_with_email(company, query.customer_email)
    if customer is None or customer_id not in (None, customer.id):
        return 0
    return customer.id


def _order_id(company: str, query: LicenseQuery, store_id: str | None) -> int | None:
    """The order that a query names; 0 if it does not exist, None if the query names none."""
    if store_id is None:
        return query.order
    found = order_store.order_id_of(company, store_id) or 0
    return found if query.order in (None, found) else 0

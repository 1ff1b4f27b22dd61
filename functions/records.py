"""HTTP API: orders, licenses and customers, to be found, looked at, and switched on or off.

And who is asking: the API key of the caller.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import batched, islice
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from functions.http import Answer, Api, Caller, Page
from functions.paging import PageQuery, page_of
from shared.access import ANY_SCOPE, Scope
from shared.csv_file import escape_formula
from shared.customers import (
    Customer,
    CustomerRequest,
    NewCustomer,
    change_customer,
    new_customer,
)
from shared.errors import Busy, Conflict, Fault, NotFound, Refused, TooLarge
from shared.licenses import License
from shared.orders import Order
from shared.rows import LICENSE_COLUMNS, license_row
from shared.store import customers as customer_store
from shared.store import licenses as license_store
from shared.store import orders as order_store
from shared.store.catalog import get_product, products_by_id
from shared.values import Code, Email, LicenseKey, Line, OptionalMoment, RecordId, record_id
from shared.wire import (
    Beside,
    CustomerView,
    LicenseView,
    OrderView,
    customer_view,
    license_view,
    order_view,
)

_MOST_EXPORTED = 10_000
_MAX_ANSWER = 5_500_000
_TRIES = 5
_RANGES = {"last30": 30, "last60": 60, "last180": 180, "last365": 365}

_ORDER_CURSOR = re.compile(r"[0-9T:.Z-]{20,40}#[0-9]{1,16}")

api = Api("Records")


def _a_place_in_time(cursor: str) -> str:
    if not _ORDER_CURSOR.fullmatch(cursor):
        raise ValueError("is not a cursor: send the `cursor` of the page before as it is")
    return cursor


class OrderQuery(PageQuery, frozen=True, extra="forbid"):
    """Which orders; at most one of the ids and e-mails."""

    cursor: Annotated[str, AfterValidator(_a_place_in_time)] | None = None
    store_id: Line | None = None
    client_order_id: Line | None = None
    customer: Annotated[RecordId, Field(strict=False)] | None = None
    customer_email: Email | None = None
    created_at__gte: OptionalMoment = None
    created_at__lt: OptionalMoment = None
    order_by: Literal["-created_at"] = "-created_at"


class ExportQuery(BaseModel, frozen=True, extra="forbid"):
    """From which days, both included; or the last so many."""

    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None
    range: Literal["last30", "last60", "last180", "last365"] | None = None


class LicenseQuery(PageQuery, frozen=True, extra="forbid"):
    """Which licenses; `product` is an id or a short code."""

    license_key: LicenseKey | None = None
    order: Annotated[RecordId, Field(strict=False)] | None = None
    order_store_id: Line | None = None
    customer: Annotated[RecordId, Field(strict=False)] | None = None
    customer_email: Email | None = None
    product: Code | None = None


class CustomerQuery(PageQuery, frozen=True, extra="forbid"):
    """Which customers."""

    email: Email | None = None


class ApiKeyView(BaseModel, frozen=True):
    """What may be told of an API key: not its secret."""

    prefix: str
    name: str
    company: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None


@api.get("/api/v1/api-key/", scope=ANY_SCOPE)
def show_api_key(caller: Caller) -> ApiKeyView:
    """Shows the API key that is sent: its company and its scopes.

    Every key opens it, so that a client can tell a key that is good from one that is not.
    """
    return ApiKeyView.model_validate(
        caller.key.model_dump(exclude={"hash"}) | {"scopes": sorted(caller.key.scopes)}
    )


@api.get("/api/v1/orders/", scope="records:read")
def list_orders(caller: Caller, query: OrderQuery) -> Page[OrderView]:
    """Lists orders, newest first.

    Their licenses are shown by id only.
    """
    return page_of(
        caller,
        query,
        lambda after: _order_keys(caller.company, query, after),
        lambda keys: _order_views(caller.company, [int(key.rpartition("#")[2]) for key in keys]),
    )


@api.get("/api/v1/orders/<id>/", scope="records:read")
def show_order(caller: Caller, id: int) -> OrderView:
    """Shows an order with its licenses."""
    order = _order(caller.company, id)
    licenses = license_store.licenses_by_id(caller.company, order.license_ids)
    beside = _beside(caller.company, licenses, [order])
    view = order_view(order, beside, licenses)
    if len(licenses) > 100 and len(view.model_dump_json()) > _MAX_ANSWER:
        view = order_view(order, beside, licenses, brief=True)
    return view


@api.get("/api/v1/orders/<id>/export/", scope="records:read", content_type="text/csv")
def export_order(caller: Caller, id: int) -> Answer[str]:
    """Exports an order's licenses as CSV.

    The columns are those that the license import reads.

    Licenses of user-based products have no key, which an import needs; they are left out, and
    `X-Licenses-Left-Out` counts them.
    """
    return _exported(caller.company, [_order(caller.company, id)], f"order-{id}.csv")


@api.get(
    "/api/v1/orders/export/",
    scope="records:read",
    content_type="text/csv",
    refusals=("export_too_large",),
)
def export_orders(caller: Caller, query: ExportQuery) -> Answer[str]:
    """Exports the licenses of all orders of some days, as CSV."""
    first, last = _days(query)
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    until = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    keys = order_store.order_ids(caller.company, since=since, until=until)
    ids = [id for _, id in islice(keys, _MOST_EXPORTED + 1)]
    orders = list(order_store.orders_by_id(caller.company, ids).values())
    return _exported(caller.company, orders, f"orders-{first}-{last}.csv")


@api.get("/api/v1/licenses/", scope="records:read")
def list_licenses(caller: Caller, query: LicenseQuery) -> Page[LicenseView]:
    """Lists licenses.

    They stand in a stable order, of their ids within each product.
    """
    return page_of(
        caller,
        query,
        lambda after: _license_keys(caller.company, query, after),
        lambda keys: _license_views(caller.company, [int(key) for key in keys]),
    )


@api.get("/api/v1/licenses/<id>/", scope="records:read")
def show_license(caller: Caller, id: int) -> LicenseView:
    """Shows a license."""
    return _license_view(caller.company, id)


@api.post("/api/v1/licenses/<id>/enable/", scope="orders:write")
def enable_license(caller: Caller, id: int) -> LicenseView:
    """Enables a license."""
    return _switched(caller.company, id, enabled=True)


@api.post("/api/v1/licenses/<id>/disable/", scope="orders:write")
def disable_license(caller: Caller, id: int) -> LicenseView:
    """Disables a license.

    It stays, and can be enabled again.
    """
    return _switched(caller.company, id, enabled=False)


@api.get("/api/v1/customers/", scope="records:read")
def list_customers(caller: Caller, query: CustomerQuery) -> Page[CustomerView]:
    """Lists customers.

    They stand in a stable order, of their ids.
    """
    return page_of(
        caller,
        query,
        lambda after: _customer_keys(caller.company, query, after),
        lambda keys: _customer_views(caller.company, [int(key) for key in keys]),
    )


@api.post("/api/v1/customers/", scope="orders:write", status=201, refusals=("customer_exists",))
def create_customer(caller: Caller, request: NewCustomer) -> CustomerView:
    """Makes a customer.

    Customers are known by e-mail, whatever its case.
    """
    id = record_id(caller.company, "customer", request.email)
    customer = new_customer(id, request, made_by="request", now=datetime.now(UTC))
    if customer_store.add_customer(caller.company, customer):
        return customer_view(caller.company, customer, total_orders=0, total_licenses=0)
    if customer == customer_store.get_customer(caller.company, id):
        return customer_view(caller.company, customer, total_orders=0, total_licenses=0)
    fault = Fault.at(("email",), "customer_exists", "There is a customer with this e-mail already")
    raise Conflict("customer_exists", fault.message, faults=[fault])


@api.get("/api/v1/customers/<id>/", scope="records:read")
def show_customer(caller: Caller, id: int) -> CustomerView:
    """Shows a customer.

    With the numbers of its orders and licenses.
    """
    return _customer_view(caller.company, _customer(caller.company, id))


@api.patch("/api/v1/customers/<id>/", scope="orders:write", refusals=("immutable",))
def patch_customer(caller: Caller, id: int, request: CustomerRequest) -> CustomerView:
    """Changes a customer.

    What is not named stays, and the e-mail can't be changed.
    """
    changed = None
    for _ in range(_TRIES):
        before = _customer(caller.company, id)
        if before == changed:
            return _customer_view(caller.company, before)
        changed = change_customer(before, request, now=datetime.now(UTC))
        if customer_store.put_customer(caller.company, changed, before):
            return _customer_view(caller.company, changed)
    raise Busy


def _order_keys(company: str, query: OrderQuery, after: str | None) -> Iterator[str]:
    """The `created` keys of the orders that a query asks for, newest first."""
    customer_id = query.customer
    if query.customer_email:
        customer = customer_store.customer_with_email(company, query.customer_email)
        if customer is None or customer_id not in (None, customer.id):
            return iter(())
        customer_id = customer.id
    names = {query.store_id, query.client_order_id} - {None}
    if names:
        order = order_store.order_with_store_id(company, names.pop() or "")
        if order is None or names or after or not _is_wanted(order, query, customer_id):
            return iter(())
        return iter([f"#{order.id}"])
    keys = order_store.order_ids(
        company,
        customer_id=customer_id,
        after=after,
        since=query.created_at__gte,
        until=query.created_at__lt,
    )
    return (created for created, _ in keys)


def _is_wanted(order: Order, query: OrderQuery, customer_id: int | None) -> bool:
    """Whether the rest of a query, beside the order's name, asks for the order too."""
    since, until = query.created_at__gte, query.created_at__lt
    return (
        customer_id in (None, order.customer_id)
        and (since is None or order.created_at >= since)
        and (until is None or order.created_at < until)
    )


def _order_views(company: str, ids: Sequence[int]) -> list[OrderView]:
    orders = order_store.orders_by_id(company, ids)
    shown = [orders[id] for id in ids if id in orders]
    beside = _beside(company, [], shown)
    return [order_view(order, beside, None) for order in shown]


def _license_keys(company: str, query: LicenseQuery, after: str | None) -> Iterator[str]:
    """The ids of the licenses that a query asks for: by the narrowest name first."""
    known_after = int(after) if after and after.isdecimal() else None
    product_id = _product_id(company, query.product)
    if query.product and product_id is None:
        return iter(())
    if not _narrow(query):
        ids = license_store.license_ids(company, product_id, after=known_after)
        return map(str, ids)
    licenses = [
        lic
        for lic in _narrowed(company, query)
        if query.license_key in (None, lic.license_key)
        and query.order in (None, lic.order_id)
        and query.order_store_id in (None, lic.order_store_id)
        and product_id in (None, lic.product_id)
    ]
    found = sorted(lic.id for lic in licenses)
    return (str(id) for id in found if known_after is None or id > known_after)


def _narrow(query: LicenseQuery) -> bool:
    names = ("license_key", "order", "order_store_id", "customer", "customer_email")
    return any(getattr(query, name) is not None for name in names)


def _narrowed(company: str, query: LicenseQuery) -> Iterable[License]:
    """Licenses by key, order or customer; none of these is ever more than a few orders' worth."""
    customer_id = query.customer
    if query.customer_email:
        customer = customer_store.customer_with_email(company, query.customer_email)
        if customer is None or customer_id not in (None, customer.id):
            return []
        customer_id = customer.id
    if query.license_key:
        found = _with_key(company, query.license_key)
    else:
        found = [
            lic
            for order in _orders_of(company, query, customer_id)
            for lic in license_store.licenses_by_id(company, order.license_ids)
        ]
    return [lic for lic in found if customer_id in (None, lic.customer_id)]


def _with_key(company: str, key: str) -> list[License]:
    """The license that has a key; of a bundle, with those of its members, which share the key."""
    found = license_store.licenses_with_key(company, key)
    product_ids = {lic.product_id for lic in found}
    if not any(p.is_bundle for p in products_by_id(company, product_ids).values()):
        return found
    order = order_store.get_order(company, found[0].order_id)
    items = [item for item in order.items if item.id == found[0].order_item_id] if order else []
    ids = [id for item in items for id in item.license_ids]
    return [lic for lic in license_store.licenses_by_id(company, ids) if lic.license_key == key]


def _orders_of(company: str, query: LicenseQuery, customer_id: int | None) -> Iterator[Order]:
    if query.order or query.order_store_id is not None:
        order = (
            order_store.get_order(company, query.order)
            if query.order
            else order_store.order_with_store_id(company, query.order_store_id or "")
        )
        if order:
            yield order
        return
    keys = order_store.order_ids(company, customer_id=customer_id)
    for ids in batched((id for _, id in keys), 100, strict=False):
        found = order_store.orders_by_id(company, ids)
        yield from (found[id] for id in ids if id in found)


def _product_id(company: str, named: str | None) -> int | None:
    if named is None:
        return None
    product = get_product(company, int(named)) if named.isdecimal() else None
    product = product or get_product(company, named)
    return product.id if product else None


def _license_views(company: str, ids: Sequence[int]) -> list[LicenseView]:
    licenses = license_store.licenses_by_id(company, ids)
    beside = _beside(company, licenses, [])
    return [license_view(lic, beside) for lic in licenses]


def _license_view(company: str, id: int) -> LicenseView:
    views = _license_views(company, [id])
    if not views:
        raise NotFound(f"There is no license {id}", "license_not_found")
    return views[0]


def _switched(company: str, id: int, *, enabled: bool) -> LicenseView:
    view = _license_view(company, id)
    if view.enabled == enabled:
        return view
    license_store.enable_license(company, id, enabled=enabled, now=datetime.now(UTC))
    return _license_view(company, id)


def _customer_keys(company: str, query: CustomerQuery, after: str | None) -> Iterator[str]:
    if query.email:
        customer = customer_store.customer_with_email(company, query.email)
        return iter([str(customer.id)] if customer and not after else [])
    known_after = int(after) if after and after.isdecimal() else None
    return (str(id) for id in customer_store.customer_ids(company, after=known_after))


def _customer_views(company: str, ids: Sequence[int]) -> list[CustomerView]:
    customers = customer_store.customers_by_id(company, ids)
    return [customer_view(company, customers[id]) for id in ids if id in customers]


def _customer_view(company: str, customer: Customer) -> CustomerView:
    ids = [id for _, id in order_store.order_ids(company, customer_id=customer.id)]
    orders = order_store.orders_by_id(company, ids).values()
    licenses = sum(len(order.license_ids) for order in orders)
    return customer_view(company, customer, total_orders=len(ids), total_licenses=licenses)


def _customer(company: str, id: int) -> Customer:
    customer = customer_store.get_customer(company, id)
    if customer is None:
        raise NotFound(f"There is no customer {id}")
    return customer


def _order(company: str, id: int) -> Order:
    order = order_store.get_order(company, id)
    if order is None:
        raise NotFound(f"There is no order {id}")
    return order


def _beside(company: str, licenses: Sequence[License], orders: Sequence[Order]) -> Beside:
    """The products and customers that licenses and orders name."""
    named = {lic.customer_id for lic in licenses} | {order.customer_id for order in orders}
    return Beside(
        company=company,
        today=datetime.now(UTC).date(),
        products=products_by_id(company, {lic.product_id for lic in licenses}),
        customers=customer_store.customers_by_id(company, {id for id in named if id}),
        passwords={},
    )


def _exported(company: str, orders: Sequence[Order], file_name: str) -> Answer[str]:
    total = sum(len(order.license_ids) for order in orders)
    if total > _MOST_EXPORTED:
        raise TooLarge(
            "export_too_large",
            f"These are {total} licenses; one export has at most {_MOST_EXPORTED}: "
            "ask for fewer days at a time",
        )
    ids = [id for order in orders for id in order.license_ids]
    licenses = license_store.licenses_by_id(company, ids)
    customers = _beside(company, [], orders).customers
    by_id = {order.id: order for order in orders}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LICENSE_COLUMNS)
    keyed = [lic for lic in licenses if lic.license_key]
    for lic in keyed:
        order = by_id[lic.order_id]
        row = license_row(lic, order, customers.get(order.customer_id or 0))
        writer.writerow(map(escape_formula, row))
    return Answer(
        text.getvalue(),
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "X-Licenses-Left-Out": str(len(licenses) - len(keyed)),
        },
    )


def _days(query: ExportQuery) -> tuple[date, date]:
    today = datetime.now(UTC).date()
    if query.range and not (query.from_ or query.to):
        return today - timedelta(days=_RANGES[query.range]), today
    if query.range or not (query.from_ and query.to) or query.from_ > query.to:
        message = "send either from and to (such as 2026-01-31, from not after to), or range"
        raise Refused("invalid_range", message, field="from")
    return query.from_, query.to


handler = api.handler

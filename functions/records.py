"""HTTP API: read orders, licenses and customers, and change them. Trigger: API Gateway."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.exports import ExportQuery, PartsQuery, days_export, order_export
from functions.license_lists import LicenseQuery, license_page, license_views
from functions.order_answers import MOST_LISTED, listed_order_views, order_answer
from functions.web.api import Answer, Api, Caller, Page
from functions.web.paging import PageQuery, page_of
from shared.access import ANY_SCOPE, Scope
from shared.contract.records import CustomerView, LicenseView, OrderView, customer_view
from shared.customers import (
    Customer,
    CustomerRequest,
    NewCustomer,
    change_customer,
    new_customer,
)
from shared.errors import Busy, Conflict, Fault, NotFound, refuse
from shared.orders import Order
from shared.store import customers as customer_store
from shared.store import licenses as license_store
from shared.store import orders as order_store
from shared.store.customers import ListedCustomer
from shared.store.order_index import ListedOrder, listed_orders, totals_of
from shared.store.retry import contended
from shared.values import Email, Line, OptionalMoment, RecordId, record_id

_MOST_COUNTED = 50_000
"""Index entries of a customer's orders that are counted for the totals."""
_FEW = 101
"""Index entries per request when a list continues from a cursor: a page and one more."""

_CUSTOMER_PLACES = re.compile(r"[0-9TZj:.#-]{1,80}/[0-9]{1,6}")
_ORDER_PLACES = re.compile(r"[0-9T:.Z-]{20,40}#[0-9]{1,16}")

api = Api("Records")


class OrderQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of orders; at most one id or e-mail."""

    store_id: Line | None = None
    client_order_id: Line | None = None
    customer: Annotated[RecordId, Field(strict=False)] | None = None
    customer_email: Email | None = None
    created_at__gte: OptionalMoment = None
    created_at__lt: OptionalMoment = None
    order_by: Literal["-created_at"] = "-created_at"


class CustomerQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of customers."""

    email: Email | None = None


class ApiKeyView(BaseModel, frozen=True):
    """An API key without its secret."""

    prefix: str
    name: str
    company: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None


@api.get("/api/v1/api-key/", scope=ANY_SCOPE)
def show_api_key(caller: Caller) -> ApiKeyView:
    """Get the API key of the request, with its company and scopes.

    Every valid key is authorized, so a client can check its key.
    """
    return ApiKeyView.model_validate(
        caller.key.model_dump(exclude={"hash"}) | {"scopes": sorted(caller.key.scopes)}
    )


@api.get("/api/v1/orders/", scope="records:read", refusals=("invalid_range",))
def list_orders(caller: Caller, query: OrderQuery) -> Page[OrderView]:
    """List orders, newest first.

    Each order shows the ids of at most 10 licenses; `licenses_count` is the number of all.
    """
    since, until = query.created_at__gte, query.created_at__lt
    if since and until and since > until:
        message = f"must not be after created_at__lt, which is {until.isoformat()}"
        value = since.isoformat()
        refuse([Fault("invalid_range", message, "created_at__gte", None, value)])
    return page_of(
        caller,
        query,
        walk=lambda after: _orders(caller.company, query, after),
        place=lambda listed: listed.created,
        load=lambda shown: listed_order_views(caller, shown),
        places=_ORDER_PLACES,
    )


@api.get("/api/v1/orders/<id>/", scope="records:read")
def show_order(caller: Caller, id: int) -> Answer[OrderView]:
    """Get an order with its licenses.

    It shows at most the first 1,000 licenses; `licenses_count` is the number of all, and
    `licenses_url` lists them.
    """
    answer = order_answer(caller, id)
    if answer is None:
        raise NotFound(f"There is no order {id}")
    return answer


@api.get(
    "/api/v1/orders/<id>/export/",
    scope="records:read",
    content_type="text/csv; charset=utf-8",
    refusals=("export_too_large",),
)
def export_order(caller: Caller, id: int, query: PartsQuery) -> Answer[str]:
    """Export an order's licenses as CSV.

    The columns are those of the license import. A file has at most 10,000 licenses and 5.5 MB. For
    more, send `parts=true` and follow the `Link` of each response.

    Licenses of user-based products have no key, which the import requires; they are left out and
    counted in `X-Licenses-Left-Out`.
    """
    if not order_store.first_rows(caller.company, [id]):
        raise NotFound(f"There is no order {id}")
    return order_export(caller, id, query)


@api.get(
    "/api/v1/orders/export/",
    scope="records:read",
    content_type="text/csv; charset=utf-8",
    refusals=("export_too_large", "invalid_range"),
)
def export_orders(caller: Caller, query: ExportQuery) -> Answer[str]:
    """Export the licenses of all orders of a range of days as CSV.

    A file has at most 10,000 licenses and 5.5 MB. For more, send `parts=true` and follow the `Link`
    of each response.
    """
    return days_export(caller, query)


@api.get("/api/v1/licenses/", scope="records:read")
def list_licenses(caller: Caller, query: LicenseQuery) -> Page[LicenseView]:
    """Lists licenses, newest first; those of one order as they were issued."""
    return license_page(caller, query)


@api.get("/api/v1/licenses/<id>/", scope="records:read", refusals=("license_not_found",))
def show_license(caller: Caller, id: int) -> LicenseView:
    """Get a license."""
    return _license_view(caller, id)


@api.post("/api/v1/licenses/<id>/enable/", scope="orders:write", refusals=("license_not_found",))
def enable_license(caller: Caller, id: int) -> LicenseView:
    """Enable a license."""
    return _switched(caller, id, enabled=True)


@api.post("/api/v1/licenses/<id>/disable/", scope="orders:write", refusals=("license_not_found",))
def disable_license(caller: Caller, id: int) -> LicenseView:
    """Disable a license.

    The license is kept and can be enabled again.
    """
    return _switched(caller, id, enabled=False)


@api.get("/api/v1/customers/", scope="records:read")
def list_customers(caller: Caller, query: CustomerQuery) -> Page[CustomerView]:
    """Lists customers.

    Newest first.
    """
    return page_of(
        caller,
        query,
        walk=lambda after: _customers(caller.company, query, after),
        place=lambda listed: listed.place,
        load=lambda shown: _customer_views(caller.company, shown),
        places=_CUSTOMER_PLACES,
    )


@api.post("/api/v1/customers/", scope="orders:write", status=201, refusals=("customer_exists",))
def create_customer(caller: Caller, request: NewCustomer) -> CustomerView:
    """Create a customer.

    The e-mail, ignoring case, identifies a customer.
    """
    id = record_id(caller.company, "customer", request.email)
    customer = new_customer(id, request, made_by="request", now=datetime.now(UTC))
    if customer_store.add_customer(caller.company, customer):
        return customer_view(
            caller.company, customer, total_orders=0, total_licenses=0, totals_truncated=False
        )
    if customer == customer_store.get_customer(caller.company, id):
        return customer_view(
            caller.company, customer, total_orders=0, total_licenses=0, totals_truncated=False
        )
    fault = Fault.at(("email",), "customer_exists", "There is a customer with this e-mail already")
    raise Conflict("customer_exists", fault.message, faults=[fault])


@api.get("/api/v1/customers/<id>/", scope="records:read")
def show_customer(caller: Caller, id: int) -> CustomerView:
    """Get a customer.

    It has the numbers of orders and licenses, up to 50,000; if there are more, `totals_truncated`
    is true.
    """
    return _customer_view(caller.company, _customer(caller.company, id))


@api.patch("/api/v1/customers/<id>/", scope="orders:write", refusals=("immutable",))
def patch_customer(caller: Caller, id: int, request: CustomerRequest) -> CustomerView:
    """Update a customer.

    Absent fields keep their values; the e-mail can't be changed.
    """
    changed = None
    for _ in contended():
        before = _customer(caller.company, id)
        if before == changed:
            return _customer_view(caller.company, before)
        changed = change_customer(before, request, now=datetime.now(UTC))
        if customer_store.put_customer(caller.company, changed, before):
            return _customer_view(caller.company, changed)
    raise Busy


def _orders(company: str, query: OrderQuery, after: str | None) -> Iterator[ListedOrder]:
    """The orders that match a query, newest first, after a position."""
    customer_id = query.customer
    if query.customer_email:
        customer = customer_store.customer_with_email(company, query.customer_email)
        if customer is None or customer_id not in (None, customer.id):
            return
        customer_id = customer.id
    names = {query.store_id, query.client_order_id} - {None}
    if names:
        if len(names) == 1 and not after:
            yield from _named(company, query, names.pop() or "", customer_id)
        return
    found = listed_orders(
        company,
        customer_id=customer_id,
        upto=after,
        since=query.created_at__gte,
        until=query.created_at__lt,
        limit=_FEW if after else None,
    )
    yield from (listed for listed in found if listed.created != after)


def _named(
    company: str, query: OrderQuery, store_id: str, customer_id: int | None
) -> Iterator[ListedOrder]:
    """The order with this `store_id`, if it matches the rest of the query."""
    order_id = order_store.order_id_of(company, store_id)
    found = order_store.read_order(company, order_id, most=MOST_LISTED) if order_id else None
    if found and _is_wanted(found[0], query, customer_id):
        yield ListedOrder.of(company, *found)


def _is_wanted(order: Order, query: OrderQuery, customer_id: int | None) -> bool:
    """Whether the order matches the filters besides its id."""
    since, until = query.created_at__gte, query.created_at__lt
    return (
        customer_id in (None, order.customer_id)
        and (since is None or order.created_at >= since)
        and (until is None or order.created_at < until)
    )


def _license_view(caller: Caller, id: int) -> LicenseView:
    (view,) = license_views(caller, [id])
    if view is None:
        raise NotFound(f"There is no license {id}", "license_not_found")
    return view


def _switched(caller: Caller, id: int, *, enabled: bool) -> LicenseView:
    view = _license_view(caller, id)
    if view.enabled == enabled:
        return view
    license_store.enable_license(caller.company, id, enabled=enabled, now=datetime.now(UTC))
    return _license_view(caller, id)


def _customers(company: str, query: CustomerQuery, after: str | None) -> Iterator[ListedCustomer]:
    if query.email:
        customer = customer_store.customer_with_email(company, query.email)
        found = ListedCustomer(f"{customer.id}/0", customer.id) if customer else None
        return iter([found] if found and not after else [])
    return customer_store.listed_customers(company, after=after, limit=_FEW if after else None)


def _customer_views(company: str, listed: Sequence[ListedCustomer]) -> list[CustomerView | None]:
    ids = customer_store.ids_of_listed(listed)
    customers = customer_store.customers_by_id(company, ids)
    return [customer_view(company, customers[id]) if id in customers else None for id in ids]


def _customer_view(company: str, customer: Customer) -> CustomerView:
    orders, licenses, whole = totals_of(company, customer.id, most=_MOST_COUNTED)
    return customer_view(
        company,
        customer,
        total_orders=orders,
        total_licenses=licenses,
        totals_truncated=not whole,
    )


def _customer(company: str, id: int) -> Customer:
    customer = customer_store.get_customer(company, id)
    if customer is None:
        raise NotFound(f"There is no customer {id}")
    return customer


handler = api.handler

"""HTTP API: read, export, create and update customers. `functions.records` serves these routes."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from functions.export_file import Contents, PartsQuery, exported
from functions.web.api import Answer, Api, Caller, Page
from functions.web.cursors import read_cursor
from functions.web.paging import CONTINUED, CreatedQuery, either_name, page_of
from shared.columns import KINDS
from shared.contract.records import CustomerView, customer_view
from shared.customers import (
    Customer,
    CustomerPatch,
    NewCustomer,
    change_customer,
    new_customer,
)
from shared.errors import Busy, Conflict, Fault, NotFound
from shared.exported_row import customer_row
from shared.store import customers as store
from shared.store.customers import ListedCustomer
from shared.store.order_index import totals_of
from shared.store.retry import contended
from shared.values import Email, Reference
from shared.workflows.delete_orders import delete_customer

_MOST_COUNTED = 50_000
"""Index entries of a customer's orders that are counted for the totals."""
_PLACES = re.compile(r"(page#[0-9]{1,20}|[0-9TZj:.#-]{1,80})/[0-9]{1,6}")

routes = Api("Records")


class CustomerQuery(CreatedQuery, frozen=True, extra="forbid"):
    """Filters of customers."""

    email: Email | None = None
    reference: Reference | None = None
    reference__exact: Reference | None = None


@routes.get(
    "/api/v1/customers/",
    scope="records:read",
    refusals=("alias_conflict", "filters_conflict", "invalid_range"),
)
def list_customers(caller: Caller, query: CustomerQuery) -> Page[CustomerView]:
    """List customers, newest first unless `order_by` is `created_at`.

    Several customers can have the same `reference`, which is compared exactly. `import_id`, `email`
    and `reference` can't be combined with times and `source`, and `import_id` with no other filter.
    """
    query.check_range()
    query.only("import_id")
    for name in ("source", "created_at__gte", "created_at__lt"):
        query.only(name, "source", "created_at__gte", "created_at__lt", "order_by")
    return page_of(
        caller,
        query,
        walk=lambda after: _customers(caller.company, query, after),
        place=lambda listed: listed.place,
        load=lambda shown: _customer_views(caller.company, shown),
        places=_PLACES,
    )


@routes.get(
    "/api/v1/customers/export/",
    scope="records:read",
    content_type="text/csv; charset=utf-8",
    refusals=("export_too_large",),
)
def export_customers(caller: Caller, query: PartsQuery) -> Answer[str]:
    """Export all customers as CSV, newest first.

    The columns are those of the customer import, so there is no `metadata`. A file has at most
    10,000 customers and 5.5 MB. For more, send `parts=true` and follow the `Link` of each response.
    """
    cursor = read_cursor(caller, query, _PLACES)
    after = cursor.place if cursor else None
    return exported(
        caller,
        query,
        store.listed_customers(caller.company, after=after),
        Contents(
            columns=KINDS["customers"].columns,
            rows=lambda listed: _rows(caller.company, listed),
            place=lambda listed: listed.place,
            records="customers",
        ),
        "customers.csv",
    )


@routes.post("/api/v1/customers/", scope="orders:write", status=201, refusals=("customer_exists",))
def create_customer(caller: Caller, request: NewCustomer) -> CustomerView:
    """Create a customer.

    The e-mail, ignoring case, identifies a customer.
    """
    lookup, now = store.customer_lookup(caller.company, request.email), datetime.now(UTC)
    for _ in contended():
        customer = new_customer(lookup.id, request, made_by="request", now=now)
        if store.add_customer(caller.company, customer) or customer == store.find_customer(lookup):
            return customer_view(
                caller.company, customer, total_orders=0, total_licenses=0, totals_truncated=False
            )
        if lookup.found:
            message = "There is a customer with this e-mail already"
            fault = Fault.at(("email",), "customer_exists", message)
            raise Conflict("customer_exists", fault.message, faults=[fault])
    raise Busy


@routes.get("/api/v1/customers/<id>/", scope="records:read")
def show_customer(caller: Caller, id: int) -> CustomerView:
    """Get a customer.

    It has the numbers of orders and licenses, up to 50,000; if there are more, `totals_truncated`
    is true.
    """
    return _customer_view(caller.company, _customer(caller.company, id))


@routes.patch(
    "/api/v1/customers/<id>/", scope="orders:write", refusals=("immutable", "changed_meanwhile")
)
def patch_customer(caller: Caller, id: int, request: CustomerPatch) -> CustomerView:
    """Update a customer.

    Absent fields keep their values; the e-mail can't be changed. With the `updated_at` that was
    read, a customer that was changed meanwhile is not overwritten.
    """
    changed = None
    for _ in contended():
        before = _customer(caller.company, id)
        if before == changed:
            return _customer_view(caller.company, before)
        changed = change_customer(before, request, now=datetime.now(UTC))
        if changed is before or store.put_customer(caller.company, changed, before):
            return _customer_view(caller.company, changed)
    raise Busy


@routes.delete(
    "/api/v1/customers/<id>/",
    scope="orders:write",
    refusals=("customer_has_orders", "import_running"),
)
def delete_customer_without_orders(caller: Caller, id: int) -> None:
    """Delete a customer that has no orders permanently.

    Its e-mail is free. License users are not deleted with it. A customer can't be deleted while an
    import of licenses or customers runs.
    """
    delete_customer(caller.company, id)


def _customers(company: str, query: CustomerQuery, after: str | None) -> Iterator[ListedCustomer]:
    reference: str | None = either_name(query, "reference", "reference__exact")
    if query.email:
        customer = store.customer_with_email(company, query.email)
        if customer is None or after or reference not in (None, customer.reference):
            return iter(())
        return iter([ListedCustomer(f"{customer.id}/0", customer.id)])
    limit, oldest_first = CONTINUED if after else None, query.oldest_first
    if query.import_id is not None:
        return store.customers_of_import(company, query.import_id, after=after, limit=limit)
    if reference is not None:
        return store.customers_with_reference(
            company, reference, after=after, limit=limit, oldest_first=oldest_first
        )
    return store.listed_customers(
        company,
        source=query.source,
        after=after,
        since=query.created_at__gte,
        until=query.created_at__lt,
        limit=limit,
        oldest_first=oldest_first,
    )


def _rows(company: str, listed: Sequence[ListedCustomer]) -> list[list[str] | None]:
    found = _read(company, listed)
    return [customer_row(customer) if customer else None for customer in found]


def _customer_views(company: str, listed: Sequence[ListedCustomer]) -> list[CustomerView | None]:
    found = _read(company, listed)
    return [customer_view(company, customer) if customer else None for customer in found]


def _read(company: str, listed: Sequence[ListedCustomer]) -> list[Customer | None]:
    ids = store.ids_of_listed(listed)
    customers = store.customers_by_id(company, ids)
    return [customers.get(id) for id in ids]


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
    customer = store.get_customer(company, id)
    if customer is None:
        raise NotFound(f"There is no customer {id}")
    return customer

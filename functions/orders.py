"""HTTP API: read and export orders. `functions.records` serves these routes."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from functions.export_file import PartsQuery
from functions.exports import ExportQuery, days_export, order_export
from functions.order_answers import MOST_LISTED, listed_order_views, order_answer
from functions.web.api import Answer, Api, Caller, Page
from functions.web.paging import CONTINUED, CreatedQuery, either_name, page_of
from shared.contract.records import OrderView
from shared.errors import NotFound
from shared.orders import Order
from shared.store import customers as customer_store
from shared.store import orders as order_store
from shared.store.order_index import ListedOrder, listed_orders, orders_of_import
from shared.values import Email, RecordId, Reference
from shared.workflows.delete_orders import delete_order

_PLACES = re.compile(
    r"[0-9T:.Z-]{20,40}#([0-9]{1,16}|j[0-9]{1,20}#[0-9]{1,20}/[0-9]{1,6})"
    r"|orders#[0-9]{1,20}/[0-9]{1,6}"
)

routes = Api("Records")


class OrderQuery(CreatedQuery, frozen=True, extra="forbid"):
    """Filters of orders; at most one id or e-mail."""

    store_id: Reference | None = None
    client_order_id: Reference | None = None
    customer: Annotated[RecordId, Field(strict=False)] | None = None
    customer_id: Annotated[RecordId, Field(strict=False)] | None = None
    customer_email: Email | None = None


@routes.get(
    "/api/v1/orders/",
    scope="records:read",
    refusals=("alias_conflict", "filters_conflict", "invalid_range"),
)
def list_orders(caller: Caller, query: OrderQuery) -> Page[OrderView]:
    """List orders, newest first unless `order_by` is `created_at`.

    Each order shows the ids of at most 10 licenses; `licenses_count` is the number of all.
    `import_id` can't be combined with other filters, and `source` only with times.
    """
    query.check_range()
    query.only("import_id")
    query.only("source", "created_at__gte", "created_at__lt", "order_by")
    return page_of(
        caller,
        query,
        walk=lambda after: _orders(caller.company, query, after),
        place=lambda listed: listed.place,
        load=lambda shown: listed_order_views(caller, shown),
        places=_PLACES,
    )


@routes.get("/api/v1/orders/<id>/", scope="records:read")
def show_order(caller: Caller, id: int) -> Answer[OrderView]:
    """Get an order with its licenses.

    It shows at most the first 1,000 licenses; `licenses_count` is the number of all, and
    `licenses_url` lists them.
    """
    answer = order_answer(caller, id)
    if answer is None:
        raise NotFound(f"There is no order {id}")
    return answer


@routes.get(
    "/api/v1/orders/<id>/export/",
    scope="records:read",
    content_type="text/csv; charset=utf-8",
    refusals=("export_too_large",),
)
def export_order(caller: Caller, id: int, query: PartsQuery) -> Answer[str]:
    """Export an order's licenses as CSV.

    The columns are those of the license import. A file has at most 10,000 licenses and 5.5 MB. For
    more, send `parts=true` and follow the `Link` of each response.

    Licenses that a file can't name, because they have neither a key nor users, are left out and
    counted in `X-Licenses-Left-Out`.
    """
    if not order_store.first_rows(caller.company, [id]):
        raise NotFound(f"There is no order {id}")
    return order_export(caller, id, query)


@routes.get(
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


@routes.delete(
    "/api/v1/orders/<id>/safe_delete/",
    scope="orders:write",
    refusals=("order_has_licenses", "order_in_progress", "import_running"),
)
def delete_order_safely(caller: Caller, id: int) -> None:
    """Delete an order that has no licenses permanently.

    Its `store_id` is free. Its customer stays. Licenses have to be deleted first. An order can't be
    deleted while an import of licenses or customers runs.
    """
    delete_order(caller.company, id)


def _orders(company: str, query: OrderQuery, after: str | None) -> Iterator[ListedOrder]:
    """The orders that match a query, in its order, after a position."""
    limit = CONTINUED if after else None
    if query.import_id is not None:
        yield from orders_of_import(company, query.import_id, after=after, limit=limit)
        return
    customer_id = either_name(query, "customer", "customer_id")
    store_id = either_name(query, "store_id", "client_order_id")
    if query.customer_email:
        customer = customer_store.customer_with_email(company, query.customer_email)
        if customer is None or customer_id not in (None, customer.id):
            return
        customer_id = customer.id
    if store_id is not None:
        if not after:
            yield from _named(company, query, store_id, customer_id)
        return
    yield from listed_orders(
        company,
        customer_id=customer_id,
        source=query.source,
        after=after,
        since=query.created_at__gte,
        until=query.created_at__lt,
        limit=limit,
        oldest_first=query.oldest_first,
    )


def _named(
    company: str, query: OrderQuery, store_id: str, customer_id: int | None
) -> Iterator[ListedOrder]:
    """The order with this `store_id`, if it matches the rest of the query."""
    order_id = order_store.order_id_of(company, store_id)
    found = order_store.read_order(company, order_id, most=MOST_LISTED) if order_id else None
    if found and _is_wanted(found[0], query, customer_id):
        yield ListedOrder.of(*found)


def _is_wanted(order: Order, query: OrderQuery, customer_id: int | None) -> bool:
    """Whether the order matches the filters besides its id."""
    since, until = query.created_at__gte, query.created_at__lt
    return (
        customer_id in (None, order.customer_id)
        and (since is None or order.created_at >= since)
        and (until is None or order.created_at < until)
    )

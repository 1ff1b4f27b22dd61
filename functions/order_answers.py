"""Responses with orders, which show as many of the licenses as fit."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from functions.web.api import Answer, Caller
from functions.web.response_size import PAGE_BYTES, encoded, fits, sent_bytes
from shared.contract.records import (
    LicenseBrief,
    OrderView,
    Related,
    license_view,
    order_view,
    with_whole_licenses,
)
from shared.licenses import License
from shared.orders import Order, first_licenses
from shared.store import customers as customer_store
from shared.store import licenses as license_store
from shared.store import orders as order_store
from shared.store.catalog import products_by_id
from shared.store.order_index import ListedOrder, ids_of_listed

MOST_SHOWN = 1_000
"""Licenses of a single order in a response; also the limit of a create_order request."""
MOST_LISTED = 10
"""Licenses per order in a list."""


def answer_that_fits[V: OrderView](
    make: Callable[[int], V], licenses: Sequence[License | LicenseBrief], related: Related
) -> Answer[V]:
    """The largest response that Lambda can send: full licenses, or brief ones, or fewer.

    `make(most)` shows at most `most` of `licenses`, in brief. Licenses are shown completely only if
    all of them are.
    """
    view = make(most := len(licenses))
    whole = [lic for lic in licenses if isinstance(lic, License)]
    if len(whole) == most and _fit_whole(whole, related):
        text = encoded(with_whole_licenses(view, whole, related))
        if fits(text, PAGE_BYTES):
            return Answer(text)
    while True:
        text = encoded(view)
        if most == 0 or fits(text, PAGE_BYTES):
            return Answer(text)
        most //= 2
        view = make(most)


def order_answer(caller: Caller, id: int) -> Answer[OrderView] | None:
    """An order with its first licenses; None if no order has this id."""
    found = order_store.read_order(caller.company, id, most=MOST_SHOWN)
    if found is None:
        return None
    order, count = found
    shown = first_licenses(order, MOST_SHOWN)
    whole, rest = license_store.licenses_within(caller.company, shown.license_ids, PAGE_BYTES)
    briefs = [
        LicenseBrief.model_validate({**item, "order": item["order_id"]})
        for item in license_store.license_briefs(caller.company, rest)
    ]
    related = read_related(caller, whole, [order])

    licenses: list[License | LicenseBrief] = [*whole, *briefs]
    return answer_that_fits(
        lambda most: order_view(first_licenses(shown, most), related, licenses, count=count),
        licenses,
        related,
    )


def listed_order_views(caller: Caller, listed: Sequence[ListedOrder]) -> list[OrderView | None]:
    """The views of orders in lists: one for each, None for an order that no longer exists.

    100 orders are read per request: their first rows.
    """
    unread = [each for each in listed if each.order is None]
    ids = ids_of_listed(unread)
    rows = order_store.first_rows(caller.company, ids)
    read = {each.place: rows.get(id) for each, id in zip(unread, ids, strict=True)}
    orders = [each.order or read[each.place] for each in listed]
    related = read_related(caller, [], [order for order in orders if order])
    return [
        _listed_view(order, each, related) if order else None
        for order, each in zip(orders, listed, strict=True)
    ]


def read_related(caller: Caller, licenses: Sequence[License], orders: Sequence[Order]) -> Related:
    """Read the products and customers of licenses and orders."""
    named = {lic.customer_id for lic in licenses} | {order.customer_id for order in orders}
    return Related(
        company=caller.company,
        base_url=caller.base_url,
        today=datetime.now(UTC).date(),
        products=products_by_id(caller.company, {lic.product_id for lic in licenses}),
        customers=customer_store.customers_by_id(caller.company, {id for id in named if id}),
        passwords={},
    )


def _fit_whole(licenses: Sequence[License], related: Related) -> bool:
    """Whether the views of these licenses can fit into a response, estimated.

    A view has the customer and the product's features, which can have 390 KB. The estimate avoids
    building a thousand such views only to measure them.
    """
    records = (*related.products.values(), *related.customers.values())
    shown = sum(len(record.model_dump_json()) for record in records)
    left = PAGE_BYTES
    if len(licenses) * shown < left:
        return True
    for lic in licenses:
        left -= sent_bytes(encoded(license_view(lic, related)))
        if left < 0:
            return False
    return True


def _listed_view(order: Order, listed: ListedOrder, related: Related) -> OrderView:
    count = listed.licenses if listed.order else order.licenses_count
    shown = first_licenses(order, MOST_LISTED).model_copy(update={"updated_at": order.changed_at})
    return order_view(shown, related, None, count=count)

"""HTTP API: create orders, and generate license keys. Trigger: API Gateway."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, Field, StringConstraints

from functions.order_answers import answer_that_fits
from functions.telemetry.tracing import annotate
from functions.web.api import Answer, Api, Caller, IdempotencyKey, metrics
from functions.web.response_size import PAGE_BYTES, encoded, sent_bytes
from shared.contract.records import PlacedOrderView, Related, placed_order_view
from shared.errors import Fault, Refused, refuse
from shared.licenses import KEY_ALPHABET, License, new_key
from shared.orders import (
    FIRST_PART,
    Order,
    OrderContext,
    OrderPlan,
    OrderRequest,
    first_licenses,
)
from shared.store.catalog import get_product, products_by_id
from shared.store.customers import customers_by_id
from shared.store.licenses import licenses_by_id
from shared.values import Code
from shared.workflows.place_order import place_order

_ANSWERED_ANYWAY = 200
"""The number of licenses and new users whose keys and passwords always fit into a response."""

api = Api("Orders")


class KeyQuery(BaseModel, frozen=True, extra="forbid"):
    """The keys to generate. LicenseSpring: Generate License Key."""

    product: Code
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    key_length: Annotated[int, Field(ge=16, le=240)] | None = None
    alphabet: Annotated[
        str, StringConstraints(min_length=10, max_length=100, pattern=r"^[!-,.-~]+$")
    ] = KEY_ALPHABET


@api.post(
    "/api/v1/orders/create_order/",
    scope="orders:write",
    refusals=(
        "order_id_exists",
        "order_in_progress",
        "idempotency_key_reused",
        "license_key_exists",
        "unknown_product",
        "disabled_product",
        "archived_product",
        "unknown_policy",
        "unsupported_product_feature",
        "feature_repeated",
        "alias_conflict",
        "consumption_only",
        "duration_required",
        "too_many",
        "too_many_floating_users",
        "key_not_allowed",
        "license_key_repeated",
        "users_required",
        "users_not_allowed",
        "user_repeated",
        "is_bundle_mismatch",
        "not_a_bundle",
        "bundle_only",
        "bundle_members_only",
        "bundle_member_missing",
        "bundle_member_repeated",
        "unknown_bundle_member",
        "policy_required",
        "too_many_licenses",
        "order_too_large",
        "record_too_large",
    ),
)
def create_order(
    caller: Caller, request: OrderRequest, idempotency_key: IdempotencyKey = None
) -> Answer[PlacedOrderView]:
    """Create an order and issue its licenses, all or none.

    A request with the same `id` and the same body gets the existing order and
    `Idempotent-Replayed: true`. With another body it gets `order_id_exists` and the fields that
    differ. With `append: true` the items are added to the order with this `id`, and an
    `Idempotency-Key` makes the append idempotent too. The response then shows what was appended;
    `licenses_url` lists the whole order.
    """
    order, plan, context = place_order(
        caller.company,
        request,
        idempotency_key=idempotency_key,
        refuse_duplicates=os.environ.get("STRICT_DUPLICATE_ORDERS") == "true",
        update_customer=os.environ.get("ORDER_UPDATES_CUSTOMER") == "true",
        accept=lambda plan: _refuse_what_can_not_be_answered(caller, plan),
    )
    annotate(order=order.id)
    if plan:
        metrics.add_metric("OrderPlaced", MetricUnit.Count, 1)
        metrics.add_metric("LicenseIssued", MetricUnit.Count, len(plan.licenses))
    else:
        metrics.add_metric("OrderReplayed", MetricUnit.Count, 1)
    headers = {} if plan else {"Idempotent-Replayed": "true"}
    if request.uses_deprecated_names:
        headers["Deprecation"] = "true"
    return replace(_shown(caller, order, plan, context), headers=headers)


@api.get(
    "/api/v1/orders/generate_license/",
    scope="orders:write",
    refusals=("unknown_product", "weak_alphabet"),
)
def generate_license(caller: Caller, query: KeyQuery) -> list[str]:
    """Generate license keys for a product.

    The keys are distinct; they are not reserved.
    """
    product = get_product(caller.company, query.product)
    if product is None:
        message = f"There is no product {query.product}"
        raise Refused("unknown_product", message, field="product", value=query.product)
    alphabet = "".join(dict.fromkeys(query.alphabet))
    if len(alphabet) < 10:
        message = "alphabet needs at least 10 different characters, for keys that can't be guessed"
        refuse([Fault.at(("alphabet",), "weak_alphabet", message, query.alphabet)])
    seed, length = secrets.token_bytes(32), query.key_length or product.key_length
    return [new_key(seed, str(n), length, alphabet) for n in range(query.quantity)]


def _shown(
    caller: Caller, row: Order, plan: OrderPlan | None, context: OrderContext
) -> Answer[PlacedOrderView]:
    """The response: the order, or what this request appended to it."""
    issued = plan.licenses if plan else licenses_by_id(caller.company, row.license_ids)
    order = row
    if row.part != FIRST_PART and context.order:
        order = context.order.model_copy(update={"items": row.items, "updated_at": row.updated_at})
    related = _related(caller, order, issued, plan, context)
    return answer_that_fits(
        lambda most: placed_order_view(first_licenses(order, most), related, issued),
        issued,
        related,
    )


def _refuse_what_can_not_be_answered(caller: Caller, plan: OrderPlan) -> None:
    """Raise Refused, before anything is written, if keys and passwords would exceed a response."""
    if len(plan.licenses) + len(plan.users) <= _ANSWERED_ANYWAY:
        return
    order = first_licenses(plan.order, 0)
    related = _related(caller, order, [], plan, OrderContext(order.id))
    fixed = sent_bytes(encoded(placed_order_view(order, related, [])))
    if fixed + sum(map(_most_bytes, plan.licenses)) <= PAGE_BYTES:
        return
    size = sent_bytes(encoded(placed_order_view(order, related, plan.licenses)))
    if size > PAGE_BYTES:
        raise Refused(
            "order_too_large",
            f"The response to this order would have {size} bytes, and the limit is"
            f" {PAGE_BYTES}: place it as several orders",
        )


def _most_bytes(lic: License) -> int:
    """An upper bound of the bytes of a brief license and its key in a response.

    A character has at most 4 bytes, both in UTF-8 and when escaped twice.
    """
    return 250 + 4 * (
        2 * len(lic.license_key or "") + len(lic.order_store_id) + len(lic.product_code)
    )


def _related(
    caller: Caller,
    order: Order,
    licenses: Sequence[License],
    plan: OrderPlan | None,
    context: OrderContext,
) -> Related:
    products = {product.id: product for product in context.products.values()}
    missing = {lic.product_id for lic in licenses} - products.keys()
    customers = {c.id: c for c in (context.customer, plan and plan.customer) if c}
    named = {order.customer_id, *(lic.customer_id for lic in licenses)} - customers.keys()
    if unknown := [id for id in named if id is not None]:
        customers |= customers_by_id(caller.company, unknown)
    return Related(
        company=caller.company,
        base_url=caller.base_url,
        today=datetime.now(UTC).date(),
        products=products | (products_by_id(caller.company, missing) if missing else {}),
        customers=customers,
        passwords=plan.passwords if plan else {},
    )


handler = api.handler

"""HTTP API: places orders, and generates license keys for those who order with their own."""

import os
import secrets
import time
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
from shared.errors import Busy, Conflict, Fault, Refused, refuse
from shared.issuing import plan_order
from shared.licenses import KEY_ALPHABET, License, new_key
from shared.orders import (
    FIRST_PART,
    Order,
    OrderContext,
    OrderPlan,
    OrderRequest,
    already_placed,
    first_licenses,
    is_by_id,
)
from shared.store.catalog import get_product, products_by_id
from shared.store.customers import customers_by_id
from shared.store.licenses import licenses_by_id
from shared.values import Code
from shared.workflows.order_writes import read_order_context, write_order
from shared.workflows.pending_orders import roll_back, roll_back_pending

_ANSWERED_ANYWAY = 200
"""Licenses and new users whose keys and passwords fit into any answer."""
_TRIES, _POLLS, _POLL_SECONDS = 6, 12, 0.4

api = Api("Orders")


class KeyQuery(BaseModel, frozen=True, extra="forbid"):
    """Which keys to generate. Published: generate license key."""

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
    """Places an order and issues its licenses, all or nothing.

    The same `id` with the same body answers with the order that was placed, and
    `Idempotent-Replayed: true`; with another body it is refused with `order_id_exists` and the
    fields that differ. With `append: true` the items are added to the order of that `id`;
    an `Idempotency-Key` makes that repeatable too. The answer then shows what was appended, not the
    whole order, which `licenses_url` lists.
    """
    order, plan, context = _place(caller, request, idempotency_key)
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
    """Generates license keys for a product.

    They are different from each other; none is reserved.
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


def _place(
    caller: Caller, request: OrderRequest, idempotency_key: str | None
) -> tuple[Order, OrderPlan | None, OrderContext]:
    """The row that holds the order, its placement if it is new, and what was known.

    Whenever a write does not hold, everything is read and decided again: what stopped it may be
    another order, a change of the catalog, or this very write, applied with its answer lost.
    """
    company = caller.company
    token, seed, secret = secrets.token_hex(16), secrets.token_bytes(32), secrets.token_bytes(32)
    store_id = request.id or _own_id(company, idempotency_key)
    plan, polls = None, 0
    for _ in range(_TRIES + _POLLS):
        context = read_order_context(
            company,
            request,
            store_id=store_id,
            token=token,
            idempotency_key=idempotency_key,
            after=plan,
        )
        if plan and plan.order.part != context.part:
            roll_back(company, context.order_id, plan.order.part, token)
        try:
            if row := already_placed(request, context):
                ours = row.token == token
                if not ours and is_by_id(request) and _is_strict():
                    raise Conflict("order_id_exists", "Order with this ID already exists")
                return row, plan if ours else None, context
            if _has_to_wait(context, token, request) and polls < _POLLS:
                polls += 1
                time.sleep(_POLL_SECONDS)
                continue
            plan = plan_order(
                company,
                request,
                context,
                store_id=store_id,
                token=token,
                seed=seed,
                secret=secret,
                now=datetime.now(UTC),
                idempotency_key=idempotency_key,
            )
            _refuse_what_can_not_be_answered(caller, plan)
        except Refused:
            if context.pending and context.pending.owner == token:
                roll_back(company, context.order_id, context.part, token)
            raise
        for pending in context.blocking:
            roll_back_pending(company, pending)
        if not context.blocking and write_order(company, plan, context.pending):
            return plan.order, plan, context
    raise Busy


def _own_id(company: str, idempotency_key: str | None) -> str:
    """An id for an order that came without one; the same for the same Idempotency-Key."""
    seed = f"{company} {idempotency_key}".encode() if idempotency_key else secrets.token_bytes(32)
    return "order-" + new_key(seed, "order", 20)


def _has_to_wait(context: OrderContext, token: str, request: OrderRequest) -> bool:
    """Whether another execution is placing this very order, or made users that it names and may
    yet take back; raises if it is another body.
    """
    if context.pending is None or context.pending.owner == token:
        return bool(context.blocking)
    if context.pending.fingerprint != request.fingerprint:
        message = "Another order with this ID is being placed; retry in a few seconds"
        raise Conflict("order_in_progress", message)
    return True


def _is_strict() -> bool:
    return os.environ.get("STRICT_DUPLICATE_ORDERS") == "true"


def _shown(
    caller: Caller, row: Order, plan: OrderPlan | None, context: OrderContext
) -> Answer[PlacedOrderView]:
    """The answer: what this request made, which is the order or what was appended to it."""
    issued = plan.licenses if plan else licenses_by_id(caller.company, row.license_ids)
    order = row
    if row.part != FIRST_PART and context.order:
        order = context.order.model_copy(update={"items": row.items, "updated_at": row.updated_at})
    related = _related(caller, order, issued, plan, context)
    return answer_that_fits(
        lambda most, brief: placed_order_view(
            first_licenses(order, most), related, issued, brief=brief
        ),
        issued,
        related,
    )


def _refuse_what_can_not_be_answered(caller: Caller, plan: OrderPlan) -> None:
    """Raise Refused, before anything is written, if not even the keys and passwords would fit."""
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
            f"The answer to this order would have {size} bytes, which is more than the "
            f"{PAGE_BYTES} that one answer can hold: place it as several",
        )


def _most_bytes(lic: License) -> int:
    """At least the bytes of a license in brief and of its key, in an answer.

    A character has at most 4 bytes, in UTF-8 as well as escaped twice.
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

"""Place an order exactly once: read what it depends on, plan it, write all of it or nothing."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from shared.errors import Busy, Conflict, Fault, Refused
from shared.issuing import plan_order
from shared.licenses import new_key
from shared.orders import Order, OrderContext, OrderPlan, OrderRequest, already_placed, is_by_id
from shared.store.retry import contended, polls
from shared.workflows.order_writes import read_order_context, write_order
from shared.workflows.pending_orders import roll_back, roll_back_pending

_ATTEMPTS = 18


class PlacedOrder(NamedTuple):
    """The result of a request: the stored row of the order, and how it came to be."""

    row: Order
    """The order, or the part of it that holds what was appended."""
    plan: OrderPlan | None
    """What this request wrote; None if an earlier request had placed the order."""
    context: OrderContext


def place_order(
    company: str,
    request: OrderRequest,
    *,
    idempotency_key: str | None = None,
    refuse_duplicates: bool = False,
    update_customer: bool = False,
    accept: Callable[[OrderPlan], None] = lambda _: None,
) -> PlacedOrder:
    """Place an order, or return the one that the same request has placed before.

    `accept` can refuse a plan before anything is written. With `refuse_duplicates`, an order that
    another request placed under the same id is refused even if the bodies are equal. With
    `update_customer`, an existing customer gets the details that the order names. If a write
    fails its conditions, everything is read and planned again: the cause may be another order, a
    change of the catalog, or this very write, whose answer was lost. Raises Refused, or Busy after
    some 10 seconds.
    """
    token, seed, secret = secrets.token_hex(16), secrets.token_bytes(32), secrets.token_bytes(32)
    store_id = request.id or _generated_id(company, idempotency_key)
    plan: OrderPlan | None = None
    occupied: frozenset[int] = frozenset()
    waits = polls()

    def read() -> OrderContext:
        context = read_order_context(
            company,
            request,
            store_id=store_id,
            token=token,
            idempotency_key=idempotency_key,
            after=plan,
        )
        nonlocal occupied
        occupied |= context.occupied
        context = replace(context, updates_customer=update_customer, occupied=occupied)
        if plan and (plan.order.id, plan.order.part) != (context.order_id, context.part):
            roll_back(company, plan.order.id, plan.order.part, token)
        return context

    for _ in contended(_ATTEMPTS):
        context = read()
        try:
            while not (row := already_placed(request, context)):
                if not _has_to_wait(context, token, request) or next(waits, None) is None:
                    break
                context = read()
            if row:
                ours = row.token == token
                if not ours and is_by_id(request) and refuse_duplicates:
                    message = "Order with this ID already exists"
                    fault = Fault.at(("id",), "order_id_exists", message, store_id)
                    raise Conflict("order_id_exists", message, faults=[fault])
                return PlacedOrder(row, plan if ours else None, context)
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
            accept(plan)
        except Refused:
            if context.pending and context.pending.owner == token:
                roll_back(company, context.order_id, context.part, token)
            raise
        for pending in context.blocking:
            roll_back_pending(company, pending)
        if not context.blocking and write_order(company, plan, context.pending):
            return PlacedOrder(plan.order, plan, context)
    raise Busy


def _generated_id(company: str, idempotency_key: str | None) -> str:
    """An id for an order without one; the same for the same Idempotency-Key."""
    seed = f"{company} {idempotency_key}".encode() if idempotency_key else secrets.token_bytes(32)
    return "order-" + new_key(seed, "order", 20)


def _has_to_wait(context: OrderContext, token: str, request: OrderRequest) -> bool:
    """Whether another execution is placing this order, or a pending order made users of it.

    Raises Conflict if the other execution has another body.
    """
    if context.pending is None or context.pending.owner == token:
        return bool(context.blocking)
    if context.pending.fingerprint != request.fingerprint:
        message = "Another order with this ID is being placed; retry in a few seconds"
        raise Conflict("order_in_progress", message)
    return True

"""Place an order with the product's code and exit halfway, as a Lambda function that crashes.

`keywright verify` runs it as `python -m infra.cli.interrupted_order`, with the tables of a stage in
the environment and `{"company": …, "order": …, "exit_status": …}` on stdin. It leaves a pending
order.
"""

import json
import os
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from shared.issuing import plan_order
from shared.orders import OrderRequest
from shared.store import dynamo
from shared.workflows.order_writes import read_order_context, write_order

TRANSACTIONS = 2
"""Committed transactions before the exit: the pending order, and a part of its licenses."""


def _exit_after(transactions: int, exit_status: int) -> None:
    """Exit without any cleanup after this many committed transactions."""
    done = 0

    def count_commit(**_: Any) -> None:
        nonlocal done
        done += 1
        if done == transactions:
            os._exit(exit_status)

    dynamo.client().meta.events.register("after-call.dynamodb.TransactWriteItems", count_commit)


def _place(company: str, order: dict[str, Any]) -> bool:
    """Place an order as functions/create_order.py does, without conflicting orders."""
    request = OrderRequest.model_validate(order)
    token, store_id = secrets.token_hex(16), str(request.id)
    context = read_order_context(
        company, request, store_id=store_id, token=token, idempotency_key=None
    )
    plan = plan_order(
        company,
        request,
        context,
        store_id=store_id,
        token=token,
        seed=secrets.token_bytes(32),
        secret=secrets.token_bytes(32),
        now=datetime.now(UTC),
        idempotency_key=None,
    )
    return write_order(company, plan, context.pending)


def main() -> None:
    given = json.load(sys.stdin)
    _exit_after(TRANSACTIONS, given["exit_status"])
    placed = _place(given["company"], given["order"])
    sys.exit(f"the order was {'placed' if placed else 'rejected'} instead of interrupted")


if __name__ == "__main__":
    main()

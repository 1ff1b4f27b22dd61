"""Place an order by the product's own code and die halfway, as a function whose process is lost.

`keywright verify` runs it as `python -m infra.ops.interrupted_order`, with the tables of a stage in
the environment and `{"company": …, "order": …, "exit_status": …}` on stdin. It leaves a pending
order.
"""

import json
import os
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from shared.orders import OrderRequest
from shared.placing import place_order
from shared.store import dynamo
from shared.store.placing import add_placement, read_known

TRANSACTIONS = 2
"""How many are written: the pending order itself, and a part of its licenses."""


def _die_after(transactions: int, exit_status: int) -> None:
    """End the process without any cleanup once so many transactions have been committed."""
    done = 0

    def committed(**_: Any) -> None:
        nonlocal done
        done += 1
        if done == transactions:
            os._exit(exit_status)

    dynamo.client().meta.events.register("after-call.dynamodb.TransactWriteItems", committed)


def _place(company: str, order: dict[str, Any]) -> bool:
    """As functions/create_order.py does it, for an order that nothing stands in the way of."""
    request = OrderRequest.model_validate(order)
    token, store_id = secrets.token_hex(16), str(request.id)
    known = read_known(company, request, store_id=store_id, token=token, idempotency_key=None)
    placement = place_order(
        company,
        request,
        known,
        store_id=store_id,
        token=token,
        seed=secrets.token_bytes(32),
        secret=secrets.token_bytes(32),
        now=datetime.now(UTC),
        idempotency_key=None,
    )
    return add_placement(company, placement, known.unfinished)


def main() -> None:
    given = json.load(sys.stdin)
    _die_after(TRANSACTIONS, given["exit_status"])
    placed = _place(given["company"], given["order"])
    sys.exit(f"the order was {'placed whole' if placed else 'not placed at all'}")


if __name__ == "__main__":
    main()

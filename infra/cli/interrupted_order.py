"""Place an order with the product's code and exit before the commit, like a crashed Lambda.

`keywright verify` runs it as `python -m infra.cli.interrupted_order`, with the tables of a stage in
the environment and `{"company": …, "order": …, "exit_status": …}` on stdin. It leaves a pending
order.
"""

import json
import os
import sys
from typing import Any

from shared.orders import OrderRequest
from shared.store import dynamo
from shared.workflows.place_order import place_order

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


def main() -> None:
    given = json.load(sys.stdin)
    _exit_after(TRANSACTIONS, given["exit_status"])
    place_order(given["company"], OrderRequest.model_validate(given["order"]))
    sys.exit("the order was placed instead of interrupted")


if __name__ == "__main__":
    main()

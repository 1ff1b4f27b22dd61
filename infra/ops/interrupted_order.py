"""Place an order by the product's own code and die halfway, as a function whose process is lost.

`keywright verify` runs it as `python -m infra.ops.interrupted_order`, with the tables of a stage in
the environment and `{"key": …, "order": …, "exit_status": …}` on stdin. It leaves a pending order.
"""

import json
import os
import sys
from types import SimpleNamespace
from typing import Any

from functions import create_order
from shared.store import dynamo

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


def _event(key: str, order: dict[str, Any]) -> dict[str, Any]:
    """A request in API Gateway's payload format 2.0."""
    path = "/api/v1/orders/create_order/"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "verify", "authorization": f"Api-Key {key}"},
        "requestContext": {
            "requestId": "verify",
            "domainName": "verify",
            "stage": "$default",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1"},
        },
        "body": json.dumps(order),
        "isBase64Encoded": False,
    }


def main() -> None:
    given = json.load(sys.stdin)
    _die_after(TRANSACTIONS, given["exit_status"])
    context = SimpleNamespace(
        function_name="verify",
        memory_limit_in_mb=1024,
        invoked_function_arn="verify",
        aws_request_id="verify",
        get_remaining_time_in_millis=lambda: 25_000,
    )
    answer = create_order.handler(_event(given["key"], given["order"]), context)
    sys.exit(f"the order was placed whole: {str(answer)[:300]}")


if __name__ == "__main__":
    main()

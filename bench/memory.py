"""DynamoDB from a dict, below botocore, so that only the time of the code above is measured."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions import create_order
from shared.access import new_api_key
from shared.catalog_changes import NewPolicy, NewProduct, add_policy, new_product
from shared.store import dynamo
from shared.store.access import add_api_key
from shared.store.catalog import put_product

TABLES = ("ACCESS", "CATALOG", "CUSTOMERS", "ORDERS", "LICENSES")
_CONTEXT = SimpleNamespace(function_name="bench", get_remaining_time_in_millis=lambda: 25_000)


@dataclass
class Memory:
    """Items by table and key. Orders are forgotten, so that each one is new."""

    key: str = ""
    items: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    spent: float = 0.0
    """Seconds of CPU inside calls of the client so far."""

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target: Any = request.headers["X-Amz-Target"]  # bytes, whatever the stubs say
        operation = target.decode().partition(".")[2]
        body = json.loads(bytes(request.body or b"{}"))  # type: ignore[arg-type]  # never a file
        match operation:
            case "GetItem":
                response = {"Item": found} if (found := self._find(body, body["Key"])) else {}
            case "BatchGetItem":
                response = {"Responses": self._batch(body["RequestItems"]), "UnprocessedKeys": {}}
            case "PutItem":
                response = self._keep(body)
            case "TransactWriteItems":
                response = {}
                for part in body["TransactItems"]:
                    self._keep(part.get("Put", {}))
            case _:
                response = {}
        return _response(request.url, json.dumps(response).encode())

    def order(self, body: dict[str, Any]) -> None:
        """One order from event to answer."""
        event = {
            "version": "2.0",
            "rawPath": "/api/v1/orders/create_order/",
            "rawQueryString": "",
            "headers": {"authorization": f"Api-Key {self.key}", "host": "bench"},
            "requestContext": {
                "stage": "$default",
                "requestId": "bench",
                "http": {"method": "POST", "path": "/api/v1/orders/create_order/"},
            },
            "body": json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = create_order.handler(event, _CONTEXT)  # type: ignore[arg-type]  # as much of a context as is read
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])

    def _find(self, body: Any, key: Any) -> Any:
        return self.items.get((body["TableName"], key["pk"]["S"], key.get("sk", {}).get("S", "")))

    def _batch(self, wanted: Any) -> Any:
        return {
            name: [
                found
                for key in body["Keys"]
                if (found := self._find({"TableName": name}, key)) is not None
            ]
            for name, body in wanted.items()
        }

    def _keep(self, put: Any) -> dict[str, Any]:
        if put.get("TableName") in ("ACCESS", "CATALOG"):
            item = put["Item"]
            place = put["TableName"], item["pk"]["S"], item.get("sk", {}).get("S", "")
            self.items[place] = item
        return {}


@contextmanager
def remembered(company: str) -> Iterator[Memory]:
    """A company with a key and a product with a policy, and the client that finds them."""
    os.environ |= {f"{name}_TABLE": name for name in TABLES} | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    dynamo.client.cache_clear()
    client: Any = dynamo.client()
    memory, now = Memory(), datetime.now(UTC)
    client.meta.events.register_first("before-send.dynamodb.*", memory.answer)
    call = client._make_api_call  # noqa: SLF001  # where every call of the client passes

    def timed(*arguments: Any) -> Any:
        began = time.thread_time()
        try:
            return call(*arguments)
        finally:
            memory.spent += time.thread_time() - began

    client._make_api_call = timed  # noqa: SLF001  # all calls of a client pass here
    key, memory.key = new_api_key(company, now=now)
    add_api_key(key)
    request = NewProduct(product_name="Sketchbook", short_code="sketch", max_activations=2)
    product = new_product(company, request, {}, now=now)
    put_product(company, product)
    policy = NewPolicy(product="sketch", code="studio", name="Studio", max_activations=5)
    put_product(company, add_policy(company, product, policy, now=now))
    yield memory
    dynamo.client.cache_clear()


def _response(url: str, body: bytes) -> AWSResponse:
    raw = SimpleNamespace(stream=lambda **_: iter((body,)))
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(url, 200, headers, raw)  # type: ignore[arg-type]  # as botocore reads it

"""When tables are throttled, the API responds in time with 503 and Retry-After."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.emulated import carry_out
from tests.functions.shop import Shop
from tests.http_event import Reply
from tests.wiretap import Fault, Wiretap, answer, tapped

ONE = [{"product_code": "kp", "licenses": [{}]}]
_LAMBDA_SECONDS = 25


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the function slept, in seconds."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def refused(code: str, **more: Any) -> Fault:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return lambda request: answer(request, 400, {"__type": kind, **more})


def always(tap: Wiretap, operation: str, fault: Fault) -> None:
    for nth in range(1, 100):
        tap.on(operation, fault, nth=nth)


def assert_busy(reply: Reply) -> None:
    assert (reply.status, reply.json()["code"]) == (503, "unavailable")
    assert int(reply.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (refused("ThrottlingException"), 3),
        (refused("ProvisionedThroughputExceededException"), 3),
        (refused("RequestLimitExceeded"), 3),
        *(
            (refused("TransactionCanceledException", CancellationReasons=[{"Code": code}]), 8)
            for code in ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")
        ),
    ],
)
def test_an_order_whose_tables_are_throttled_is_503_and_placed_when_it_is_sent_again(
    shop: Shop, slept: list[float], fault: Fault, requests: int
) -> None:
    with tapped() as tap:
        always(tap, "TransactWriteItems", fault)
        busy = shop.order(id="o-1", items=ONE)
        attempts = tap.counted["TransactWriteItems"]
    placed = shop.order(id="o-1", items=ONE)

    assert_busy(busy)
    assert (attempts, sum(slept) < _LAMBDA_SECONDS / 2) == (requests, True)
    assert (placed.status, "idempotent-replayed" in placed.headers) == (200, False)
    assert shop.get("/licenses/").json()["count"] == 1


def unprocessed(done: Callable[[list[Any]], list[Any]]) -> Fault:
    """The keys that are read; the others are left for another request."""

    def fault(request: AWSPreparedRequest) -> AWSResponse | None:
        sent: Any = request.body
        body = orjson.loads(sent)
        left: dict[str, Any] = {}
        for name, part in body["RequestItems"].items():
            keys = part["Keys"]
            part["Keys"] = done(keys)
            if rest := [key for key in keys if key not in part["Keys"]]:
                left[name] = {**part, "Keys": rest}
        body["RequestItems"] = {n: p for n, p in body["RequestItems"].items() if p["Keys"]}
        if not body["RequestItems"]:
            return answer(request, 200, {"Responses": {}, "UnprocessedKeys": left})
        request.body = orjson.dumps(body)
        request.headers["Content-Length"] = str(len(request.body))
        read = orjson.loads(carry_out(request).content)  # type: ignore[union-attr]  # it answers
        return answer(request, 200, {**read, "UnprocessedKeys": left})

    return fault


def test_an_order_reads_again_what_was_read_by_halves(shop: Shop, slept: list[float]) -> None:
    with tapped("BatchGetItem", unprocessed(lambda keys: keys[::2])) as tap:
        reply = shop.order(id="o-1", items=ONE, customer={"email": "ana@x.test"})
        sizes = [
            sum(len(part["Keys"]) for part in body["RequestItems"].values())
            for body in tap.bodies("BatchGetItem")
        ]

    assert reply.status == 200, reply.text
    assert sizes[1] < sizes[0]
    assert len(slept) >= 1


def test_reads_that_come_to_nothing_are_503_after_eight_requests(
    shop: Shop, slept: list[float]
) -> None:
    with tapped() as tap:
        always(tap, "BatchGetItem", unprocessed(lambda _: []))
        busy = shop.order(id="o-1", items=ONE, customer={"email": "ana@x.test"})

    assert_busy(busy)
    assert tap.counted["BatchGetItem"] == 8
    assert sum(slept) < _LAMBDA_SECONDS / 2


@pytest.mark.parametrize("path", ["/licenses/", "/orders/", "/products/"])
def test_a_list_whose_table_is_throttled_is_503(shop: Shop, slept: list[float], path: str) -> None:
    with tapped() as tap:
        always(tap, "Query", refused("ProvisionedThroughputExceededException"))
        busy = shop.get(path)

    assert_busy(busy)
    assert tap.counted["Query"] <= 3 * 4
    assert sum(slept) < _LAMBDA_SECONDS / 2

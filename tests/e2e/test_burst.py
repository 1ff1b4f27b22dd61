"""More orders at once than the stack has capacity for: some are refused, and none is lost."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest

from infra.local.stack import LocalStack
from tests.e2e.remote import Operate, RemoteShop, Tables, behind, opened
from tests.e2e.wire import Wire, fault, functions
from tests.http_event import Reply

ORDERS, AT_ONCE = 24, 6
ONE = [{"product_code": "kp", "licenses": [{}]}]


@pytest.fixture
def crowded(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company that nobody else has."""
    return opened(http, keys, "crowded", stocked=True)


def test_orders_beyond_the_capacity_of_the_tables_get_a_retry_after(
    wire: Wire, crowded: RemoteShop, tables: Tables
) -> None:
    """Nine of ten transactions are throttled."""
    writes = fault("throttled", "dynamodb.TransactWriteItems", sequence={"fail": 9, "pass": 1})

    with wire.meeting(writes):
        replies = burst(crowded)

    refused = [reply for reply in replies.values() if reply.status != 200]
    assert {reply.status for reply in refused} == {503}
    assert {reply.json()["code"] for reply in refused} == {"unavailable"}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert_nothing_is_lost(crowded, tables, replies)


def test_orders_beyond_the_concurrency_of_their_function_are_refused(
    crowded: RemoteShop, stack: LocalStack, tables: Tables
) -> None:
    """By the gateway, in its own words: on AWS with 503, by the emulator with 429."""
    with only_at_once(stack, "create_order", 1):
        replies = burst(crowded)

    assert {reply.status for reply in replies.values()} == {200, 429}
    assert_nothing_is_lost(crowded, tables, replies)


def burst(shop: RemoteShop) -> dict[str, Reply]:
    """Many orders at once, and what is answered to each."""
    names = [f"burst {n}" for n in range(ORDERS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = pool.map(lambda name: shop.order(id=name, items=ONE), names)
        return dict(zip(names, replies, strict=True))


@contextmanager
def only_at_once(stack: LocalStack, module: str, count: int) -> Iterator[None]:
    """For a while, a function has no more than so many calls at once."""
    client: Any = boto3.client("lambda", **behind(stack))
    (function,) = functions(stack, module)
    name = function["FunctionName"]
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)
    try:
        yield
    finally:
        client.delete_function_concurrency(FunctionName=name)


def assert_nothing_is_lost(shop: RemoteShop, tables: Tables, replies: dict[str, Reply]) -> None:
    """What was answered is there, what was refused is not, until it is sent again."""
    placed = {name for name, reply in replies.items() if reply.status == 200}

    assert 0 < len(placed) < ORDERS
    assert {row["store_id"] for row in tables.rows("orders", shop.company)} == placed
    for name in replies.keys() - placed:
        assert shop.order(id=name, items=ONE).status == 200
    for name in placed:
        assert shop.order(id=name, items=ONE).json() == replies[name].json()
    sold = Counter(lic["order_store_id"] for lic in tables.rows("licenses", shop.company))
    assert sold == dict.fromkeys(replies, 1)

"""Orders and counts are correct whatever happens to the requests that functions send to AWS."""

from typing import Any

import httpx
import pytest

from infra.local.stack import LocalStack
from tests.e2e.importing import ended, post
from tests.e2e.remote import Operate, RemoteShop, Tables, opened
from tests.e2e.sample_import import assert_imported_once, dropped_file, file
from tests.e2e.wire import FAULTS, Wire, fault

ORDER = {
    "dynamodb.BatchGetItem",
    "dynamodb.GetItem",
    "dynamodb.TransactWriteItems",
    "dynamodb.UpdateItem",
}
IMPORT = {
    "dynamodb.BatchExecuteStatement",
    "dynamodb.BatchGetItem",
    "dynamodb.DeleteItem",
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.Query",
    "dynamodb.TransactWriteItems",
    "dynamodb.UpdateItem",
    "s3.GetObject",
    "s3.PutObject",
}
LARGE_IMPORT = IMPORT | {"s3.HeadObject", "stepfunctions.StartExecution"}
"""The AWS operations of each; an operation that is not listed fails its test."""
EVERY_OTHER = {"sequence": {"fail": 1, "pass": 1}}
INSERT, MANY = "dynamodb.BatchExecuteStatement", 30
"""More often in a row than any one request is sent after other failures than throttling."""


@pytest.fixture(scope="module")
def cut_off(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company whose requests to AWS get faults."""
    return opened(http, keys, "cut-off", stocked=True)


@pytest.mark.parametrize("what", FAULTS)
def test_every_other_request_of_an_order_may_go_wrong(
    wire: Wire, cut_off: RemoteShop, keys: Operate, tables: Tables, what: str
) -> None:
    """By a key that the function has not seen yet, so that it is read and noted too."""
    key = keys("create", "--company", cut_off.company)["api_key"]
    shop = RemoteShop(cut_off.company, key, cut_off.http)

    with wire.meeting(*(fault(what, each, **EVERY_OTHER) for each in ORDER)):
        small = shop.order(id=f"small {what}", items=items(1), customer={"email": "a@x.test"})
        large = shop.order(id=f"large {what}", items=items(150), customer={"email": "a@x.test"})
        faulty, passed = wire.seen(faulty=True), wire.seen(faulty=False)

    assert (small.status, large.status) == (200, 200), (small.text, large.text)
    assert faulty.keys() == ORDER >= passed.keys()
    assert_placed_once(tables, shop, small.json(), 1)
    assert_placed_once(tables, shop, large.json(), 150)


def test_an_order_for_which_there_is_no_room_is_refused_and_can_be_sent_again(
    wire: Wire, cut_off: RemoteShop, tables: Tables
) -> None:
    body = {"id": "too large", "items": items(2)}

    with wire.meeting(fault("throttled", "dynamodb.TransactWriteItems")):
        refused = cut_off.order(**body)
    placed = cut_off.order(**body)

    assert (refused.status, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert placed.status == 200, placed.text
    assert "idempotent-replayed" not in placed.headers
    assert_placed_once(tables, cut_off, placed.json(), 2)


@pytest.mark.parametrize("what", FAULTS)
def test_a_request_of_every_kind_that_an_import_makes_may_go_wrong(
    wire: Wire, cut_off: RemoteShop, tables: Tables, what: str
) -> None:
    with wire.meeting(*(fault(what, each, times=1) for each in IMPORT)):
        job = ended(cut_off, post(cut_off, "licenses", file(what)))
        faulty, passed = wire.seen(faulty=True), wire.seen(faulty=False)

    assert faulty.keys() == IMPORT >= passed.keys()
    assert_imported_once(tables, cut_off, job, what)


@pytest.mark.parametrize("what", ["answer lost", "failed when done"])
def test_a_request_of_every_kind_that_a_large_import_makes_may_go_wrong(
    wire: Wire, cut_off: RemoteShop, stack: LocalStack, tables: Tables, what: str
) -> None:
    with wire.meeting(*(fault(what, each, times=1) for each in LARGE_IMPORT)):
        job = ended(cut_off, dropped_file(stack, cut_off, f"large {what}"))
        faulty, passed = wire.seen(faulty=True), wire.seen(faulty=False)

    assert faulty.keys() == LARGE_IMPORT >= passed.keys()
    assert_imported_once(tables, cut_off, job, f"large {what}")


@pytest.mark.parametrize("what", ["throttled", "failed when done"])
def test_a_range_waits_while_its_table_takes_nothing(
    wire: Wire, cut_off: RemoteShop, stack: LocalStack, tables: Tables, what: str
) -> None:
    with wire.meeting(fault(what, INSERT, times=MANY)):
        job = ended(cut_off, dropped_file(stack, cut_off, f"range waits {what}"))
        met = wire.seen(faulty=True)[INSERT]

    assert met == MANY
    assert_imported_once(tables, cut_off, job, f"range waits {what}")


@pytest.mark.parametrize("what", ["throttled", "failed when done"])
def test_an_import_waits_while_its_table_takes_nothing(
    wire: Wire, cut_off: RemoteShop, tables: Tables, what: str
) -> None:
    """The same function goes on: nobody believes it dead, and no event comes again."""
    with wire.meeting(fault(what, INSERT, times=MANY)):
        job = ended(cut_off, post(cut_off, "licenses", file(f"waits {what}")))
        met = wire.seen(faulty=True)[INSERT]

    assert met == MANY
    assert_imported_once(tables, cut_off, job, f"waits {what}")


def items(count: int) -> list[dict[str, Any]]:
    return [{"product_code": "kp", "licenses": [{}] * count}]


def assert_placed_once(tables: Tables, shop: RemoteShop, answer: Any, count: int) -> None:
    """What is stored of an order is its one row and the licenses that were answered."""
    issued = [lic["id"] for item in answer["order_items"] for lic in item["licenses"]]
    rows = [row for row in tables.rows("orders", shop.company) if row["id"] == answer["id"]]
    stored = [
        lic["id"]
        for lic in tables.rows("licenses", shop.company)
        if lic["order_id"] == answer["id"]
    ]
    assert [row["sk"] for row in rows] == ["order"]
    assert sorted(rows[0]["items"][0]["license_ids"]) == sorted(stored) == sorted(issued)
    assert len(set(issued)) == count

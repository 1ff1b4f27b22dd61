"""Imports and orders of the same license at once: it counts once its owner is certain."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from functions import sweep
from shared.store import dynamo
from shared.store.patience import Patience
from shared.store.signed_http import client
from shared.workflows.pending_orders import roll_back_pending
from tests.functions.import_files import Files, counts
from tests.functions.shop import Shop
from tests.wiretap import Killed, killed_before, tapped

KEYS = ("HELD-0001", "HELD-0002")
HELD = "license__license_key,product__short_code\n" + "".join(f"{key},kp\n" for key in KEYS)
LARGE = [
    {"product_code": "kp", "licenses": [*({"key": key} for key in KEYS), *[{}] * 108]},
    {"product_code": "up", "licenses": [{"users": [{"email": "ana@x.test"}]}]},
]


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "wait", lambda *_: None)


@pytest.fixture
def pending(shop: Shop) -> str:
    """The row of a large order that died before its commit and holds the keys."""
    with tapped("TransactWriteItems", killed_before, nth=4), pytest.raises(Killed):
        shop.order(id="large", items=LARGE)
    plans = [
        item
        for item in dynamo.client().scan(TableName=dynamo.table("ORDERS_TABLE"))["Items"]
        if item["sk"]["S"].startswith("plan#")
    ]
    return str(plans[0]["unsettled"]["S"])


def test_an_abandoned_pending_order_does_not_hold_back_rows_for_its_keys(
    files: Files, shop: Shop, pending: str
) -> None:
    job = files.imported(HELD)

    assert counts(job, "valid", "created_licenses", "existed_licenses") == [2, 2, 0]
    refused = shop.order(id="large", items=LARGE)
    assert (refused.status, refused.json()["code"]) == (409, "license_key_exists")


def test_rows_wait_for_a_pending_order_that_commits(
    files: Files, shop: Shop, pending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(*_: object) -> None:
        assert shop.order(id="large", items=LARGE).status == 200

    monkeypatch.setattr(Patience, "wait", commit)

    job = files.imported(HELD)

    assert counts(job, "valid", "created_licenses", "existed_licenses") == [2, 0, 2]


def test_a_license_that_is_rolled_back_before_it_is_read_is_inserted_again(
    files: Files, shop: Shop, pending: str
) -> None:
    rollback = once(lambda: roll_back_pending("acme", pending))
    client().events.register_first("before-send.dynamodb.BatchGetItem", rollback)

    job = files.imported(HELD)

    assert counts(job, "created_licenses", "existed_licenses") == [2, 0]
    assert {lic["license_key"] for lic in shop.get("/licenses/").json()["results"]} == set(KEYS)
    assert sweep.handler({}, None)["undone"] == 0  # type: ignore[arg-type]  # it reads no context


def once(act: Callable[[], Any]) -> Callable[..., None]:
    """A listener that acts when licenses are read for the first time, after their inserts."""
    done: list[bool] = []

    def heard(request: AWSPreparedRequest, **_: Any) -> None:
        if not done and "licenses" in str(request.body).lower():
            done.append(True)
            act()

    return heard

"""The reads of licenses of orders that were too large for one transaction.

Such a license names the row of its order, and is visible when that row is committed. A process
looks up each order once: a commit is final, and only what is committed is remembered.
"""

from typing import Any

import pytest

from shared.store import licenses
from shared.store.dynamo import client, table
from shared.workflows import order_writes, pending_orders
from tests.functions.shop import Shop
from tests.moto_tables import table_names
from tests.wiretap import Killed, Wiretap, killed_before, tapped

ITEMS = [{"product_code": "kp", "licenses": [{}] * 10}]


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six operations are the most, so that an order of ten licenses is a large one."""
    for module in (order_writes, pending_orders):
        monkeypatch.setattr(module, "OPERATIONS", 6)


def place(shop: Shop, id: str, items: Any = ITEMS) -> list[int]:
    """The ids of the licenses of a new order."""
    return [lic["id"] for lic in shop.order(id=id, items=items).ok()["order_licenses"]]


def looked_up(tap: Wiretap) -> list[int]:
    """The number of order rows in each BatchGetItem that reads only fingerprints."""
    orders = table_names()["ORDERS_TABLE"]
    requests = [body["RequestItems"].get(orders, {}) for body in tap.bodies("BatchGetItem")]
    return [
        len(each["Keys"])
        for each in requests
        if set(each.get("ExpressionAttributeNames", {}).values()) == {"pk", "sk", "fingerprint"}
    ]


def read(shop: Shop, path: str, query: str = "") -> Wiretap:
    with tapped() as tap:
        reply = shop.get(path, query)
    assert reply.status == 200, reply.text
    return tap


def test_a_license_of_a_large_order_costs_one_look_up_of_its_order(shop: Shop) -> None:
    first, second, *_ = place(shop, "large")
    (small,) = place(shop, "small", [{"product_code": "kp", "licenses": [{}]}])
    licenses.forget_committed()

    taps = [read(shop, f"/licenses/{id}/") for id in (first, first, second, small)]

    assert [looked_up(tap) for tap in taps] == [[1], [], [], []]
    assert len(taps[1].calls) == len(taps[2].calls) == len(taps[3].calls)


def test_the_pages_of_a_list_look_up_each_large_order_once(shop: Shop) -> None:
    for name in ("one", "two", "three"):
        place(shop, name)
    licenses.forget_committed()

    taps = [read(shop, "/licenses/", f"limit=10&offset={offset}") for offset in (0, 10, 20, 0)]

    assert sum(sum(looked_up(tap)) for tap in taps) == 3
    assert looked_up(taps[-1]) == []


def test_an_order_that_was_seen_pending_is_visible_as_soon_as_it_commits(shop: Shop) -> None:
    with tapped("TransactWriteItems", killed_before, nth=4), pytest.raises(Killed):
        shop.order(id="large", items=ITEMS)
    written = client().scan(TableName=table("LICENSES_TABLE"))["Items"]
    ids = [int(item["id"]["N"]) for item in written]
    assert ids

    before = [shop.get(f"/licenses/{id}/").status for id in ids]
    place(shop, "large")
    after = [shop.get(f"/licenses/{id}/").status for id in ids]

    assert set(before) == {404}
    assert set(after) == {200}


def test_the_memory_of_committed_orders_is_bounded(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licenses, "MOST_REMEMBERED", 2)
    ids = [place(shop, f"large-{n}")[0] for n in range(5)]
    licenses.forget_committed()

    for id in ids:
        read(shop, f"/licenses/{id}/")

    assert len(licenses._committed) <= 2  # noqa: SLF001


def test_a_committed_order_of_one_company_says_nothing_of_another(
    shop: Shop, other_shop: Shop
) -> None:
    """Both have an order of the same row: ids are the company's own, so it is made up here."""
    place(shop, "large")
    (item, *_) = client().scan(TableName=table("LICENSES_TABLE"))["Items"]
    row = item["unsettled"]["S"]

    assert licenses.committed_rows(shop.company, [row]) == {None, row}
    assert licenses.committed_rows(other_shop.company, [row]) == {None}

"""The DynamoDB requests and write units of an order.

A write in a transaction costs 2 units for each started KB of the record. Besides its records an
order pays 2 units for each product in it: the check, in the same transaction, that the product has
not changed since it was read. Each index that lists a record takes one unit more.
"""

from collections import Counter
from typing import Any

import pytest

from bench.units import item_bytes
from tests.functions.shop import Shop, open_shop
from tests.moto_tables import table_names
from tests.shared.store.test_import_cost import INDEXES
from tests.wiretap import Wiretap, tapped, write_units

CUSTOMER = {"email": "ana@acme.example", "first_name": "Ana", "company_name": "Acme"}
USERS = [{"email": "ana@acme.example", "is_manager": True}, {"email": "ben@acme.example"}]


def order_of(count: int) -> dict[str, Any]:
    items = [{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}] * count}]
    return {"id": "web-1", "customer": CUSTOMER, "metadata": {"po": "4711"}, "items": items}


def placed(shop: Shop, **order: Any) -> Wiretap:
    """The DynamoDB requests of an order with cold caches, including that of the API key."""
    newcomer = open_shop(shop.company)
    with tapped() as tap:
        reply = newcomer.order(**order)
    assert reply.status == 200, reply.text
    return tap


def operations(tap: Wiretap) -> list[str]:
    return [operation for operation, _ in tap.calls]


def written(tap: Wiretap) -> list[dict[str, Any]]:
    (transaction,) = tap.bodies("TransactWriteItems")
    return [part["Put"]["Item"] for part in transaction["TransactItems"] if "Put" in part]


@pytest.mark.parametrize("count", [1, 90])
def test_an_order_takes_four_requests_and_the_first_two_only_find_its_key(
    shop: Shop, count: int
) -> None:
    tap = placed(shop, **order_of(count))

    assert operations(tap) == ["GetItem", "UpdateItem", "BatchGetItem", "TransactWriteItems"]


def test_an_order_whose_key_is_remembered_takes_two_requests(shop: Shop) -> None:
    shop.get("/products/")

    with tapped() as tap:
        shop.order(**order_of(1))

    assert operations(tap) == ["BatchGetItem", "TransactWriteItems"]


@pytest.mark.parametrize("customer", [CUSTOMER, {"company_name": "Nameless"}, None])
@pytest.mark.parametrize("count", [1, 90])
def test_a_replay_reads_twice_and_writes_nothing(
    shop: Shop, count: int, customer: dict[str, str] | None
) -> None:
    order = order_of(count) | {"customer": customer}
    shop.order(**order)

    tap = placed(shop, **order)

    assert operations(tap) == ["GetItem", "UpdateItem", "BatchGetItem", "BatchGetItem"]


@pytest.mark.parametrize("count", [1, 90])
def test_an_order_costs_two_units_for_each_started_kilobyte_and_for_each_product(
    shop: Shop, count: int
) -> None:
    tap = placed(shop, **order_of(count))

    (transaction,) = tap.bodies("TransactWriteItems")
    records = written(tap)
    kinds = Counter(kind for part in transaction["TransactItems"] for kind in part)
    assert len(records) == count + 2, "the licenses, the order's row, the customer"
    assert kinds == {"Put": count + 2, "ConditionCheck": 1}
    kilobytes = sum(-(-item_bytes(record) // 1024) for record in records)
    assert write_units(transaction) == 2 * kilobytes + 2 * 1


def test_an_order_that_reuses_its_customer_counts_itself_there_for_two_units(shop: Shop) -> None:
    shop.order(**order_of(1))

    tap = placed(shop, **order_of(1) | {"id": "web-2"})

    (transaction,) = tap.bodies("TransactWriteItems")
    kinds = Counter(kind for part in transaction["TransactItems"] for kind in part)
    assert kinds == {"Put": 2, "ConditionCheck": 1, "Update": 1}


def test_a_deleted_license_takes_three_reads_and_one_transaction(shop: Shop) -> None:
    order = shop.order(**order_of(1)).json()
    shop.get("/products/")

    with tapped() as tap:
        shop.delete(f"/licenses/{order['order_licenses'][0]['id']}/")

    assert operations(tap)[-4:] == ["BatchGetItem", "Query", "BatchGetItem", "TransactWriteItems"]
    (transaction,) = tap.bodies("TransactWriteItems")
    kinds = Counter(kind for part in transaction["TransactItems"] for kind in part)
    assert kinds == {"Put": 1, "Update": 1}


@pytest.mark.parametrize(("count", "most"), [(1, 12), (90, 195)])
def test_an_order_costs_a_unit_for_each_index_that_lists_it(
    shop: Shop, count: int, most: int
) -> None:
    tap = placed(shop, **order_of(count))

    (transaction,) = tap.bodies("TransactWriteItems")
    listed = [item for item in written(tap) for a, b in INDEXES if a in item and b in item]
    assert len(listed) == 4, "by time, customer and product; and the new customer"
    assert write_units(transaction) + len(listed) <= most


def test_an_order_checks_each_of_its_products_once(shop: Shop) -> None:
    items = [
        {"product_code": "kp", "licenses": [{}, {}]},
        {"product_code": "cp", "licenses": [{}]},
        {"product_code": "kp", "licenses": [{}]},
    ]

    tap = placed(shop, id="web-1", items=items)

    (transaction,) = tap.bodies("TransactWriteItems")
    checks = [part for part in transaction["TransactItems"] if "ConditionCheck" in part]
    assert len(checks) == 2


def test_a_license_with_many_settings_stays_below_a_kilobyte(shop: Shop) -> None:
    licenses = [
        {
            "policy_code": "policy_A",
            "max_activations": 7,
            "is_floating": True,
            "floating_users": 3,
            "start_date": "2026-03-12",
            "enable_maintenance_period": True,
            "maintenance_duration": "1y",
            "product_features": ["f1", {"code": "credits", "max_consumption": 33}],
            "note": "Sold at the fair, by telephone",
            "metadata": {"po": "4711"},
        }
    ]
    items = [
        {"product_code": "kp", "licenses": licenses},
        {"product_code": "up", "licenses": [{"users": USERS}]},
    ]

    tap = placed(shop, id="web-1", customer=CUSTOMER, items=items)

    sizes = [item_bytes(item) for item in written(tap) if "license_type" in item]
    assert len(sizes) == 2
    assert max(sizes) < 1024


def test_an_order_of_ninety_has_a_row_of_a_few_kilobytes(shop: Shop) -> None:
    tap = placed(shop, **order_of(90))

    (row,) = (item for item in written(tap) if "fingerprint" in item)
    assert item_bytes(row) < 4 * 1024


def test_what_an_order_reads_of_the_catalog_does_not_grow_with_it(shop: Shop) -> None:
    before = placed(shop, **order_of(1))
    for n in range(60):
        shop.make("/products/", product_name=f"Product {n}", short_code=f"more-{n}")

    after = placed(shop, **order_of(1) | {"id": "web-2"})

    assert operations(after) == operations(before)
    assert [catalog_keys(tap) for tap in (before, after)] == [1, 1]


def catalog_keys(tap: Wiretap) -> int:
    """The number of catalog items that an order reads."""
    (read,) = tap.bodies("BatchGetItem")
    return len(read["RequestItems"][table_names()["CATALOG_TABLE"]]["Keys"])

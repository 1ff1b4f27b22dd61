"""Orders that imports created or extended are listed and counted once."""

from collections import Counter
from secrets import token_urlsafe
from typing import Any

import orjson
import pytest
from botocore.awsrequest import AWSPreparedRequest

from functions import export_file
from shared.store import bulk, dynamo
from tests.functions.import_files import Files
from tests.functions.shop import Shop
from tests.wiretap import tapped

HEAD = "license__license_key,product__short_code,order__store_id,customer__email\n"


def bring(files: Files, *rows: tuple[str, str, str], name: str = "a.csv") -> None:
    """Import licenses of `kp`: key, order and customer of each."""
    text = "".join(f"{key},kp,{order},{email}\n" for key, order, email in rows)
    job = files.imported(HEAD + text, name=name)
    assert job.state == "succeeded"


def customer_id(shop: Shop, email: str) -> int:
    (customer,) = shop.listed("/customers/", f"email={email}")
    return int(customer["id"])


def test_a_page_of_imported_orders_makes_no_query_for_each(files: Files) -> None:
    bring(files, *((f"K-{n}", f"o-{n // 2}", "ana@x.test") for n in range(60)))
    assert files.shop.get("/api-key/").status == 200, "the function knows the key from here on"

    with tapped() as tap:
        orders = files.shop.listed("/orders/", "limit=100")

    assert [order["licenses_count"] for order in orders] == [2] * 30
    shown = [lic["id"] for order in orders for lic in order["order_items"][0]["licenses"]]
    assert len(set(shown)) == 60
    requests = Counter(name for name, _ in tap.calls)
    assert requests == {"BatchGetItem": 3, "Query": dynamo.SHARDS + 1}


def test_what_imports_and_appends_add_to_an_order_is_counted_and_listed_once(files: Files) -> None:
    shop = files.shop
    items = [{"product_code": "kp", "licenses": [{"key": "API-1"}]}]
    placed = shop.order(id="o-1", items=items, customer={"email": "ana@x.test"}).json()
    bring(files, ("K-1", "o-1", "ana@x.test"), ("K-2", "o-1", "ana@x.test"), name="a.csv")
    bring(files, ("K-2", "o-1", "ana@x.test"), ("K-3", "o-1", "ana@x.test"), name="b.csv")
    more = [{"product_code": "kp", "licenses": [{"key": "API-2"}]}]
    shop.order(id="o-1", append=True, items=more)

    (order,) = shop.listed("/orders/")
    shown = shop.get(f"/orders/{placed['id']}/").json()
    customer = shop.get(f"/customers/{placed['customer']['id']}/").json()

    assert order["licenses_count"] == shown["licenses_count"] == 5
    assert (customer["total_orders"], customer["total_licenses"]) == (1, 5)
    expected = ["API-1", "API-2", "K-1", "K-2", "K-3"]
    assert shop.keys("order_store_id=o-1") == expected
    assert shop.keys("customer_email=ana@x.test") == expected


def test_an_import_that_runs_again_counts_nothing_twice(files: Files) -> None:
    event = files.drop(HEAD + "K-1,kp,o-1,ana@x.test\nK-2,kp,o-1,ana@x.test\n")
    files.run(event)
    job = files.last()
    before = dynamo.client().scan(TableName=dynamo.table("ORDERS_TABLE"))["Items"]

    files.run({"step": "finish", "company": job.company, "number": job.number})
    files.run(event)

    assert dynamo.client().scan(TableName=dynamo.table("ORDERS_TABLE"))["Items"] == before
    assert [order["licenses_count"] for order in files.shop.listed("/orders/")] == [2]


def test_a_transaction_that_extends_large_orders_has_less_than_4_mb(files: Files) -> None:
    """DynamoDB: "The aggregate size of the items in the transaction cannot exceed 4 MB"."""
    for n in range(25):  # the row has the compressed request, so text that does not compress
        licenses = [{"metadata": {"quote": token_urlsafe(12_000)}} for _ in range(15)]
        items = [{"product_code": "kp", "licenses": licenses}]
        assert files.shop.order(id=f"o-{n}", items=items).status == 200
    scan = dynamo.client().get_paginator("scan").paginate(TableName=dynamo.table("ORDERS_TABLE"))
    stored = {str(row["pk"]["S"]): len(row["body"]["B"]) for page in scan for row in page["Items"]}
    transactions = []

    def hear(request: AWSPreparedRequest, **_: Any) -> None:
        sent: Any = request.body
        body = orjson.loads(sent or b"{}")
        updated = [each["Update"] for each in body.get("TransactItems", ()) if "Update" in each]
        transactions.append([stored[each["Key"]["pk"]["S"]] for each in updated])

    bulk.client().events.register_first("before-send.dynamodb.*", hear)
    bring(files, *((f"K-{n}", f"o-{n}", "ana@x.test") for n in range(25)))

    assert len(stored) == sum(map(len, transactions)) == 25
    assert sum(stored.values()) > 4_194_304 > max(map(sum, transactions))
    orders = files.shop.listed("/orders/", "limit=100")
    assert {order["licenses_count"] for order in orders} == {16}


def test_an_order_whose_rows_name_two_customers_is_one_customers_order(files: Files) -> None:
    shop = files.shop
    bring(
        files,
        ("K-1", "o-1", "ana@x.test"),
        ("K-2", "o-1", "bob@x.test"),
        ("K-3", "o-1", "ana@x.test"),
        ("K-4", "o-2", "bob@x.test"),
    )
    ana, bob = (customer_id(shop, f"{name}@x.test") for name in ("ana", "bob"))

    whole = {order["store_id"]: order["licenses_count"] for order in shop.listed("/orders/")}
    of_ana = {
        o["store_id"]: o["licenses_count"] for o in shop.listed("/orders/", f"customer={ana}")
    }

    assert whole == {"o-1": 3, "o-2": 1}
    assert of_ana == {"o-1": 3}
    assert shop.keys(f"customer={ana}") == ["K-1", "K-3"]
    assert shop.keys(f"customer={bob}") == ["K-2", "K-4"]
    assert shop.keys(f"order_store_id=o-1&customer={bob}") == ["K-2"]
    assert shop.keys("order_store_id=o-1") == ["K-1", "K-2", "K-3"]
    totals = shop.get(f"/customers/{ana}/").json()
    assert (totals["total_orders"], totals["total_licenses"]) == (1, 2)


def test_the_order_of_one_row_comes_with_its_one_license(files: Files) -> None:
    bring(files, ("K-1", "", "ana@x.test"))

    (order,) = files.shop.listed("/orders/")
    shown = files.shop.get(f"/orders/{order['id']}/").json()

    assert order["licenses_count"] == shown["licenses_count"] == 1
    assert shown["order_items"][0]["licenses"][0]["license_key"] == "K-1"
    assert files.shop.get(f"/orders/{order['id']}/export/").text.count("\nK-1,") == 1


def test_an_order_gets_the_customer_of_its_first_row_even_if_that_is_written_last(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "0")
    monkeypatch.setenv("IMPORT_CHUNK_BYTES", "40")
    monkeypatch.setenv("IMPORT_STATE_MACHINE", "machine")
    shop, rows = files.shop, [("K-1", "ana"), ("K-2", "bob"), ("K-3", "bob"), ("K-4", "ana")]
    text = "".join(f"{key},kp,o-1,{name}@x.test\n" for key, name in rows)
    files.run(files.drop(HEAD + text))

    files.by_machine(again=True)

    ana, bob = (customer_id(shop, f"{name}@x.test") for name in ("ana", "bob"))
    (order,) = shop.listed("/orders/")
    assert (order["customer"]["id"], order["licenses_count"]) == (ana, 4)
    assert [each["id"] for each in shop.listed("/orders/", f"customer={ana}")] == [order["id"]]
    assert shop.listed("/orders/", f"customer={bob}") == []
    assert shop.keys(f"customer={ana}") == ["K-1", "K-4"]
    assert shop.keys(f"customer={bob}") == ["K-2", "K-3"]
    assert shop.keys("order_store_id=o-1") == ["K-1", "K-2", "K-3", "K-4"]
    assert shop.get(f"/orders/{order['id']}/export/").text.count(",kp,") == 4


def test_an_imported_order_that_grows_stays_where_it_is_in_lists(files: Files) -> None:
    shop = files.shop
    bring(files, *((f"K-{n}", f"o-{n}", "ana@x.test") for n in range(4)))
    first = shop.get("/orders/", "limit=2").json()
    before = [order["id"] for order in shop.listed("/orders/")]

    bring(files, ("K-10", "o-2", "ana@x.test"), ("K-11", "o-9", "ana@x.test"), name="b.csv")
    items = [{"product_code": "kp", "licenses": [{}, {}]}]
    added = shop.order(id="o-3", append=True, items=items).json()
    second = shop.get("/orders/", first["next"].partition("?")[2]).json()

    assert [order["id"] for order in first["results"] + second["results"]] == before
    counts = {order["store_id"]: order["licenses_count"] for order in second["results"]}
    assert (counts, second["count"], second["next"]) == ({"o-2": 2, "o-3": 3}, 4, None)
    orders = shop.listed("/orders/", "order_by=created_at")
    assert [order["store_id"] for order in orders] == ["o-0", "o-1", "o-2", "o-3", "o-9"]
    assert orders[3]["updated_at"] == added["updated_at"] > orders[0]["updated_at"]
    customer = shop.get(f"/customers/{customer_id(shop, 'ana@x.test')}/").json()
    assert (customer["total_orders"], customer["total_licenses"]) == (5, 8)


def test_an_export_of_days_goes_on_within_an_imported_order(files: Files) -> None:
    shop = files.shop
    bring(files, *((f"K-{n}", f"o-{n // 3}", "ana@x.test") for n in range(9)))
    shop.order(id="o-1", append=True, items=[{"product_code": "kp", "licenses": [{"key": "A"}]}])
    files.patch.setattr(export_file, "MOST_EXPORTED", 2)
    assert shop.get("/orders/export/", "range=last30").json()["code"] == "export_too_large"

    parts, query = [], "range=last30&parts=true"
    while query:
        reply = shop.get("/orders/export/", query)
        assert reply.status == 200, reply.text
        parts.append([line.partition(",")[0] for line in reply.text.splitlines()[1:]])
        cursor = reply.headers.get("x-next-cursor")
        query = f"range=last30&parts=true&cursor={cursor}" if cursor else ""

    assert [len(part) for part in parts] == [2] * 5
    exported = [key for part in parts for key in part]
    assert exported == ["K-0", "K-1", "K-2", "K-3", "K-4", "K-5", "A", "K-6", "K-7", "K-8"]

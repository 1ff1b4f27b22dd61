"""List and show orders, licenses and customers; enable and disable licenses."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.store import dynamo
from shared.store.dynamo import client, table
from tests.functions.shop import Shop
from tests.wiretap import tapped

ITEMS = [{"product_code": "kp", "licenses": [{}]}]


def placed(shop: Shop, id: str, **order: Any) -> Any:
    return shop.order(**{"id": id, "items": ITEMS, **order}).ok()


def found(shop: Shop, path: str, query: str) -> Any:
    return shop.get(path, query).ok()["results"]


def store_ids(orders: Any) -> list[str]:
    return [order["store_id"] for order in orders]


@pytest.fixture
def sold(shop: Shop) -> Shop:
    """Three orders of two customers, an old and two new ones."""
    ana, bob = {"email": "ana@x.test"}, {"email": "bob@x.test"}
    placed(shop, "o-1", customer=ana, created="2020-01-01")
    items = [{"product_code": "kp", "licenses": [{"key": "K-1"}, {"key": "K-2"}]}]
    placed(shop, "o-2", customer=bob, created="2021-01-01", items=items)
    items = [{"product_code": "cp", "licenses": [{"key": "K-3"}]}, *ITEMS]
    placed(shop, "o-3", customer=ana, created="2022-01-01", items=items)
    return shop


def test_an_order_of_an_early_year_is_listed_last(sold: Shop) -> None:
    placed(sold, "o-0", customer={"email": "cy@x.test"}, created="0999-12-31")

    assert store_ids(found(sold, "/orders/", "")) == ["o-3", "o-2", "o-1", "o-0"]


def test_orders_are_listed_newest_first(sold: Shop) -> None:
    page = sold.get("/orders/").json()

    assert store_ids(page["results"]) == ["o-3", "o-2", "o-1"]
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)


def test_a_listed_order_names_its_licenses_by_id(sold: Shop) -> None:
    listed = sold.get("/orders/", "store_id=o-2").json()["results"][0]

    whole = sold.get(f"/orders/{listed['id']}/").json()
    ids = [[lic["id"] for lic in o["order_items"][0]["licenses"]] for o in (listed, whole)]
    assert ids[0] == ids[1]
    assert listed["customer_email"] == "bob@x.test"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("store_id=o-2", ["o-2"]),
        ("client_order_id=o-2", ["o-2"]),
        ("store_id=o", []),
        ("store_id=", ["o-3", "o-2", "o-1"]),
        ("store_id=%20", []),
        ("customer_email=ana@x.test", ["o-3", "o-1"]),
        ("customer_email=ANA@x.test&limit=1", ["o-3"]),
        ("customer_email=nobody@x.test", []),
        ("created_at__gte=2021-01-01", ["o-3", "o-2"]),
        ("created_at__lt=2021-01-01", ["o-1"]),
        ("created_at__gte=2020-06-01&created_at__lt=2021-06-01", ["o-2"]),
        ("customer_email=ana@x.test&created_at__lt=2021-06-01", ["o-1"]),
        ("store_id=o-2&customer_email=ana@x.test", []),
        ("store_id=o-2&customer_email=bob@x.test", ["o-2"]),
        ("store_id=o-2&client_order_id=o-2", ["o-2"]),
        ("store_id=o-2&created_at__gte=2022-01-01", []),
        ("order_by=-created_at", ["o-3", "o-2", "o-1"]),
    ],
)
def test_orders_are_listed_by_their_filters(sold: Shop, query: str, ids: list[str]) -> None:
    assert store_ids(found(sold, "/orders/", query)) == ids


def test_orders_are_listed_by_the_id_of_their_customer(sold: Shop) -> None:
    ana, bob = (found(sold, "/customers/", f"email={name}@x.test")[0] for name in ("ana", "bob"))

    assert store_ids(found(sold, "/orders/", f"customer={ana['id']}")) == ["o-3", "o-1"]
    assert found(sold, "/orders/", f"customer={ana['id']}&customer_email={bob['email']}") == []


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("license_key=K-1", {"K-1"}),
        ("license_key=%20K-1", {"K-1"}),
        ("license_key=k-1", set()),
        ("order_store_id=o-2", {"K-1", "K-2"}),
        ("order_store_id=&license_key=K-1", {"K-1"}),
        ("order_store_id=o-2&license_key=K-2", {"K-2"}),
        ("order_store_id=o-3&license_key=K-2", set()),
        ("product=cp", {"K-3"}),
        ("product=nope", set()),
        ("product=kp&license_key=K-3", set()),
        ("customer_email=bob@x.test", {"K-1", "K-2"}),
        ("customer_email=bob@x.test&product=cp", set()),
        ("customer_email=ana@x.test&product=cp", {"K-3"}),
        ("customer_email=ana@x.test&license_key=K-1", set()),
        ("customer_email=nobody@x.test", set()),
    ],
)
def test_licenses_are_listed_by_their_filters(sold: Shop, query: str, keys: set[str]) -> None:
    assert {lic["license_key"] for lic in found(sold, "/licenses/", query)} == keys


@pytest.mark.parametrize("sent", ["\u200bé-1", " e\u0301-1 ", "é-1\ufeff"])
def test_an_order_is_found_in_whatever_form_its_id_is_typed(shop: Shop, sent: str) -> None:
    shop.order(id="é-1", items=[{"product_code": "kp", "licenses": [{}]}])

    for path, name in (
        ("/orders/", "store_id"),
        ("/orders/", "client_order_id"),
        ("/licenses/", "order_store_id"),
    ):
        assert shop.get(path, f"{name}={quote(sent)}").json()["count"] == 1


def test_licenses_are_listed_by_the_ids_of_what_they_belong_to(sold: Shop) -> None:
    (license,) = found(sold, "/licenses/", "license_key=K-3")
    order, product, customer = (license[n] for n in ("order", "product", "customer"))

    by_order = found(sold, "/licenses/", f"order={order}")
    by_product = found(sold, "/licenses/", f"product={product['id']}")
    by_all = found(sold, "/licenses/", f"order={order}&customer={customer['id']}&product=cp")

    assert len(by_order) == 2
    assert by_product == by_all == [license]
    assert found(sold, "/licenses/", f"order={order}&order_store_id=o-1") == []


def test_the_products_of_a_customer_are_read_for_so_many_orders_per_page(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.web.paging.FARTHEST", 3)
    for code in ("cp", "kp", "kp", "kp"):
        ordered = shop.order(
            items=[{"product_code": code, "licenses": [{}]}], customer={"email": "ana@x.test"}
        )
        assert ordered.status == 200
    query = "customer_email=ana@x.test&product=cp"

    page = shop.get("/licenses/", query).json()
    rest = shop.get("/licenses/", f"{query}&cursor={page['cursor']}").json()

    assert (page["results"], page["count"]) == ([], 0)
    assert [each["product"]["short_code"] for each in rest["results"]] == ["cp"]
    assert rest["next"] is None


@pytest.mark.parametrize("product", ["²", "٣", "1" * 100])
def test_a_product_that_is_hardly_a_number_is_no_product(sold: Shop, product: str) -> None:
    assert found(sold, "/licenses/", f"product={quote(product)}") == []


def test_a_license_is_shown_as_it_is_listed(sold: Shop) -> None:
    (license,) = found(sold, "/licenses/", "license_key=K-3")

    assert sold.get(f"/licenses/{license['id']}/").json() == license


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("/orders/", ["store_id", "customer", "customer_email", "created_at__gte"]),
        ("/licenses/", ["license_key", "order", "order_store_id", "customer_email", "product"]),
        ("/customers/", ["email"]),
    ],
)
def test_a_filter_that_is_not_served_is_refused_with_those_that_are(
    shop: Shop, path: str, served: list[str]
) -> None:
    reply = shop.get(path, "status__iexact=Active")

    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["field"]) == (400, "status__iexact")
    assert all(name in reply.json()["message"] for name in [*served, "limit", "offset", "cursor"])


@pytest.mark.parametrize("path", ["/orders/", "/licenses/", "/customers/"])
@pytest.mark.parametrize("query", ["limit=0", "offset=-1", "limit=x", "order_by=email"])
def test_a_page_that_can_not_be_is_refused_by_name(shop: Shop, path: str, query: str) -> None:
    problem = shop.get(path, query).refused()

    assert [fault["field"] for fault in problem["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize("path", ["/orders/", "/licenses/", "/customers/"])
def test_going_too_far_by_offset_is_refused_with_the_cursor_named(shop: Shop, path: str) -> None:
    problem = shop.get(path, "offset=10001").refused()

    assert "cursor" in problem["message"]
    assert shop.get(path, "offset=10000").status == 200


@pytest.mark.parametrize("path", ["/orders/", "/licenses/", "/customers/"])
@pytest.mark.parametrize("by", ["next", "cursor"])
def test_pages_lead_through_every_record_once(shop: Shop, path: str, by: str) -> None:
    for n in range(7):
        placed(shop, f"o-{n}", customer={"email": f"c{n}@x.test"})

    ids, query, sizes = [], "limit=3", []
    while query:
        page = shop.get(path, query).json()
        sizes.append(len(page["results"]))
        ids += [record["id"] for record in page["results"]]
        assert page["count"] == 7
        onward = f"limit=3&cursor={quote(page['cursor'])}" if page["cursor"] else ""
        query = (page["next"] or "").partition("?")[2] if by == "next" else onward

    assert sizes == [3, 3, 1]
    assert len(set(ids)) == 7
    assert ids == [record["id"] for record in shop.get(path).json()["results"]]


@pytest.mark.parametrize("query", ["customer_email=c@x.test", "order_store_id=o-1", "product=kp"])
@pytest.mark.parametrize("by", ["next", "cursor"])
def test_pages_of_a_filtered_list_lead_through_it_once(shop: Shop, query: str, by: str) -> None:
    items = [{"product_code": "kp", "licenses": [{}] * 5}]
    placed(shop, "o-1", customer={"email": "c@x.test"}, items=items)
    shop.order_one("cp")

    ids: list[int] = []
    onward = f"{query}&limit=2"
    while onward:
        page = shop.get("/licenses/", onward).json()
        ids += [record["id"] for record in page["results"]]
        cursor = f"{query}&limit=2&cursor={page['cursor']}" if page["cursor"] else ""
        onward = (page["next"] or "").partition("?")[2] if by == "next" else cursor

    assert len(ids) == len(set(ids)) == 5


def test_a_page_says_where_the_others_are(sold: Shop) -> None:
    page = sold.get("/orders/", "limit=1&offset=1").json()

    assert store_ids(page["results"]) == ["o-2"]
    assert page["previous"] == "https://api.test/api/v1/orders/?limit=1&offset=0"
    assert (
        page["next"] == f"https://api.test/api/v1/orders/?limit=1&offset=2&cursor={page['cursor']}"
    )


def test_without_a_limit_a_page_has_twenty(shop: Shop) -> None:
    shop.order(items=[{"product_code": "kp", "licenses": [{}] * 21}])

    page = shop.get("/licenses/").json()

    assert (len(page["results"]), page["count"]) == (20, 21)


def test_a_license_is_disabled_and_enabled_again(shop: Shop) -> None:
    id = shop.order_one()["id"]

    disabled = shop.post(f"/licenses/{id}/disable/").json()
    shown = shop.get(f"/licenses/{id}/").json()
    enabled = shop.post(f"/licenses/{id}/enable/").json()

    assert (disabled["enabled"], disabled["status"]) == (False, "Disabled")
    assert shown == disabled
    assert disabled["time_disabled"] is not None
    assert (enabled["enabled"], enabled["status"]) == (True, "Inactive")
    assert enabled["time_disabled"] is None


def test_disabling_again_changes_nothing_more(shop: Shop) -> None:
    id = shop.order_one()["id"]

    first, second = (shop.post(f"/licenses/{id}/disable/").json() for _ in range(2))

    assert second == first


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/orders/1000000000000001/"),
        ("GET", "/orders/1000000000000001/export/"),
        ("GET", "/licenses/1000000000000001/"),
        ("POST", "/licenses/1000000000000001/enable/"),
        ("POST", "/licenses/1000000000000001/disable/"),
        ("GET", "/customers/1000000000000001/"),
        ("PATCH", "/customers/1000000000000001/"),
        ("GET", "/orders/one/"),
        ("GET", "/licenses/12345678901234567890/"),
    ],
)
def test_an_unknown_id_is_not_found(shop: Shop, method: str, path: str) -> None:
    reply = shop.send(method, path, body={} if method == "PATCH" else None)

    problem = reply.json()
    assert (reply.status, problem["status"]) == (404, 404)
    assert problem["detail"] == problem["message"]


def test_a_filter_of_the_wrong_kind_is_refused_by_name(shop: Shop) -> None:
    reply = shop.get("/orders/", "customer=x&created_at__gte=soon&order_by=id")

    fields = {fault["field"] for fault in reply.json()["errors"]}
    assert fields == {"customer", "created_at__gte", "order_by"}


def test_an_email_that_is_none_is_refused_in_a_query(shop: Shop) -> None:
    reply = shop.get("/customers/", "email=nobody")

    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["field"], fault["value"]) == (400, "email", "nobody")


@pytest.mark.parametrize("path", ["/orders/", "/licenses/", "/customers/", "/products/"])
@pytest.mark.parametrize(
    "cursor", ["nonsense", "W10", "%C3%A9", "WyIxIiwwLCJ4Il0", "x" * 2000, "5"]
)
def test_a_cursor_that_no_page_gave_is_refused(shop: Shop, path: str, cursor: str) -> None:
    refuses_cursor(shop, path, f"cursor={cursor}")


def refuses_cursor(shop: Shop, path: str, query: str) -> None:
    reply = shop.get(path, query)

    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["field"]) == (400, "cursor")
    assert "is not a cursor of this list" in fault["message"]


@pytest.mark.parametrize(
    ("path", "query", "others"),
    [
        (
            "/orders/",
            "",
            [
                "customer_email=ana@x.test",
                "created_at__gte=2021-06-01",
                "created_at__lt=2020-01-01",
            ],
        ),
        ("/orders/", "created_at__lt=2023-01-01", ["", "created_at__lt=2021-01-01"]),
        ("/licenses/", "product=kp", ["product=cp", "", "order_store_id=o-2"]),
        ("/licenses/", "order_store_id=o-2", ["order_store_id=o-3", "product=kp", "license_key=K"]),
        ("/licenses/", "customer_email=ana@x.test", ["customer_email=bob@x.test", "product=kp"]),
        ("/products/", "is_bundle=false", ["is_bundle=true", ""]),
    ],
)
def test_a_cursor_of_another_query_is_refused(
    sold: Shop, path: str, query: str, others: list[str]
) -> None:
    cursor = sold.get(path, f"{query}&limit=1").json()["cursor"]
    assert cursor, "there is a second page"

    for other in others:
        refuses_cursor(sold, path, f"{other}&limit=1&cursor={cursor}")
    for elsewhere in {"/orders/", "/licenses/", "/customers/", "/products/"} - {path}:
        refuses_cursor(sold, elsewhere, f"cursor={cursor}")
    assert sold.get(path, f"{query}&limit=2&cursor={cursor}").status == 200


def test_a_cursor_of_another_company_is_refused(sold: Shop, other_shop: Shop) -> None:
    cursor = sold.get("/orders/", "limit=1").json()["cursor"]

    refuses_cursor(other_shop, "/orders/", f"cursor={cursor}")


def test_a_list_continues_after_a_license_that_was_deleted(sold: Shop) -> None:
    whole = [lic["id"] for lic in found(sold, "/licenses/", "")]
    first = sold.get("/licenses/", "limit=2").json()

    client().delete_item(
        TableName=table("LICENSES_TABLE"), Key={"pk": {"S": f"acme#{first['results'][1]['id']}"}}
    )

    rest = found(sold, "/licenses/", f"cursor={first['cursor']}")
    assert [lic["id"] for lic in first["results"] + rest] == whole


@pytest.mark.parametrize("path", ["/orders/", "/licenses/", "/customers/", "/licenses/?product=kp"])
def test_a_page_by_cursor_does_not_count_again(shop: Shop, path: str) -> None:
    path, _, query = path.partition("?")
    for n in range(6):
        placed(shop, f"o-{n}", customer={"email": f"c{n}@x.test"})
    first = shop.get(path, f"{query}&limit=2").json()

    with tapped() as tap:
        second = shop.get(path, f"{query}&limit=2&cursor={first['cursor']}").json()

    assert (first["count"], second["count"]) == (6, 6)
    assert {body["Limit"] for body in tap.bodies("Query")} == {101}


def test_days_in_the_wrong_order_are_refused_at_their_field(sold: Shop) -> None:
    reply = sold.get("/orders/", "created_at__gte=2022-01-01&created_at__lt=2021-01-01")

    problem = reply.json()
    (fault,) = problem["errors"]
    assert (reply.status, problem["code"]) == (400, "invalid_range")
    assert fault["field"] == "created_at__gte"
    assert "must not be after created_at__lt" in fault["message"]
    assert found(sold, "/orders/", "created_at__gte=2022-01-01&created_at__lt=2022-01-01") == []


def test_an_order_that_grew_says_so_in_lists_without_being_read(sold: Shop) -> None:
    placed(sold, "o-2", append=True, items=[{"product_code": "kp", "licenses": [{}] * 3}])

    with tapped() as tap:
        orders = found(sold, "/orders/", "")

    counts = {order["store_id"]: order["licenses_count"] for order in orders}
    assert counts == {"o-1": 1, "o-2": 5, "o-3": 2}
    queried = [body["IndexName"] for body in tap.bodies("Query")]
    assert queried == ["by_created"] * (dynamo.SHARDS + 1)
    shown = sold.get(f"/orders/{orders[1]['id']}/").json()
    assert (shown["licenses_count"], shown["updated_at"]) == (5, orders[1]["updated_at"])


def test_licenses_of_a_bundle_are_distinguished_by_product(shop: Shop) -> None:
    members = [
        {"product_code": "p1", "policy_code": "std"},
        {"product_code": "p2", "policy_code": "std"},
    ]
    items = [{"product_code": "bnd", "licenses": members}]
    placed(shop, "b-1", is_bundle=True, items=items, customer={"email": "ana@x.test"})

    for narrow in ("order_store_id=b-1", "customer_email=ana@x.test"):
        for product in ("bnd", "p1", "p2"):
            licenses = found(shop, "/licenses/", f"{narrow}&product={product}")
            assert [lic["product"]["short_code"] for lic in licenses] == [product]
        assert found(shop, "/licenses/", f"{narrow}&product=kp") == []
        assert len(found(shop, "/licenses/", narrow)) == 3

"""Lists take LicenseSpring's filters, limits and order."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.functions.import_files import Files
from tests.functions.shop import Shop
from tests.wiretap import tapped

RESULTS = ("licenses-import-results", "customers-import-results", "license-features-import-results")
LISTS = ("orders", "licenses", "customers", "products", "license-templates", "product-features")


def listed(shop: Shop, path: str, query: str) -> list[Any]:
    results: list[Any] = shop.get(f"/{path}/", query).ok()["results"]
    return results


def keys(shop: Shop, query: str) -> list[str]:
    return [lic["license_key"] for lic in listed(shop, "licenses", query)]


def pages(shop: Shop, path: str, query: str) -> Iterator[Any]:
    """The records of a list, page by page, by following `next`."""
    while query:
        page = shop.get(f"/{path}/", query).json()
        yield from page["results"]
        query = (page["next"] or "").partition("?")[2]


@pytest.fixture
def sold(shop: Shop) -> Shop:
    """Three orders of two customers, one after another."""
    for n, (product, email) in enumerate([("kp", "ana"), ("cp", "bob"), ("kp", "ana")], start=1):
        customer = {"email": f"{email}@x.test", "reference": f"crm-{email}"}
        shop.order_one(product, {"key": f"K-{n}"}, id=f"o-{n}", customer=customer)
    return shop


@pytest.mark.parametrize(
    ("ours", "published", "found"),
    [
        ("customer", "customer_id", ["K-3", "K-1"]),
        ("product", "product_id", ["K-2"]),
        ("order_store_id", "order__store_id", ["K-2"]),
    ],
)
def test_licenses_are_found_by_the_published_names(
    sold: Shop, ours: str, published: str, found: list[str]
) -> None:
    (first,) = listed(sold, "licenses", "license_key=K-1")
    (second,) = listed(sold, "licenses", "license_key=K-2")
    value = {
        "customer": first["customer"]["id"],
        "product": second["product"]["id"],
        "order_store_id": "o-2",
    }[ours]

    assert keys(sold, f"{published}={value}") == found
    assert keys(sold, f"{ours}={value}&{published}={value}") == found


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("licenses", "customer=1&customer_id=2", "customer_id"),
        ("licenses", "product=kp&product_id=2", "product_id"),
        ("licenses", "product=nope&product_id=2", "product_id"),
        ("licenses", "order_store_id=a&order__store_id=b", "order__store_id"),
        ("orders", "customer=1&customer_id=2", "customer_id"),
        ("orders", "store_id=a&client_order_id=b", "client_order_id"),
        ("customers", "reference=a&reference__exact=b", "reference__exact"),
    ],
)
def test_two_names_with_two_values_are_a_conflict(
    shop: Shop, path: str, query: str, field: str
) -> None:
    reply = shop.get(f"/{path}/", query)

    assert (reply.status, reply.json()["code"]) == (400, "alias_conflict")
    assert [fault["field"] for fault in reply.json()["errors"]] == [field]


@pytest.mark.parametrize("path", [*RESULTS, "imports"])
def test_two_states_of_imports_are_a_conflict(shop: Shop, path: str) -> None:
    query = "status__iexact=success&status_iexact=error"

    reply = shop.get(f"/{path}/", query)

    assert (reply.status, reply.json()["code"]) == (400, "alias_conflict")


def test_a_product_is_the_same_by_code_and_by_id(sold: Shop) -> None:
    (lic,) = listed(sold, "licenses", "license_key=K-2")

    assert keys(sold, f"product=cp&product_id={lic['product']['id']}") == ["K-2"]


def test_licenses_are_found_by_their_ids(sold: Shop) -> None:
    ids = [lic["id"] for lic in listed(sold, "licenses", "")]

    assert keys(sold, f"id__in={ids[2]},{ids[0]}") == ["K-3", "K-1"]
    assert keys(sold, f"id__in={ids[2]},%20{ids[0]},1&order_by=created_at") == ["K-1", "K-3"]
    assert keys(sold, f"id__in={ids[2]},{ids[1]}&product=cp") == ["K-2"]
    assert keys(sold, f"id__in={ids[2]}&license_key=K-3") == []
    assert keys(sold, "id__in=") == ["K-3", "K-2", "K-1"]


@pytest.mark.parametrize("ids", ["x", "1,,2", "1;2", ",".join(map(str, range(101))), "1" * 17])
def test_what_is_no_list_of_ids_is_refused(shop: Shop, ids: str) -> None:
    problem = shop.get("/licenses/", f"id__in={ids}").refused()

    assert [fault["field"] for fault in problem["errors"]] == ["id__in"]


def test_orders_are_found_by_the_published_name_of_their_customer(sold: Shop) -> None:
    (ana,) = listed(sold, "customers", "email=ana@x.test")

    orders = listed(sold, "orders", f"customer_id={ana['id']}")
    assert [order["store_id"] for order in orders] == ["o-3", "o-1"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["101", "1000", "5854", "9" * 30])
def test_a_limit_above_100_is_served_as_100(shop: Shop, path: str, limit: str) -> None:
    reply = shop.get(f"/{path}/", f"limit={limit}")

    assert (reply.status, reply.json()["limit"]) == (200, 100)


def test_a_page_after_a_limit_above_100_has_100(shop: Shop) -> None:
    items = [{"product_code": "kp", "licenses": [{}] * 101}]
    assert shop.order(items=items).status == 200

    page = shop.get("/licenses/", "limit=1000").json()

    assert (len(page["results"]), page["limit"]) == (100, 100)
    assert "limit=100&" in page["next"]
    assert len(list(pages(shop, "licenses", "limit=1000"))) == 101


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_in_either_order(sold: Shop, path: str) -> None:
    newest = [each["id"] for each in pages(sold, path, "order_by=-created_at&limit=2")]
    oldest = [each["id"] for each in pages(sold, path, "order_by=created_at&limit=2")]

    assert len(newest) >= 2
    assert newest == oldest[::-1]
    times = [each["created_at"] for each in pages(sold, path, "order_by=created_at")]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "query", ["customer_email=ana@x.test", "product=kp", "created_at__gte=2020-01-01"]
)
def test_a_filtered_list_is_in_either_order(sold: Shop, query: str) -> None:
    path = "orders" if "created" in query else "licenses"
    newest = [each["id"] for each in pages(sold, path, f"{query}&limit=1")]
    oldest = [each["id"] for each in pages(sold, path, f"{query}&order_by=created_at&limit=1")]

    assert len(newest) >= 2
    assert newest == oldest[::-1]


def test_an_appended_order_is_listed_once_oldest_first(sold: Shop) -> None:
    items = [{"product_code": "kp", "licenses": [{}]}]
    assert sold.order(id="o-1", append=True, items=items).status == 200

    orders = list(pages(sold, "orders", "order_by=created_at&limit=1"))
    assert [order["store_id"] for order in orders] == ["o-1", "o-2", "o-3"]
    assert orders[0]["licenses_count"] == 2


@pytest.mark.parametrize("name", ["reference", "reference__exact"])
def test_a_customer_is_found_by_reference_however_it_was_written(shop: Shop, name: str) -> None:
    shop.make("/customers/", email="a@x.test", reference="r-1")
    shop.order_one(customer={"email": "b@x.test", "reference": "r-1"})
    changed = shop.make("/customers/", email="c@x.test", reference="other")
    shop.patch(f"/customers/{changed['id']}/", {"reference": "r-1"})
    shop.make("/customers/", email="d@x.test", reference="R-1")

    emails = [each["email"] for each in listed(shop, "customers", f"{name}=r-1")]
    oldest = [
        each["email"]
        for each in pages(shop, "customers", f"{name}=r-1&order_by=created_at&limit=1")
    ]

    assert emails == ["c@x.test", "b@x.test", "a@x.test"]
    assert oldest == emails[::-1]
    assert listed(shop, "customers", f"{name}=r-1&email=d@x.test") == []
    assert len(listed(shop, "customers", f"{name}=r-1&email=a@x.test")) == 1


def test_a_customer_is_not_found_by_a_reference_that_it_had(shop: Shop) -> None:
    customer = shop.make("/customers/", email="a@x.test", reference="old")
    shop.patch(f"/customers/{customer['id']}/", {"reference": "new"})

    page = shop.get("/customers/", "reference=old").json()

    assert (page["results"], page["count"]) == ([], 0)
    shop.patch(f"/customers/{customer['id']}/", {"reference": "old"})
    assert len(listed(shop, "customers", "reference=old")) == 1


def test_a_reference_of_another_company_finds_nothing(shop: Shop, other_shop: Shop) -> None:
    other_shop.make("/customers/", email="a@x.test", reference=quote("r-1"))

    assert listed(shop, "customers", "reference=r-1") == []


def test_customers_of_one_reference_are_compared_100_per_read(shop: Shop) -> None:
    shop.make("/customers/", email="a@x.test", reference="r-1")
    shop.get("/api-key/")

    with tapped() as tap:
        shop.get("/customers/", "reference=r-1")

    assert [name for name, _ in tap.calls] == ["Query", "BatchGetItem", "BatchGetItem"]


def test_an_imported_customer_is_found_by_reference(files: Files) -> None:
    files.imported("email,reference\na@x.test,r-1\nb@x.test,r-1\n,r-1\nc@x.test,\n", "customers")
    header = "license__license_key,product__short_code,customer__email,customer__reference\n"
    files.imported(f"{header}K-1,kp,d@x.test,r-1\nK-2,kp,a@x.test,other\n", name="b.csv")

    found = listed(files.shop, "customers", "reference=r-1&order_by=created_at")

    assert {each["email"] for each in found} == {"a@x.test", "b@x.test", None, "d@x.test"}
    assert listed(files.shop, "customers", "reference=other") == []


def test_the_pointer_of_a_customer_is_written_before_it(files: Files) -> None:
    files.imported("email,reference\na@x.test,r-1\n", "customers")

    first, second = files.inserts.batches
    assert "acme#ref#" in json.dumps(first)
    assert "a@x.test" in json.dumps(second)


@pytest.mark.parametrize("path", [*RESULTS, "imports"])
def test_imports_are_listed_in_either_order(files: Files, path: str) -> None:
    for n in range(3):
        files.imported("email\na@x.test\n", "customers", f"{n}.csv")

    def numbers(query: str) -> list[int]:
        found: list[int] = []
        while query:
            reply = files.shop.get(f"/{path}/", query)
            found += [each["id"] for each in reply.json()["results"]]
            query = (reply.json()["next"] or "").partition("?")[2]
        return found

    newest, oldest = numbers("order_by=-created_at&limit=2"), numbers("order_by=created_at&limit=2")
    assert newest == oldest[::-1] == sorted(newest, reverse=True)
    assert len(newest) == (3 if path in ("imports", "customers-import-results") else 0)

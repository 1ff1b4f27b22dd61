"""Two companies with equal names for everything are isolated."""

from typing import Any

import pytest

from tests.functions.shop import Shop

ORDER: dict[str, Any] = {
    "id": "o-1",
    "customer": {"email": "c@x.test", "first_name": "Ana"},
    "items": [
        {"product_code": "kp", "licenses": [{"key": "K-1"}]},
        {"product_code": "up", "licenses": [{"users": [{"email": "u@x.test"}]}]},
    ],
}
LISTS = ["/products/", "/license-templates/", "/product-features/"]
RECORDS = ["/orders/", "/licenses/", "/customers/"]


def everything(shop: Shop) -> dict[str, Any]:
    """All that a company can list."""
    return {path: shop.get(path, "limit=100").json()["results"] for path in LISTS + RECORDS}


def test_the_same_order_in_two_companies_is_two_orders(shop: Shop, other_shop: Shop) -> None:
    ours, theirs = shop.order(**ORDER), other_shop.order(**ORDER)

    assert (ours.status, theirs.status) == (200, 200)
    assert "idempotent-replayed" not in theirs.headers
    assert [new["email"] for new in theirs.json()["new_passwords"]] == ["u@x.test"]
    assert ours.json()["company"] != theirs.json()["company"]


@pytest.mark.parametrize("path", LISTS + RECORDS)
def test_no_id_is_in_two_companies(shop: Shop, other_shop: Shop, path: str) -> None:
    shop.order(**ORDER)
    other_shop.order(**ORDER)

    ours, theirs = ({record["id"] for record in everything(s)[path]} for s in (shop, other_shop))

    assert ours
    assert theirs
    assert not ours & theirs


def test_an_order_of_one_company_changes_nothing_in_another(shop: Shop, other_shop: Shop) -> None:
    shop.order(**ORDER)
    before = everything(shop)

    other_shop.order(**{**ORDER, "customer": {"email": "c@x.test", "first_name": "Bob"}})
    other_shop.order(id="o-1", append=True, items=[{"product_code": "kp", "licenses": [{}]}])

    assert everything(shop) == before


@pytest.mark.parametrize("path", RECORDS)
def test_a_list_shows_nothing_of_another_company(shop: Shop, other_shop: Shop, path: str) -> None:
    shop.order(**ORDER)

    page = other_shop.get(path).json()

    assert (page["count"], page["results"]) == (0, [])


@pytest.mark.parametrize("path", ["/license-templates/", "/product-features/"])
def test_nothing_is_added_to_a_product_of_another_company(
    shop: Shop, other_shop: Shop, path: str
) -> None:
    id = shop.get("/products/").json()["results"][0]["id"]
    before = everything(shop)

    reply = other_shop.post(path, {"product": id, "code": "n", "name": "N"})

    assert (reply.status, reply.json()["code"]) == (400, "unknown_product")
    assert everything(shop) == before


def test_a_product_that_only_another_company_has_is_unknown(shop: Shop, other_shop: Shop) -> None:
    shop.make("/products/", product_name="Own", short_code="own", default_license_type="perpetual")

    ordered = other_shop.refused("own")
    bundled = other_shop.post(
        "/products/",
        {
            "product_name": "B",
            "short_code": "b",
            "is_bundle": True,
            "bundle_products": ["own", "kp"],
        },
    )

    assert ordered["code"] == "unknown_product"
    assert bundled.json()["code"] == "invalid_bundle"


def test_an_idempotency_key_is_each_company_s_own(shop: Shop, other_shop: Shop) -> None:
    body = {"items": [{"product_code": "kp", "licenses": [{}]}]}
    headers = {"Idempotency-Key": "k"}

    ours = shop.post("/orders/create_order/", body, headers=headers)
    theirs = other_shop.post("/orders/create_order/", body, headers=headers)

    assert "idempotent-replayed" not in theirs.headers
    assert ours.json()["license_keys"] != theirs.json()["license_keys"]
    assert ours.json()["store_id"] != theirs.json()["store_id"]

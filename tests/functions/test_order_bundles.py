"""Orders for bundles, in both of the forms that are accepted. Published: create order, bundles."""

from typing import Any

from tests.functions.shop import Shop
from tests.http_event import Reply

MEMBERS = [
    {"product_code": "p1", "policy_code": "std"},
    {"product_code": "p2", "license_template_code": "pro"},
]
FLAT = {"licenses": MEMBERS}
NESTED = {"licenses": [{"products": MEMBERS}]}


def order_bundle(shop: Shop, item: dict[str, Any], **order: Any) -> Reply:
    return shop.order(is_bundle=True, items=[{"product_code": "bnd", **item}], **order)


def licenses_of(reply: Reply) -> Any:
    assert reply.status == 200, reply.text
    return reply.json()["order_items"][0]["licenses"]


def test_the_key_of_a_bundle_leads_to_all_of_its_licenses(shop: Shop) -> None:
    ids = [lic["id"] for lic in licenses_of(order_bundle(shop, {"key": "K-1", **FLAT}))]

    found = shop.get("/licenses/", "license_key=K-1").json()["results"]

    assert sorted(lic["id"] for lic in found) == sorted(ids)


def test_a_key_that_a_bundle_has_is_taken(shop: Shop) -> None:
    licenses_of(order_bundle(shop, {"key": "K-1", **FLAT}))

    reply = shop.order(items=[{"product_code": "p1", "licenses": [{"key": "K-1"}]}])

    assert (reply.status, reply.json()["code"]) == (409, "license_key_exists")


def test_a_bundle_order_is_repeatable(shop: Shop) -> None:
    first = order_bundle(shop, NESTED, id="o-1")
    second = order_bundle(shop, NESTED, id="o-1")

    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json()

"""Products, and what is common to all of the catalog. Published: products, product bundles."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes


def product_named(shop: Shop, code: str) -> Any:
    (product,) = shop.get("/products/", f"short_code={code}").json()["results"]
    return product


def test_a_product_is_created_with_all_requested_fields(shop: Shop) -> None:
    fields = {
        "product_name": "Sketchbook",
        "short_code": "Sketch-1",
        "authorization_method": "license-key",
        "default_license_type": "time-limited",
        "valid_duration": "1y",
        "max_activations": 3,
        "trial_days": 14,
        "allow_trial": True,
        "prevent_vm": True,
        "metadata": {"k": [1, 2.5, None, "x"]},
        "custom_fields": [{"name": "n"}],
    }

    made = shop.make("/products/", **fields)

    shown = shop.get(f"/products/{made['id']}/").json()
    assert shown == made
    assert {name: shown[name] for name in fields} == fields
    assert (shown["active"], shown["is_archived"], shown["is_bundle"]) == (True, False, False)


def test_a_product_is_made_with_one_default_policy(shop: Shop) -> None:
    shop.make("/products/", product_name="New", short_code="new")

    policies = shop.get("/license-templates/", "product=new").json()["results"]

    assert [(policy["code"], policy["is_default"]) for policy in policies] == [("default", True)]


@pytest.mark.parametrize("missing", ["product_name", "short_code"])
def test_a_product_needs_a_name_and_a_code(shop: Shop, missing: str) -> None:
    body = {"product_name": "New", "short_code": "new"}
    del body[missing]

    reply = shop.post("/products/", body)

    assert fault_codes(reply.json()) == {f"/{missing}": "required"}


def test_a_code_is_one_product_s(shop: Shop) -> None:
    reply = shop.post("/products/", {"product_name": "Again", "short_code": "kp"})

    assert (reply.status, reply.json()["code"]) == (409, "product_exists")
    assert reply.json()["message"] == "There is a product kp already"
    assert product_named(shop, "kp")["product_name"] == "Key product"


def test_codes_that_differ_in_case_are_two_products(shop: Shop) -> None:
    made = shop.make("/products/", product_name="Other", short_code="KP")

    assert made["id"] != product_named(shop, "kp")["id"]


def test_only_requested_fields_of_a_product_are_changed(shop: Shop) -> None:
    before = product_named(shop, "kp")

    reply = shop.patch(f"/products/{before['id']}/", {"product_name": "New", "max_activations": 4})

    changed = reply.json()
    assert reply.status == 200
    assert (changed["product_name"], changed["max_activations"]) == ("New", 4)
    unchanged = before.keys() - {"product_name", "max_activations", "updated_at"}
    assert {name: changed[name] for name in unchanged} == {n: before[n] for n in unchanged}
    assert shop.get(f"/products/{before['id']}/").json() == changed


def test_a_term_of_a_product_can_be_opened_again(shop: Shop) -> None:
    id = product_named(shop, "cp")["id"]

    shop.patch(f"/products/{id}/", {"max_consumptions": None})

    assert shop.get(f"/products/{id}/").json()["max_consumptions"] is None


@pytest.mark.parametrize(
    "change", [{"short_code": "new"}, {"authorization_method": "user"}, {"is_bundle": True}]
)
def test_what_a_product_is_can_not_be_changed(shop: Shop, change: dict[str, Any]) -> None:
    id = product_named(shop, "kp")["id"]

    reply = shop.patch(f"/products/{id}/", change)

    (name,) = change
    assert reply.status == 400
    assert fault_codes(reply.json()) == {f"/{name}": "immutable"}


def test_what_can_not_be_changed_may_be_repeated(shop: Shop) -> None:
    id = product_named(shop, "kp")["id"]

    reply = shop.patch(
        f"/products/{id}/", {"short_code": "kp", "authorization_method": "license-key"}
    )

    assert reply.status == 200


@pytest.mark.parametrize("change", [{"active": False}, {"is_archived": True}])
def test_a_product_can_be_taken_off_sale_and_put_back(shop: Shop, change: dict[str, bool]) -> None:
    id = product_named(shop, "kp")["id"]
    ((name, value),) = change.items()

    shop.patch(f"/products/{id}/", change)
    shop.refused("kp")
    shop.patch(f"/products/{id}/", {name: not value})

    assert shop.order_one("kp")["product"]["id"] == id


def test_products_are_listed_oldest_first(shop: Shop) -> None:
    shop.make("/products/", product_name="New", short_code="a-new-one")

    page = shop.get("/products/").json()

    codes = [product["short_code"] for product in page["results"]]
    assert codes == ["kp", "up", "cp", "p1", "p2", "bnd", "a-new-one"]
    assert page["count"] == 7


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("short_code=kp", ["kp"]),
        ("short_code=KP", []),
        ("is_bundle=true", ["bnd"]),
        ("is_bundle=false&short_code=bnd", []),
        ("is_archived=true", ["p1"]),
        ("is_archived=false&limit=2", ["kp", "up"]),
    ],
)
def test_products_are_listed_by_their_filters(shop: Shop, query: str, codes: list[str]) -> None:
    shop.patch(f"/products/{product_named(shop, 'p1')['id']}/", {"is_archived": True})

    found = shop.get("/products/", query).json()["results"]

    assert [product["short_code"] for product in found] == codes


@pytest.mark.parametrize("path", ["products", "license-templates", "product-features"])
def test_pages_of_the_catalog_lead_through_all_of_it_once(shop: Shop, path: str) -> None:
    everything = shop.get(f"/{path}/", "limit=100").json()["results"]

    ids, query = [], "limit=2"
    while query:
        page = shop.get(f"/{path}/", query).json()
        ids += [record["id"] for record in page["results"]]
        query = (page["next"] or "").partition("?")[2]

    assert ids == [record["id"] for record in everything]
    assert len(ids) > 2


def test_a_bundle_shows_its_members_in_its_order(shop: Shop) -> None:
    id = product_named(shop, "bnd")["id"]

    members = shop.get(f"/products/{id}/bundle/").json()

    assert [member["short_code"] for member in members] == ["p1", "p2"]


def test_the_members_of_a_bundle_can_be_changed(shop: Shop) -> None:
    id = product_named(shop, "bnd")["id"]

    shop.patch(f"/products/{id}/", {"bundle_products": ["kp", "p1"]})

    members = shop.get(f"/products/{id}/bundle/").json()
    assert [member["short_code"] for member in members] == ["kp", "p1"]


def test_a_product_shows_the_bundles_that_have_it(shop: Shop) -> None:
    for code, members in (("b2", ["p2", "kp"]), ("b3", ["kp", "cp"])):
        shop.make(
            "/products/",
            product_name=code,
            short_code=code,
            is_bundle=True,
            bundle_products=members,
        )
    id = product_named(shop, "p2")["id"]

    def bundles(query: str = "", id: int = id) -> list[str]:
        page = shop.get(f"/products/{id}/in_bundle/", query).json()
        assert page["count"] == len(page["results"])
        return [bundle["short_code"] for bundle in page["results"]]

    assert bundles() == ["bnd", "b2"]
    assert bundles("order_by=-created_at") == ["b2", "bnd"]
    assert bundles("short_code=b2&is_archived=false&is_bundle=true") == ["b2"]
    assert bundles("is_archived=true") == []
    assert bundles(id=product_named(shop, "up")["id"]) == []


def test_the_bundles_of_a_product_come_in_pages(shop: Shop) -> None:
    bundle = {"is_bundle": True, "bundle_products": ["p1"]}
    shop.make("/products/", product_name="B2", short_code="b2", **bundle)
    id = product_named(shop, "p1")["id"]

    first = shop.get(f"/products/{id}/in_bundle/", "limit=1").json()
    second = shop.get(f"/products/{id}/in_bundle/", f"limit=1&cursor={first['cursor']}").json()

    pages = (first, second)
    assert [page["results"][0]["short_code"] for page in pages] == ["bnd", "b2"]
    assert second["next"] is None
    assert shop.get("/products/1000000000000001/in_bundle/").status == 404


def test_a_product_that_is_no_bundle_has_no_members(shop: Shop) -> None:
    reply = shop.get(f"/products/{product_named(shop, 'kp')['id']}/bundle/")

    assert (reply.status, reply.json()["code"]) == (400, "not_a_bundle")


@pytest.mark.parametrize(
    ("members", "place"),
    [
        (["p1", "nope"], "/bundle_products/1"),
        (["p1", "p1"], "/bundle_products/1"),
        (["p1", "up"], "/bundle_products/1"),
        (["bnd", "p1"], "/bundle_products/0"),
        ([], "/bundle_products"),
    ],
)
def test_a_bundle_of_what_can_not_be_bundled_is_refused(
    shop: Shop, members: list[str], place: str
) -> None:
    problem = shop.post(
        "/products/",
        {
            "product_name": "B",
            "short_code": "b",
            "is_bundle": True,
            "bundle_products": members,
        },
    ).refused()

    assert fault_codes(problem) == {place: "invalid_bundle"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("products", {"product_name": "N", "short_code": "n"}),
        ("license-templates", {"product": "kp", "code": "n", "name": "N"}),
        ("product-features", {"product": "kp", "code": "n", "name": "N"}),
    ],
)
def test_unknown_fields_are_refused_by_name(shop: Shop, path: str, body: dict[str, Any]) -> None:
    made = shop.make(f"/{path}/", **body)

    created = shop.post(f"/{path}/", {**body, "colour": "red"})
    patched = shop.patch(f"/{path}/{made['id']}/", {"colour": "red"})

    assert (
        fault_codes(created.json()) == fault_codes(patched.json()) == {"/colour": "unknown_field"}
    )


@pytest.mark.parametrize("path", ["products", "license-templates", "product-features"])
def test_what_is_not_there_is_not_found(shop: Shop, path: str) -> None:
    got = shop.get(f"/{path}/1000000000000001/")
    patched = shop.patch(f"/{path}/1000000000000001/", {"metadata": {}})

    assert (got.status, patched.status) == (404, 404)
    assert got.json()["detail"] == got.json()["message"]


def test_an_unknown_filter_is_refused_with_those_that_are_served(shop: Shop) -> None:
    problem = shop.get("/products/", "name=x").refused()

    for name in ("short_code", "is_archived", "is_bundle", "limit", "offset", "cursor"):
        assert name in problem["message"]


def test_a_misspelled_filter_is_answered_with_the_one_that_was_meant(shop: Shop) -> None:
    (fault,) = shop.get("/licenses/", "limt=3").json()["errors"]

    assert (fault["field"], fault["message"], fault["value"]) == (
        "limt",
        "is not a known parameter; did you mean limit?",
        "3",
    )


@pytest.mark.parametrize("code", ["²", "٣"])
def test_a_digit_that_is_no_number_is_a_code_like_any_other(shop: Shop, code: str) -> None:
    reply = shop.get("/license-templates/", f"product={code}")

    assert (reply.status, reply.json()["results"]) == (200, [])


def test_metadata_that_the_store_can_not_hold_is_refused_anywhere(shop: Shop) -> None:
    reply = shop.post(
        "/products/",
        {"product_name": "N", "short_code": "n", "custom_fields": [{"far": 1e300}]},
    )

    assert list(fault_codes(reply.json())) == ["/custom_fields/0"]

"""License policies ("license templates") and product features. Published: license policies."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes


def policy_of(shop: Shop, product: str, code: str) -> Any:
    query = f"product={product}&code={code}"
    (policy,) = shop.get("/license-templates/", query).json()["results"]
    return policy


def feature_of(shop: Shop, code: str) -> Any:
    (feature,) = shop.get("/product-features/", f"product=kp&code={code}").json()["results"]
    return feature


def test_a_policy_is_created_with_all_requested_fields(shop: Shop) -> None:
    fields = {
        "code": "studio",
        "name": "Studio",
        "default_license_type": "time-limited",
        "valid_duration": "1y",
        "max_activations": 5,
        "max_transfers": -1,
        "enable_maintenance_period": True,
        "maintenance_duration": "3m",
        "metadata": {"k": "v"},
    }

    made = shop.make("/license-templates/", product="kp", **fields)

    shown = shop.get(f"/license-templates/{made['id']}/").json()
    assert shown == made
    assert {name: shown[name] for name in fields} == fields
    assert (shown["is_default"], shown["is_archived"]) == (False, False)


def test_a_product_may_be_named_by_its_id(shop: Shop) -> None:
    product = policy_of(shop, "kp", "default")["product"]

    policy = shop.make("/license-templates/", product=product, code="n", name="N")
    feature = shop.make("/product-features/", product=product, code="n", name="N")

    assert policy["product"] == feature["product"] == product


@pytest.mark.parametrize("path", ["license-templates", "product-features"])
@pytest.mark.parametrize("product", ["nope", 1000000000000001])
def test_a_part_of_an_unknown_product_is_refused(shop: Shop, path: str, product: Any) -> None:
    problem = shop.post(f"/{path}/", {"product": product, "code": "n", "name": "N"}).refused()

    assert fault_codes(problem) == {"/product": "unknown_product"}


@pytest.mark.parametrize(
    ("path", "code", "refusal"),
    [
        ("license-templates", "policy_A", "policy_exists"),
        ("product-features", "f1", "feature_exists"),
    ],
)
def test_a_code_is_unique_in_its_product_only(
    shop: Shop, path: str, code: str, refusal: str
) -> None:
    again = shop.post(f"/{path}/", {"product": "kp", "code": code, "name": "N"})
    elsewhere = shop.post(f"/{path}/", {"product": "cp", "code": code, "name": "N"})

    assert (again.status, again.json()["code"]) == (409, refusal)
    assert elsewhere.status == 201


def test_only_requested_fields_of_a_policy_are_changed(shop: Shop) -> None:
    before = policy_of(shop, "kp", "policy_A")

    changed = shop.patch(f"/license-templates/{before['id']}/", {"max_activations": 6}).json()

    assert changed["max_activations"] == 6
    assert changed["valid_duration"] == before["valid_duration"]
    assert shop.get(f"/license-templates/{before['id']}/").json() == changed


@pytest.mark.parametrize("change", [{"code": "other"}, {"product": "cp"}])
def test_what_a_policy_is_can_not_be_changed(shop: Shop, change: dict[str, str]) -> None:
    id = policy_of(shop, "kp", "policy_A")["id"]

    reply = shop.patch(f"/license-templates/{id}/", change)

    (name,) = change
    assert fault_codes(reply.json()) == {f"/{name}": "immutable"}


def test_a_product_has_one_default_policy_always(shop: Shop) -> None:
    id = policy_of(shop, "kp", "policy_A")["id"]

    shop.patch(f"/license-templates/{id}/", {"is_default": True})

    policies = shop.get("/license-templates/", "product=kp&is_default=true").json()["results"]
    assert [policy["code"] for policy in policies] == ["policy_A"]
    assert shop.order_one("kp")["max_activations"] == 5


def test_a_new_policy_may_be_the_default_one(shop: Shop) -> None:
    shop.make("/license-templates/", product="kp", code="n", name="N", is_default=True)

    assert policy_of(shop, "kp", "default")["is_default"] is False
    assert policy_of(shop, "kp", "n")["is_default"] is True


@pytest.mark.parametrize("change", [{"is_default": False}, {"is_archived": True}])
def test_the_default_policy_can_not_go(shop: Shop, change: dict[str, bool]) -> None:
    id = policy_of(shop, "kp", "default")["id"]

    reply = shop.patch(f"/license-templates/{id}/", change)

    (name,) = change
    assert fault_codes(reply.json()) == {f"/{name}": "default_policy_required"}
    assert policy_of(shop, "kp", "default")["is_default"] is True


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("product=p2", ["default", "std", "pro"]),
        ("code=std", ["std", "std"]),
        ("product=p2&code=std", ["std"]),
        ("product=p2&is_default=true", ["default"]),
        ("product=p2&is_archived=true", ["pro"]),
        ("product=p2&is_archived=false&is_default=false", ["std"]),
        ("product=nope", []),
    ],
)
def test_policies_are_listed_by_their_filters(shop: Shop, query: str, codes: list[str]) -> None:
    id = policy_of(shop, "p2", "pro")["id"]
    shop.patch(f"/license-templates/{id}/", {"is_archived": True})

    found = shop.get("/license-templates/", query).json()["results"]

    assert [policy["code"] for policy in found] == codes


@pytest.mark.parametrize("by", ["code", "id"])
def test_a_policy_may_grant_features(shop: Shop, by: str) -> None:
    feature = feature_of(shop, "credits")

    policy = shop.make(
        "/license-templates/",
        product="kp",
        code="n",
        name="N",
        license_product_feature_templates=[{"product_feature": feature[by], "max_consumption": 7}],
    )

    (grant,) = policy["license_product_feature_templates"]
    assert (grant["product_feature"]["code"], grant["max_consumption"]) == ("credits", 7)


def test_a_policy_grants_no_feature_that_the_product_has_not(shop: Shop) -> None:
    templates = [{"product_feature": "f1"}, {"product_feature": "nope"}]

    reply = shop.post(
        "/license-templates/",
        {
            "product": "kp",
            "code": "n",
            "name": "N",
            "license_product_feature_templates": templates,
        },
    )

    place = "/license_product_feature_templates/1/product_feature"
    assert fault_codes(reply.json()) == {place: "unsupported_product_feature"}


def test_a_policy_that_contradicts_itself_is_refused(shop: Shop) -> None:
    reply = shop.post(
        "/license-templates/",
        {
            "product": "kp",
            "code": "n",
            "name": "N",
            "default_license_type": "perpetual",
            "allow_overages": True,
            "floating_users": 3,
        },
    )

    assert fault_codes(reply.json()) == {
        "/allow_overages": "consumption_only",
        "/floating_users": "too_many_floating_users",
    }


def test_a_feature_is_made_and_shown_with_its_product(shop: Shop) -> None:
    made = shop.make(
        "/product-features/",
        product="kp",
        code="api",
        name="API calls",
        feature_type="consumption",
        max_consumption=100,
        consumption_period="month",
    )

    product = shop.get(f"/products/{made['product']}/").json()
    assert shop.get(f"/product-features/{made['id']}/").json() == made
    assert (made["max_consumption"], made["consumption_period"]) == (100, "monthly")
    assert made in product["product_features"]


def test_only_requested_fields_of_a_feature_are_changed(shop: Shop) -> None:
    id = feature_of(shop, "credits")["id"]

    changed = shop.patch(f"/product-features/{id}/", {"name": "New", "max_consumption": 20}).json()

    assert (changed["name"], changed["max_consumption"]) == ("New", 20)
    assert (changed["code"], changed["feature_type"]) == ("credits", "consumption")
    assert feature_of(shop, "credits") == changed


@pytest.mark.parametrize(
    "change", [{"code": "x"}, {"feature_type": "consumption"}, {"product": "cp"}]
)
def test_what_a_feature_is_can_not_be_changed(shop: Shop, change: dict[str, str]) -> None:
    id = feature_of(shop, "f1")["id"]

    reply = shop.patch(f"/product-features/{id}/", change)

    (name,) = change
    assert fault_codes(reply.json()) == {f"/{name}": "immutable"}


def test_features_are_listed_by_product_and_code(shop: Shop) -> None:
    shop.make("/product-features/", product="cp", code="f1", name="F1")

    by_product = shop.get("/product-features/", "product=kp").json()["results"]
    by_code = shop.get("/product-features/", "code=f1").json()["results"]

    assert [feature["code"] for feature in by_product] == ["f1", "f2", "credits"]
    assert len(by_code) == 2


def test_an_id_of_a_policy_is_no_feature_and_the_other_way_round(shop: Shop) -> None:
    policy, feature = policy_of(shop, "kp", "default"), feature_of(shop, "f1")

    assert shop.get(f"/product-features/{policy['id']}/").status == 404
    assert shop.get(f"/license-templates/{feature['id']}/").status == 404

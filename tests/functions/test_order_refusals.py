"""Each error code of an order's rules, once over HTTP; `tests/shared` tests the rules."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes

LICENSE = "/items/0/licenses/0"
USERS = [{"email": "u1@x.test"}]
MEMBERS = [
    {"product_code": "p1", "policy_code": "std"},
    {"product_code": "p2", "policy_code": "std"},
]


@pytest.mark.parametrize(
    ("product", "license", "place", "code"),
    [
        ("kp", {"policy_code": "gone"}, f"{LICENSE}/policy_code", "unknown_policy"),
        (
            "kp",
            {"policy_code": "policy_A", "license_template_code": "default"},
            f"{LICENSE}/license_template_code",
            "alias_conflict",
        ),
        (
            "kp",
            {"product_features": ["f1", "f1"]},
            f"{LICENSE}/product_features/1",
            "feature_repeated",
        ),
        ("kp", {"max_overages": 5}, f"{LICENSE}/max_overages", "consumption_only"),
        (
            "kp",
            {"license_type": "time-limited"},
            f"{LICENSE}/valid_duration",
            "duration_required",
        ),
        ("kp", {"floating_users": 10}, f"{LICENSE}/floating_users", "too_many_floating_users"),
        ("up", {"key": "K-1", "users": USERS}, f"{LICENSE}/key", "key_not_allowed"),
        ("kp", {"users": USERS}, f"{LICENSE}/users", "users_not_allowed"),
        ("up", {}, f"{LICENSE}/users", "users_required"),
        ("up", {"users": USERS * 2}, f"{LICENSE}/users", "user_repeated"),
        ("bnd", {}, "/items/0/product_code", "is_bundle_mismatch"),
        ("kp", {"products": MEMBERS}, f"{LICENSE}/products", "not_a_bundle"),
    ],
    ids=lambda part: part if isinstance(part, str) and "/" not in part else "",
)
def test_a_license_that_breaks_a_rule_is_refused_at_its_place(
    shop: Shop, product: str, license: dict[str, Any], place: str, code: str
) -> None:
    problem = shop.refused(product, license, id="o-1")

    assert fault_codes(problem) == {place: code}
    assert problem["code"] == code
    assert shop.get("/orders/").json()["count"] == 0


@pytest.mark.parametrize(
    ("item", "place", "code"),
    [
        ({"key": "K-1", "licenses": [{"products": MEMBERS}] * 2}, "key", "license_key_repeated"),
        ({"licenses": MEMBERS[:1]}, "", "bundle_member_missing"),
        (
            {"licenses": [*MEMBERS, {"product_code": "kp", "policy_code": "default"}]},
            "licenses/2/product_code",
            "unknown_bundle_member",
        ),
        (
            {"licenses": [MEMBERS[0], {"product_code": "p2"}]},
            "licenses/1/policy_code",
            "policy_required",
        ),
        ({"licenses": [{**MEMBERS[0], "key": "K"}, MEMBERS[1]]}, "licenses/0/key", "bundle_only"),
        (
            {"licenses": [{"products": MEMBERS, "max_activations": 5}]},
            "licenses/0/max_activations",
            "bundle_members_only",
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_bundle_that_breaks_a_rule_is_refused_at_its_place(
    shop: Shop, item: dict[str, Any], place: str, code: str
) -> None:
    problem = shop.order(is_bundle=True, items=[{"product_code": "bnd", **item}]).refused()

    assert fault_codes(problem) == {f"/items/0/{place}".rstrip("/"): code}


def test_a_member_that_is_named_twice_is_refused_at_both_places(shop: Shop) -> None:
    licenses = [*MEMBERS, MEMBERS[0]]

    reply = shop.order(is_bundle=True, items=[{"product_code": "bnd", "licenses": licenses}])

    assert fault_codes(reply.json()) == {
        "/items/0/licenses/0/product_code": "bundle_member_repeated",
        "/items/0/licenses/2/product_code": "bundle_member_repeated",
    }


def test_a_product_that_is_disabled_is_refused(shop: Shop) -> None:
    (product,) = shop.get("/products/", "short_code=kp").json()["results"]
    shop.patch(f"/products/{product['id']}/", {"active": False})

    assert fault_codes(shop.refused("kp")) == {"/items/0/product_code": "disabled_product"}

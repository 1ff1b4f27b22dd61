"""Orders of bundles, in both of the forms that are accepted. LicenseSpring: Create Order."""

from typing import Any

import pytest

from shared.errors import Refused
from shared.orders import OrderRequest
from tests.shared.value_shop import ValueShop, fault_codes, read, refusal


@pytest.fixture
def shop() -> ValueShop:
    return ValueShop()


MEMBERS = [
    {"product_code": "p1", "policy_code": "std"},
    {"product_code": "p2", "license_template_code": "pro"},
]
FLAT = {"licenses": MEMBERS}
NESTED = {"licenses": [{"products": MEMBERS}]}
OLDER = {"licenses": [{"bundle_products": MEMBERS}]}


def order_bundle(shop: ValueShop, item: dict[str, Any], product: str = "bnd") -> Any:
    return shop.order(is_bundle=True, items=[{"product_code": product, **item}])


def refused_bundle(shop: ValueShop, item: dict[str, Any], product: str = "bnd") -> Refused:
    return refusal(lambda: order_bundle(shop, item, product))


def licenses_of(answer: Any) -> Any:
    return answer["order_items"][0]["licenses"]


def make_user_bundle(shop: ValueShop) -> None:
    for code in ("u1", "u2"):
        shop.make_product(code, authorization_method="user", default_license_type="perpetual")
    shop.make_product(
        "ubnd", authorization_method="user", is_bundle=True, bundle_products=["u1", "u2"]
    )


@pytest.mark.parametrize("item", [FLAT, NESTED, OLDER])
def test_a_bundle_is_one_license_and_one_for_each_member_under_one_key(
    shop: ValueShop, item: dict[str, Any]
) -> None:
    licenses = licenses_of(order_bundle(shop, item))

    bundle, *members = licenses
    assert [lic["product"]["short_code"] for lic in licenses] == ["bnd", "p1", "p2"]
    assert [lic["bundle_license"] for lic in members] == [bundle["id"], bundle["id"]]
    assert len({lic["license_key"] for lic in licenses}) == 1
    assert len({lic["id"] for lic in licenses}) == 3
    assert bundle["license_key"]


@pytest.mark.parametrize("item", [FLAT, NESTED, OLDER])
def test_each_member_has_its_own_policy(shop: ValueShop, item: dict[str, Any]) -> None:
    _, first, second = licenses_of(order_bundle(shop, item))

    assert (first["policy_code"], second["policy_code"]) == ("std", "pro")
    assert second["max_activations"] == 9


@pytest.mark.parametrize("item", [FLAT, NESTED, OLDER])
def test_a_deprecated_name_is_found_in_members_too(item: dict[str, Any]) -> None:
    request = read(OrderRequest, {"is_bundle": True, "items": [{"product_code": "bnd", **item}]})

    assert request.uses_deprecated_names


def test_a_member_has_terms_of_its_own(shop: ValueShop) -> None:
    members = [{**MEMBERS[0], "max_activations": 4}, MEMBERS[1]]

    _, first, second = licenses_of(order_bundle(shop, {"licenses": members}))

    assert (first["max_activations"], second["max_activations"]) == (4, 9)


@pytest.mark.parametrize(
    "item",
    [
        {"key": "K-1", **FLAT},
        {"key": "K-1", **NESTED},
        {"licenses": [{"key": "K-1", "products": MEMBERS}]},
    ],
)
def test_a_bundle_may_have_a_supplied_key(shop: ValueShop, item: dict[str, Any]) -> None:
    answer = order_bundle(shop, item)

    assert {lic["license_key"] for lic in licenses_of(answer)} == {"K-1"}
    assert answer["license_keys"] == ["K-1"]


def test_two_bundles_in_one_item_have_two_keys(shop: ValueShop) -> None:
    licenses = licenses_of(
        order_bundle(shop, {"licenses": [{"products": MEMBERS}, {"products": MEMBERS}]})
    )

    assert len(licenses) == 6
    assert len({lic["license_key"] for lic in licenses}) == 2


def test_one_key_for_two_bundles_is_refused(shop: ValueShop) -> None:
    two = [{"products": MEMBERS}, {"products": MEMBERS}]

    problem = refused_bundle(shop, {"key": "K-1", "licenses": two})

    assert fault_codes(problem) == {"/items/0/key": "license_key_repeated"}


@pytest.mark.parametrize(
    "item",
    [
        {"users": [{"email": "u@x.test"}], "licenses": [{"product_code": "u1"}] * 2},
        {"licenses": [{"users": [{"email": "u@x.test"}], "products": []}]},
    ],
)
def test_the_users_of_a_bundle_are_on_all_of_its_licenses(
    shop: ValueShop, item: dict[str, Any]
) -> None:
    make_user_bundle(shop)
    members = [{"product_code": code, "policy_code": "default"} for code in ("u1", "u2")]
    if "users" in item:
        item = {**item, "licenses": members}
    else:
        item = {"licenses": [{**item["licenses"][0], "products": members}]}

    answer = order_bundle(shop, item, "ubnd")

    licenses = licenses_of(answer)
    emails = [[user["email"] for user in lic["license_users"]] for lic in licenses]
    assert emails == [["u@x.test"]] * 3
    assert [lic["license_key"] for lic in licenses] == [None] * 3
    assert len({lic["id"] for lic in licenses}) == 3
    assert [new["email"] for new in answer["new_passwords"]] == ["u@x.test"]


def test_a_user_based_bundle_needs_a_user(shop: ValueShop) -> None:
    make_user_bundle(shop)
    members = [{"product_code": code, "policy_code": "default"} for code in ("u1", "u2")]

    problem = refused_bundle(shop, {"licenses": members}, "ubnd")

    assert fault_codes(problem) == {"/items/0/users": "users_required"}


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ({"licenses": MEMBERS[:1]}, "/items/0"),
        ({"licenses": [{"products": MEMBERS[:1]}]}, "/items/0/licenses/0"),
    ],
)
def test_a_member_that_is_missing_is_named(
    shop: ValueShop, item: dict[str, Any], place: str
) -> None:
    problem = refused_bundle(shop, item)

    assert fault_codes(problem) == {place: "bundle_member_missing"}
    assert "p2" in problem.message


def test_a_product_that_is_no_member_is_refused_with_those_that_are(shop: ValueShop) -> None:
    members = [*MEMBERS, {"product_code": "kp", "policy_code": "default"}]

    problem = refused_bundle(shop, {"licenses": members})

    assert fault_codes(problem) == {"/items/0/licenses/2/product_code": "unknown_bundle_member"}
    assert problem.message == "bundle bnd has the members p1, p2"


def test_a_member_that_is_named_twice_is_refused(shop: ValueShop) -> None:
    problem = refused_bundle(shop, {"licenses": [*MEMBERS, MEMBERS[0]]})

    assert fault_codes(problem) == {
        "/items/0/licenses/0/product_code": "bundle_member_repeated",
        "/items/0/licenses/2/product_code": "bundle_member_repeated",
    }


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ({"licenses": [MEMBERS[0], {"product_code": "p2"}]}, "/items/0/licenses/1/policy_code"),
        (
            {"licenses": [{"products": [MEMBERS[0], {"product_code": "p2"}]}]},
            "/items/0/licenses/0/products/1/policy_code",
        ),
    ],
)
def test_a_member_without_a_policy_is_refused(
    shop: ValueShop, item: dict[str, Any], place: str
) -> None:
    problem = refused_bundle(shop, item)

    assert fault_codes(problem) == {place: "policy_required"}
    assert "mandatory" in problem.message


@pytest.mark.parametrize("extra", [{"key": "K"}, {"users": [{"email": "u@x.test"}]}])
def test_key_and_users_do_not_stand_on_one_member(shop: ValueShop, extra: dict[str, Any]) -> None:
    problem = refused_bundle(shop, {"licenses": [{**MEMBERS[0], **extra}, MEMBERS[1]]})

    (name,) = extra
    assert fault_codes(problem) == {f"/items/0/licenses/0/{name}": "bundle_only"}


def test_fields_of_a_license_next_to_its_members_are_refused_not_lost(shop: ValueShop) -> None:
    problem = refused_bundle(shop, {"licenses": [{"products": MEMBERS, "max_activations": 5}]})

    assert fault_codes(problem) == {"/items/0/licenses/0/max_activations": "bundle_members_only"}


def test_a_member_that_is_disabled_is_refused(shop: ValueShop) -> None:
    shop.change_product("p1", active=False)

    problem = refused_bundle(shop, FLAT)

    assert fault_codes(problem) == {"/items/0/licenses/0/product_code": "disabled_product"}


def test_an_ordinary_product_in_a_bundle_order_is_refused(shop: ValueShop) -> None:
    problem = shop.refused("kp", is_bundle=True)

    assert fault_codes(problem) == {"/items/0/product_code": "is_bundle_mismatch"}


def test_a_bundle_in_an_ordinary_order_is_refused(shop: ValueShop) -> None:
    problem = shop.refused("bnd")

    assert fault_codes(problem) == {"/items/0/product_code": "is_bundle_mismatch"}


@pytest.mark.parametrize("is_bundle", [True, False])
def test_bundles_and_ordinary_products_are_not_in_one_order(
    shop: ValueShop, is_bundle: bool
) -> None:
    items = [
        {"product_code": "bnd", **FLAT},
        {"product_code": "kp", "licenses": [{}]},
    ]

    problem = refusal(lambda: shop.order(is_bundle=is_bundle, items=items))

    assert list(fault_codes(problem).values()) == ["is_bundle_mismatch"]


def test_members_in_an_ordinary_order_are_refused(shop: ValueShop) -> None:
    problem = shop.refused("kp", {"products": MEMBERS})

    assert fault_codes(problem) == {"/items/0/licenses/0/products": "not_a_bundle"}


@pytest.mark.parametrize("extra", [{"key": "K"}, {"users": [{"email": "u@x.test"}]}])
def test_key_and_users_of_an_ordinary_item_stand_in_its_licenses(
    shop: ValueShop, extra: dict[str, Any]
) -> None:
    items = [{"product_code": "kp", "licenses": [{}], **extra}]

    problem = refusal(lambda: shop.order(items=items))

    (name,) = extra
    assert fault_codes(problem) == {f"/items/0/{name}": "bundle_only"}

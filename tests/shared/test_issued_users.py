"""Orders of user-based products, and the users that they make. LicenseSpring: Create Order."""

from typing import Any

import pytest

from tests.shared.value_shop import ValueShop, fault_codes


@pytest.fixture
def shop() -> ValueShop:
    return ValueShop()


def order_users(shop: ValueShop, *users: Any) -> Any:
    """Order one user-based license, and return the whole order."""
    return shop.order(items=[{"product_code": "up", "licenses": [{"users": list(users)}]}])


def users_of(answer: Any) -> Any:
    return answer["order_items"][0]["licenses"][0]["license_users"]


def test_users_are_attached_and_only_the_manager_manages(shop: ValueShop) -> None:
    answer = order_users(shop, {"email": "u1@x.test"}, {"email": "boss@x.test", "is_manager": True})

    managing = {user["true_email"]: user["is_manager"] for user in users_of(answer)}
    assert managing == {"u1@x.test": False, "boss@x.test": True}


def test_a_new_user_has_an_initial_password_that_is_shown_here(shop: ValueShop) -> None:
    answer = order_users(shop, {"email": "u1@x.test"}, {"email": "u2@x.test"})

    shown = {new["email"]: new["new_password"] for new in answer["new_passwords"]}
    assert {user["email"]: user["initial_password"] for user in users_of(answer)} == shown
    assert all(len(password) >= 12 for password in shown.values())
    assert len(set(shown.values())) == 2


def test_a_user_on_two_licenses_of_one_order_is_made_once(shop: ValueShop) -> None:
    users = [{"email": "u1@x.test"}]

    answer = shop.order(
        items=[{"product_code": "up", "licenses": [{"users": users}, {"users": users}]}]
    )

    one, other = (lic["license_users"][0] for lic in answer["order_items"][0]["licenses"])
    assert one["id"] == other["id"]
    assert len(answer["new_passwords"]) == 1


def test_a_manager_manages_all_licenses_of_the_order(shop: ValueShop) -> None:
    licenses = [
        {"users": [{"email": "u1@x.test", "is_manager": True}]},
        {"users": [{"email": "u1@x.test"}]},
    ]

    answer = shop.order(items=[{"product_code": "up", "licenses": licenses}])

    users = [lic["license_users"][0] for lic in answer["order_items"][0]["licenses"]]
    assert [user["is_manager"] for user in users] == [True, True]


def test_a_user_has_a_limit_of_its_own(shop: ValueShop) -> None:
    answer = order_users(shop, {"email": "u1@x.test", "max_activations": 2})

    assert users_of(answer)[0]["max_activations"] == 2


@pytest.mark.parametrize("name", ["users", "user"])
def test_one_user_may_stand_without_a_list(shop: ValueShop, name: str) -> None:
    license = shop.order_one("up", {name: {"email": "u1@x.test"}})

    assert [user["email"] for user in license["license_users"]] == ["u1@x.test"]
    assert license["license_user"]["email"] == "u1@x.test"


def test_a_user_based_license_has_no_key(shop: ValueShop) -> None:
    answer = order_users(shop, {"email": "u1@x.test"})

    assert answer["order_items"][0]["licenses"][0]["license_key"] is None
    assert answer["license_keys"] == []


def test_a_key_on_a_user_based_product_is_refused(shop: ValueShop) -> None:
    problem = shop.refused("up", {"key": "K-1", "users": [{"email": "u1@x.test"}]})

    assert fault_codes(problem) == {"/items/0/licenses/0/key": "key_not_allowed"}


def test_users_on_a_key_based_product_are_refused(shop: ValueShop) -> None:
    problem = shop.refused("kp", {"users": [{"email": "u1@x.test"}]})

    assert fault_codes(problem) == {"/items/0/licenses/0/users": "users_not_allowed"}


@pytest.mark.parametrize("license", [{}, {"users": []}, {"user": {}}])
def test_a_user_based_license_needs_a_user(shop: ValueShop, license: dict[str, Any]) -> None:
    problem = shop.refused("up", license)

    assert fault_codes(problem) == {"/items/0/licenses/0/users": "users_required"}


def test_an_email_that_stands_twice_on_a_license_is_refused(shop: ValueShop) -> None:
    problem = shop.refused("up", {"users": [{"email": "u1@x.test"}, {"email": "U1@x.test"}]})

    assert fault_codes(problem) == {"/items/0/licenses/0/users": "user_repeated"}

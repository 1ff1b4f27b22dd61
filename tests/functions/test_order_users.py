"""Orders for user-based products, and the users that they make. Published: create order, users."""

from typing import Any

from shared.store.dynamo import client, table
from tests.functions.shop import Shop, fault_codes


def order_users(shop: Shop, *users: Any, **order: Any) -> Any:
    """Orders one user-based license, and answers with the whole order."""
    items = [{"product_code": "up", "licenses": [{"users": list(users)}]}]
    return shop.order(items=items, **order).ok()


def seats_of(answer: Any) -> Any:
    return answer["order_items"][0]["licenses"][0]["license_users"]


def test_a_password_is_not_in_the_store(shop: Shop) -> None:
    answer = order_users(shop, {"email": "u1@x.test"})

    stored = [
        str(client().scan(TableName=table(name))["Items"])
        for name in ("ORDERS_TABLE", "LICENSES_TABLE", "CUSTOMERS_TABLE")
    ]
    assert "password_hash" in "".join(stored)
    assert answer["new_passwords"][0]["new_password"] not in "".join(stored)


def test_a_password_is_not_shown_again(shop: Shop) -> None:
    answer = order_users(shop, {"email": "u1@x.test"})

    order = shop.get(f"/orders/{answer['id']}/")

    assert answer["new_passwords"][0]["new_password"] not in order.text
    assert seats_of(order.json())[0]["initial_password"] is None


def test_a_user_that_exists_is_attached_again_and_is_not_new(shop: Shop) -> None:
    first = order_users(shop, {"email": "u1@x.test"})

    second = order_users(shop, {"email": " U1@X.test "}, {"email": "u2@x.test"})

    assert seats_of(second)[0]["id"] == seats_of(first)[0]["id"]
    assert seats_of(second)[0]["initial_password"] is None
    assert [new["email"] for new in second["new_passwords"]] == ["u2@x.test"]


def test_two_user_based_licenses_with_the_same_user_are_two(shop: Shop) -> None:
    users = {"users": [{"email": "u1@x.test"}]}

    one, other = shop.order_one("up", users), shop.order_one("up", users)

    assert one["id"] != other["id"]


def test_a_user_without_an_email_is_refused_at_its_place(shop: Shop) -> None:
    problem = shop.refused("up", {"users": [{"email": "u1@x.test"}, {"is_manager": True}]})

    assert fault_codes(problem) == {"/items/0/licenses/0/users/1/email": "required"}


def test_an_email_that_is_none_is_refused_with_an_example(shop: Shop) -> None:
    problem = shop.refused("up", {"users": [{"email": "nobody"}]})

    assert problem["errors"][0]["value"] == "nobody"
    assert "such as ana@acme.example" in problem["message"]


def test_a_refused_order_makes_no_user(shop: Shop) -> None:
    shop.refused("up", {"users": [{"email": "u1@x.test"}], "policy_code": "nope"})

    answer = order_users(shop, {"email": "u1@x.test"})

    assert [new["email"] for new in answer["new_passwords"]] == ["u1@x.test"]


def test_a_password_that_a_client_chooses_is_refused_rather_than_ignored(shop: Shop) -> None:
    problem = shop.refused("up", {"users": [{"email": "u@x.test", "password": "chosen"}]})

    assert problem["errors"][0]["field"] == "items.0.licenses.0.users.0.password"
    assert "chosen" not in str(problem)

"""Generate license keys. LicenseSpring: Generate License Key."""

import pytest

from tests.functions.shop import Shop


def test_the_requested_number_of_keys_is_generated_all_different(shop: Shop) -> None:
    keys = shop.get("/orders/generate_license/", "product=kp&quantity=3").json()

    assert len(set(keys)) == 3
    assert all(len(key) == 19 for key in keys)


def test_without_a_quantity_it_is_one(shop: Shop) -> None:
    keys = shop.get("/orders/generate_license/", "product=kp").json()

    assert len(keys) == 1


def test_two_requests_have_different_keys(shop: Shop) -> None:
    first, second = (shop.get("/orders/generate_license/", "product=kp").json() for _ in "12")

    assert first != second


def test_a_generated_key_can_be_ordered_with(shop: Shop) -> None:
    (key,) = shop.get("/orders/generate_license/", "product=kp").json()

    assert shop.order_one(license={"key": key})["license_key"] == key


@pytest.mark.parametrize("length", [16, 17, 240])
def test_a_key_has_the_requested_length(shop: Shop, length: int) -> None:
    (key,) = shop.get("/orders/generate_license/", f"product=kp&key_length={length}").json()

    assert len(key.replace("-", "")) == length


def test_a_key_is_of_the_requested_alphabet(shop: Shop) -> None:
    (key,) = shop.get(
        "/orders/generate_license/", "product=kp&key_length=240&alphabet=abcdefghij"
    ).json()

    assert set(key.replace("-", "")) == set("abcdefghij")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("quantity=3", "product"),
        ("product=kp&quantity=0", "quantity"),
        ("product=kp&quantity=1001", "quantity"),
        ("product=kp&quantity=x", "quantity"),
        ("product=kp&key_length=15", "key_length"),
        ("product=kp&key_length=241", "key_length"),
        ("product=kp&alphabet=AAAAAAAAAAAA", "alphabet"),
        ("product=kp&alphabet=ABCDEFGHIJ-", "alphabet"),
        ("product=nope", "product"),
        ("product=kp&lenght=20", "lenght"),
    ],
)
def test_what_can_not_be_generated_is_refused_by_name(shop: Shop, query: str, field: str) -> None:
    problem = shop.get("/orders/generate_license/", query).refused()

    assert [fault["field"] for fault in problem["errors"]] == [field]


def test_a_thousand_keys_are_all_different(shop: Shop) -> None:
    keys = shop.get("/orders/generate_license/", "product=kp&quantity=1000").json()

    assert len(set(keys)) == 1000


def test_an_unknown_product_is_refused_with_the_published_code(shop: Shop) -> None:
    reply = shop.get("/orders/generate_license/", "product=nope")

    assert reply.json()["code"] == "unknown_product"
    assert "nope" in reply.json()["message"]

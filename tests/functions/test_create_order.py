"""Orders as they are placed: their ids, license keys and dates.

Published: create order.
"""

import re
from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes

KEY = re.compile(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}")


def ids_in(value: Any) -> list[int]:
    """Every numeric id of an answer, however deep."""
    if isinstance(value, list):
        return [id for part in value for id in ids_in(part)]
    if not isinstance(value, dict):
        return []
    named = [value[name] for name in ("id", "order_id", "product_id") if name in value]
    own = [int(id) for id in named]
    return own + [id for part in value.values() for id in ids_in(part)]


def test_a_license_without_a_key_gets_a_generated_one(shop: Shop) -> None:
    license = shop.order_one()

    assert KEY.fullmatch(license["license_key"])


def test_a_supplied_key_comes_back_as_it_is(shop: Shop) -> None:
    license = shop.order_one(license={"key": "impo-rtor-derk-ey00 ü"})

    assert license["license_key"] == "impo-rtor-derk-ey00 ü"


def test_a_key_is_trimmed_and_an_empty_one_is_none(shop: Shop) -> None:
    trimmed, generated = (
        shop.order_one(license={"key": " K-1 "}),
        shop.order_one(license={"key": ""}),
    )

    assert trimmed["license_key"] == "K-1"
    assert KEY.fullmatch(generated["license_key"])


def test_a_key_that_is_taken_is_refused_and_nothing_is_written(shop: Shop) -> None:
    shop.order_one(license={"key": "K-1"})

    problem = shop.order(
        id="o-2", items=[{"product_code": "kp", "licenses": [{}, {"key": "K-1"}]}]
    ).refused(409)

    assert fault_codes(problem) == {"/items/0/licenses/1/key": "license_key_exists"}
    assert shop.get("/orders/", "store_id=o-2").json()["count"] == 0
    assert shop.get("/licenses/").json()["count"] == 1


def test_a_key_is_unique_in_the_company_not_only_in_its_product(shop: Shop) -> None:
    shop.order_one("kp", {"key": "K-1"})

    problem = shop.order(items=[{"product_code": "cp", "licenses": [{"key": "K-1"}]}]).refused(409)

    assert problem["code"] == "license_key_exists"


def test_keys_that_differ_in_case_are_two_keys(shop: Shop) -> None:
    shop.order_one(license={"key": "abc"})

    license = shop.order_one(license={"key": "ABC"})

    assert license["license_key"] == "ABC"


def test_a_key_that_stands_twice_in_one_order_is_refused(shop: Shop) -> None:
    problem = shop.order(
        items=[{"product_code": "kp", "licenses": [{"key": "K"}, {"key": "K "}]}]
    ).refused()

    assert fault_codes(problem) == {"/items/0/licenses/1/key": "license_key_repeated"}


@pytest.mark.parametrize("key", ["x" * 257, "ü" * 129, "two\nlines", 4711])
def test_a_key_that_can_not_be_is_refused(shop: Shop, key: Any) -> None:
    problem = shop.refused(license={"key": key})

    assert list(fault_codes(problem)) == ["/items/0/licenses/0/key"]


def test_three_licenses_have_three_different_keys(shop: Shop) -> None:
    answer = shop.order(items=[{"product_code": "kp", "licenses": [{}, {}, {}]}]).json()

    licenses = answer["order_items"][0]["licenses"]
    assert len({license["license_key"] for license in licenses}) == 3
    assert answer["license_keys"] == [license["license_key"] for license in licenses]
    assert [brief["id"] for brief in answer["order_licenses"]] == [lic["id"] for lic in licenses]


def test_a_product_may_ask_for_longer_keys(shop: Shop) -> None:
    shop.make(
        "/products/",
        product_name="Long",
        short_code="long",
        default_license_type="perpetual",
        key_length=20,
    )

    license = shop.order_one("long")

    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){4}", license["license_key"])


def test_an_order_keeps_the_id_of_its_client(shop: Shop) -> None:
    answer = shop.order(id="o-1", items=[{"product_code": "kp", "licenses": [{}]}]).json()

    order = shop.get(f"/orders/{answer['order_id']}/").json()
    assert (order["store_id"], order["client_order_id"]) == ("o-1", "o-1")
    assert order["order_items"][0]["licenses"][0]["order_store_id"] == "o-1"


@pytest.mark.parametrize(
    ("order", "license"),
    [({"id": {}}, {}), ({"order_type": {}}, {}), ({}, {"key": {}}), ({}, {"policy_code": {}})],
)
def test_an_empty_object_is_no_text(shop: Shop, order: Any, license: Any) -> None:
    reply = shop.order(items=[{"product_code": "kp", "licenses": [license]}], **order)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error")


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": ""}])
def test_an_order_without_an_id_gets_one_of_its_own(shop: Shop, body: dict[str, Any]) -> None:
    items = [{"product_code": "kp", "licenses": [{}]}]

    first, second = (shop.order(items=items, **body).json() for _ in range(2))

    assert first["store_id"]
    assert first["store_id"] != second["store_id"]


def test_every_id_has_16_digits_and_is_safe_in_javascript(shop: Shop) -> None:
    answer = shop.order(
        customer={"email": "c@x.test"},
        items=[
            {"product_code": "kp", "licenses": [{"product_features": ["f1"]}]},
            {"product_code": "up", "licenses": [{"users": [{"email": "u@x.test"}]}]},
        ],
    ).json()

    ids = ids_in(answer)
    assert len(ids) > 15
    assert all(10**15 <= id < 2**53 for id in ids)


def test_zero_values_of_clients_in_go_mean_unset(shop: Shop) -> None:
    license = {"user": {}, "key": "", "validity_period": "0001-01-01T00:00:00Z"}

    reply = shop.order(
        id="o-1",
        customer={},
        created="0001-01-01T00:00:00Z",
        order_type="",
        items=[{"product_code": "kp", "licenses": [license]}],
    )

    answer = reply.json()
    assert reply.status == 200, reply.text
    assert answer["customer"] is None
    assert answer["created_at"] > "2020"
    assert answer["order_items"][0]["licenses"][0]["validity_period"] is None


def test_lists_that_clients_in_go_leave_null_mean_unset(shop: Shop) -> None:
    license = shop.order_one(license={"users": None, "product_features": None})

    assert license["license_users"] == []


@pytest.mark.parametrize(
    ("created", "shown"),
    [
        ("2017-03-15 22:13:01", "2017-03-15T22:13:01Z"),
        ("2019-09-9 00:00:00", "2019-09-09T00:00:00Z"),
        ("2021-08-24T09:22:27+02:00", "2021-08-24T07:22:27Z"),
        ("2021-08-24", "2021-08-24T00:00:00Z"),
    ],
)
def test_an_order_may_have_been_created_earlier(shop: Shop, created: str, shown: str) -> None:
    answer = shop.order(created=created, items=[{"product_code": "kp", "licenses": [{}]}]).json()

    assert shop.get(f"/orders/{answer['id']}/").json()["created_at"] == shown


def test_fields_of_an_order_are_stored(shop: Shop) -> None:
    fields = {
        "is_test": True,
        "is_trial": True,
        "reference": "ref-1",
        "language": "de",
        "campaign_params": "utm_source=x",
        "download_id": "d-1",
    }

    answer = shop.order(
        items=[{"product_code": "kp", "licenses": [{}], "note": "n"}], **fields
    ).json()

    order = shop.get(f"/orders/{answer['id']}/").json()
    assert {name: order[name] for name in fields} == fields
    assert order["type"] == "normal"
    assert order["order_items"][0]["note"] == "n"


def test_an_order_is_shown_later_as_it_was_answered(shop: Shop) -> None:
    answer = shop.order(
        id="o-1",
        customer={"email": "c@x.test"},
        items=[{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}, {}]}],
    ).json()

    order = shop.get(f"/orders/{answer['id']}/").json()

    assert order == {name: value for name, value in answer.items() if name in order}


def test_all_faults_of_an_order_are_reported_at_once(shop: Shop) -> None:
    problem = shop.order(
        items=[
            {"product_code": "nope", "licenses": [{}]},
            {"product_code": "kp", "licenses": [{"policy_code": "gone"}, {"allow_overages": True}]},
        ]
    ).refused()

    assert fault_codes(problem) == {
        "/items/0/product_code": "unknown_product",
        "/items/1/licenses/0/policy_code": "unknown_policy",
        "/items/1/licenses/1/allow_overages": "consumption_only",
    }


def test_unknown_fields_are_named_wherever_they_stand(shop: Shop) -> None:
    problem = shop.order(
        nope=1,
        customer={"nope": 2},
        items=[{"product_code": "kp", "nope": 3, "licenses": [{"nope": 4}]}],
    ).refused()

    assert fault_codes(problem) == {
        "/nope": "unknown_field",
        "/customer/nope": "unknown_field",
        "/items/0/nope": "unknown_field",
        "/items/0/licenses/0/nope": "unknown_field",
    }


def test_an_unknown_field_is_answered_with_the_one_that_was_meant(shop: Shop) -> None:
    problem = shop.refused(license={"max_activation": 3})

    assert problem["message"] == (
        "items.0.licenses.0.max_activation: is not a known field; did you mean max_activations?"
    )


def test_a_fault_inside_a_license_is_reported_alone(shop: Shop) -> None:
    problem = shop.refused(license={"max_activations": "many"})

    assert fault_codes(problem) == {"/items/0/licenses/0/max_activations": "int_type"}


@pytest.mark.parametrize(
    ("items", "pointer"),
    [([], "/items"), ([{"product_code": "kp", "licenses": []}], "/items/0/licenses")],
)
def test_an_order_of_nothing_is_refused_in_words_a_person_knows(
    shop: Shop, items: Any, pointer: str
) -> None:
    reply = shop.order(items=items)

    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["pointer"]) == (400, pointer)
    assert fault["message"] == "must have at least one entry"


def test_items_and_product_codes_are_required(shop: Shop) -> None:
    nothing, no_product = shop.order(id="o-1"), shop.order(items=[{"licenses": [{}]}])

    assert fault_codes(nothing.json()) == {"/items": "required"}
    assert fault_codes(no_product.json()) == {"/items/0/product_code": "required"}


def test_more_licenses_than_an_order_holds_are_refused(shop: Shop) -> None:
    items = [{"product_code": "kp", "licenses": [{}] * 501} for _ in range(2)]

    problem = shop.order(items=items).refused()

    assert fault_codes(problem) == {"/items": "too_many_licenses"}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"active": False}, "disabled_product"), ({"is_archived": True}, "archived_product")],
)
def test_a_product_that_is_not_sold_any_more_is_refused(
    shop: Shop, change: dict[str, bool], code: str
) -> None:
    product = shop.get("/products/", "short_code=kp").json()["results"][0]
    shop.patch(f"/products/{product['id']}/", change)

    problem = shop.refused("kp")

    assert problem["code"] == code
    assert "kp" in problem["message"]


def test_an_unknown_product_is_refused_by_name(shop: Shop) -> None:
    problem = shop.refused("KP")

    assert problem["code"] == "unknown_product"
    assert problem["errors"][0]["value"] == "KP"


def test_the_path_is_the_same_with_and_without_a_slash(shop: Shop) -> None:
    body = {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}]}]}

    with_slash = shop.post("/orders/create_order/", body)
    without = shop.post("/orders/create_order", body)

    assert with_slash.status == without.status == 200
    assert with_slash.json() == without.json()

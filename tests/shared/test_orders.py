"""Fingerprints of orders: which requests are the same order."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.orders import FIRST_PART, Order, OrderItem, OrderRequest, whole

BODY: dict[str, Any] = {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}]}]}
NOW = datetime(2026, 3, 12, tzinfo=UTC)


def of(**more: Any) -> str:
    return OrderRequest.model_validate({**BODY, **more}).fingerprint


def of_license(**license: Any) -> str:
    return of(items=[{"product_code": "kp", "licenses": [license]}])


@given(st.permutations(["reference", "language", "is_test", "metadata", "customer"]))
def test_the_order_of_names_means_nothing(names: list[str]) -> None:
    fields: dict[str, Any] = {
        "reference": "r",
        "language": "de",
        "is_test": True,
        "metadata": {"b": 1, "a": 2},
        "customer": {"email": "c@x.test", "company": "Acme"},
    }

    assert of(**{name: fields[name] for name in names}) == of(**fields)


def test_append_is_part_of_what_is_compared() -> None:
    assert of(append=True) != of() == of(append=False)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"license_template_code": "a"}, {"policy_code": "a"}),
        ({"enable_maintenance_duration": True}, {"enable_maintenance_period": True}),
        ({"user": {"email": "U@x.test"}}, {"users": [{"email": "u@x.test"}]}),
        (
            {"bundle_products": [{"license_template_code": "a"}]},
            {"products": [{"policy_code": "a"}]},
        ),
        ({"start_date": "2026-3-2"}, {"start_date": "2026-03-02T00:00:00Z"}),
        ({"metadata": '{"a": 1}'}, {"metadata": {"a": 1}}),
    ],
)
def test_aliases_and_spellings_mean_the_same(sent: dict[str, Any], meant: dict[str, Any]) -> None:
    assert of_license(**sent) == of_license(**meant)


@pytest.mark.parametrize(
    "license", [{"policy_code": "a"}, {"max_activations": 0}, {"key": "K"}, {"enabled": False}]
)
def test_explicit_terms_change_the_fingerprint(license: dict[str, Any]) -> None:
    assert of_license(**license) != of_license()


def test_the_fullest_naming_of_a_user_is_taken() -> None:
    licenses = [
        {"users": [{"email": "u@x.test"}]},
        {"users": [{"email": "U@x.test", "first_name": "Uma"}]},
    ]
    request = OrderRequest.model_validate({"items": [{"product_code": "up", "licenses": licenses}]})

    assert [user.first_name for user in request.users.values()] == ["Uma"]


def row(part: str, item: int, minute: int) -> Order:
    moment = NOW.replace(minute=minute)
    bought = OrderItem(id=item, product_id=1, product_code="kp", license_ids=(item,))
    return Order(
        id=1, part=part, store_id="o-1", items=(bought,), created_at=moment, updated_at=moment
    )


@given(st.permutations([row(FIRST_PART, 1, 0), row("append#b", 2, 1), row("append#a", 3, 2)]))
def test_an_order_is_what_was_placed_and_then_what_was_appended(rows: list[Order]) -> None:
    order = whole(rows)

    assert order.license_ids == (1, 2, 3)
    assert (order.created_at, order.updated_at) == (NOW, NOW.replace(minute=2))

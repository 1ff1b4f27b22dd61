"""Canonical bodies of orders: which requests are equal, and where two of them differ."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.canonical_order import differing_paths
from shared.orders import OrderRequest

BODY: dict[str, Any] = {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}]}]}


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


@pytest.mark.parametrize(
    ("stored", "sent", "differing"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [(("a", "b"), 2)]),
        ({"a": 1}, {}, [(("a",), None)]),
        ({}, {"a": None}, [(("a",), None)]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [(("a", 1), 3)]),
        ({"a": [1]}, {"a": [1, 2]}, [(("a",), [1, 2])]),
        ({"a": True}, {"a": 1}, [(("a",), 1)]),
    ],
)
def test_differing_paths_have_the_values_that_were_sent(
    stored: Any, sent: Any, differing: list[Any]
) -> None:
    assert list(differing_paths(stored, sent)) == differing

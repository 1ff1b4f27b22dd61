"""JSON as DynamoDB returns it, and what DynamoDB can't store."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.stored_json import same_json, small_json, small_number, stored_number

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(1e-128, 1e125) | st.just(0.0)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec="utf-8"), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), inner, max_size=3
        )
    ),
    max_leaves=9,
)
OBJECTS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), VALUES, max_size=3
)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("number", "stored"), [(1.0, "1"), (-0.0, "0"), (1e3, "1000"), (1.5, "1.5"), (1e30, "1e+30")]
)
def test_a_number_is_normalized_as_dynamodb_does(number: float, stored: str) -> None:
    assert json.dumps(stored_number(number)) == stored


@pytest.mark.parametrize("number", [1e126, -1e126, 1e-129, -1e-129, float("inf")])
def test_a_number_out_of_range_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="between 1e-128 and 1e125"):
        small_number(number)


@given(OBJECTS)
def test_an_object_is_normalized_once(value: dict[str, Any]) -> None:
    stored = small_json(value)

    assert same_json(small_json(stored), stored)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"": 1}, "must not have an empty name"),
        ({"a": [{"": 1}]}, "must not have an empty name"),
        ({"a": 1e200}, "between 1e-128 and 1e125"),
        ({"a": 2**64}, "64-bit numbers"),
        ({"a": "\ud800"}, "must hold only strings"),
        (nested(21), "nested at most 20 levels"),
        ({"a": "x" * 16_384}, "at most 16384 bytes of JSON; it is 16392"),
    ],
)
def test_what_dynamodb_can_not_store_is_refused(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_json(value)


def test_the_limits_themselves_are_stored() -> None:
    assert small_json(nested(20)) == nested(20)
    assert len(small_json({"a": "x" * (16_384 - 8)})["a"]) == 16_376


def test_true_and_one_are_different_json() -> None:
    assert not same_json({"a": [1]}, {"a": [True]})
    assert not same_json({"a": 1}, {"a": 1, "b": None})
    assert not same_json([1, 2], [2, 1])
    assert same_json({"a": (1, {"b": 1.0})}, {"a": [1.0, {"b": 1}]})

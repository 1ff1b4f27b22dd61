"""JSON that has one meaning."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.strict_json import JsonError, loads

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@settings(deadline=None)
@given(VALUES)
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert loads(json.dumps(value)) == value


@pytest.mark.parametrize("zero", ["0.0", "-0.000e5", "0e-999", "-0"])
def test_every_spelling_of_zero_is_zero(zero: str) -> None:
    assert loads(zero) == 0


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "duplicate_key", ("a",)),
        ('{"a": [1, {"b": {"c": 1, "c": 2}}]}', "duplicate_key", ("a", 1, "b", "c")),
        ('{"a": {"b": [0, -0.00001e-999]}}', "invalid_json", ("a", "b", 1)),
        ("1e-400", "invalid_json", ()),
        ("[NaN]", "invalid_json", (0,)),
        ("-Infinity", "invalid_json", ()),
        ('"\\ud800"', "invalid_json", ()),
        ("[" * 100_000, "invalid_json", ()),
        ("{", "invalid_json", ()),
        ("", "invalid_json", ()),
        ('{"a": [0, {"b/c": 9223372036854775808}]}', "invalid_json", ("a", 1, "b/c")),
        ('{"a": 1e999}', "invalid_json", ("a",)),
        ("-9223372036854775809", "invalid_json", ()),
        ('{"a": 1e999', "invalid_json", ()),
    ],
)
def test_what_has_no_one_meaning_is_refused_at_its_place(
    text: str, code: str, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(JsonError) as refused:
        loads(text)

    assert (refused.value.code, refused.value.path) == (code, path)
    assert str(refused.value)

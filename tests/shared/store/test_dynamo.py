"""Numbers as DynamoDB stores them are read back as they were sent."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.store.dynamo import from_item, to_item
from shared.values import Metadata


@pytest.mark.parametrize("text", ["1" + "0" * 125, "1E+125", "1e125"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_long_number_is_read_back_however_dynamodb_spells_it(text: str, sign: str) -> None:
    assert from_item({"n": {"N": sign + text}}) == {"n": float(f"{sign}1e125")}


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_every_number_that_metadata_takes_is_read_back_from_its_digits(number: float) -> None:
    try:
        metadata = TypeAdapter(Metadata).validate_python({"n": number})
    except ValidationError:
        assert not 1e-128 <= abs(number) <= 1e125
        return

    text = to_item(metadata)["n"]["N"] if metadata["n"] != 0 else "0"
    value = Decimal(text)
    assert value.adjusted() < 126
    assert len(value.as_tuple().digits) <= 38
    for spelled in (text, format(value.normalize(), "f"), str(value.normalize())):
        again = from_item({"n": {"N": spelled}})["n"]
        assert (again, type(again)) == (metadata["n"], type(metadata["n"]))

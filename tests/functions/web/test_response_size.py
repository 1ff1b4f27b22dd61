"""The size of a response is that of Lambda's JSON."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from functions.web.response_size import encoded, fits, sent_bytes

TEXT = st.text(st.characters(codec="utf-8"))


class View(BaseModel):
    name: str


@given(TEXT | st.binary())
def test_a_body_is_measured_as_it_is_sent(body: str | bytes) -> None:
    if isinstance(body, bytes):
        assert sent_bytes(body) == len(base64.b64encode(body))
    else:
        assert sent_bytes(body) == len(orjson.dumps(body))


@given(TEXT, st.integers(0, 400))
def test_a_body_fits_exactly_if_its_size_does(body: str, most: int) -> None:
    assert fits(body, most) == (sent_bytes(body) <= most)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (View(name="ü"), '{"name":"ü"}'),
        ({"views": [View(name="a")]}, '{"views":[{"name":"a"}]}'),
        ("a,b\r\n", "a,b\r\n"),
        (b"\x00", b"\x00"),
    ],
)
def test_models_are_json_and_text_stays(body: object, text: str | bytes) -> None:
    assert encoded(body) == text

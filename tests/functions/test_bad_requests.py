"""Malformed bodies and forms are refused with a reason and never crash."""

import copy
import json
import random
from typing import Any

import pytest

from shared.store.import_jobs import list_jobs
from tests.functions.importer import BOUNDARY, Importer, form, part
from tests.functions.shop import Shop

ORDER: dict[str, Any] = {
    "id": "o-1",
    "customer": {"email": "ana@x.test", "metadata": {"a": 1}},
    "items": [
        {
            "product_code": "kp",
            "licenses": [{"key": "K-1", "max_activations": 1, "valid_duration": "1y"}],
        }
    ],
}
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**63 - 1, 1.5, 1e308, "", " ", "x" * 100_000, "\x00", "\u2028", "\u202e", "é" * 300,
    "9" * 39, "0000-01-01", "10000-01-01", [], {}, [[]], [None], {"": ""}, [{}] * 1_001, "../..", "=1+1",
)  # fmt: skip
TEXTS = (
    "\\ud800", "\\udc00x", "1" * 39, "-" * 5, "NaN", "Infinity", "-Infinity", "1e999", "[" * 100_000, '{"a":' * 50_000,
    "nul", "'", "//", "\x00", "\ufeff", '"', "\\", "\\u00", "{", "}", ",,", ":", '"id":"a","id":"b",',
)  # fmt: skip
MANY = 1_500


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a body."""
    if not isinstance(value, dict | list):
        return [at]
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    return [at, *(path for key, held in inside for path in places(held, (*at, key)))]


def malformed(draw: random.Random) -> str | bytes:
    """An order with another value, or with text or bytes put in or taken out."""
    body = copy.deepcopy(ORDER)
    if draw.random() < 0.5:
        *way, last = draw.choice(places(ORDER)[1:])
        inner: Any = body
        for key in way:
            inner = inner[key]
        if draw.random() < 0.3 and isinstance(inner, dict):
            last = draw.choice(("", "x", "__class__", "$ref", "\x00", "id", "product_code"))
        inner[last] = draw.choice(VALUES)
        return json.dumps(body)
    text = json.dumps(body)
    at = draw.randrange(len(text))
    text = text[:at] + draw.choice(TEXTS) + text[at + draw.choice((0, 1, 9)) :]
    if draw.random() < 0.7:
        return text
    data = text.encode()
    return data[:at] + draw.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xfe\xff")) + data[at:]


def test_no_malformed_body_crashes_an_order(shop: Shop) -> None:
    statuses: dict[int, int] = {}
    for number in range(MANY):
        draw = random.Random(f"1/{number}")

        reply = shop.post("/orders/create_order/", malformed(draw))

        statuses[reply.status] = statuses.get(reply.status, 0) + 1
        assert reply.status in (200, 400, 409, 413), (number, reply.text)
        if reply.status != 200:
            problem = reply.json()
            assert problem["code"], number
            assert problem["message"], number
    assert statuses[200]
    assert statuses[400] > MANY / 2


OPEN = f"--{BOUNDARY}\r\n".encode()
NAMED = b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n'
MANY_PARTS = (OPEN + b"\r\n\r\n") * 100_000
LONG_HEADER = OPEN + b"X: " + b"y" * 4_400_000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(part(), 400, "invalid_multipart", id="no closing boundary"),
        pytest.param(form(part(), part()), 400, "one_file_only", id="two files"),
        pytest.param(MANY_PARTS, 400, "one_file_only", id="10^5 parts"),
        pytest.param(LONG_HEADER, 400, "invalid_multipart", id="a long header"),
        pytest.param(OPEN + b"X: y\r\n" * 700_000, 400, "invalid_multipart", id="many headers"),
        pytest.param(OPEN + b"X: y\r\n" * 900_000, 413, "file_too_large", id="5 MB of headers"),
        pytest.param(OPEN + NAMED * 8 + b"\r\nx", 400, "invalid_multipart", id="cut in its part"),
        pytest.param(OPEN * 100_000, 400, "invalid_multipart", id="nothing but boundaries"),
        pytest.param(b"\r\n" * 2_000_000, 400, "invalid_multipart", id="nothing but lines"),
        pytest.param(b"\x00" * 4_000_000, 400, "invalid_multipart", id="nothing but zeros"),
        pytest.param(b"", 400, "invalid_multipart", id="nothing"),
    ],
)
def test_a_form_that_is_none_is_refused_whatever_it_is(
    importer: Importer, body: bytes, status: int, code: str
) -> None:
    reply = importer.send(body)

    assert (reply.status, reply.json()["code"]) == (status, code)
    assert not [*list_jobs(importer.company)]


def test_no_malformed_form_crashes_an_import(importer: Importer) -> None:
    good = form()
    for number in range(500):
        draw = random.Random(f"1/{number}")
        body = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(body))
            body[at : at + draw.choice((0, 1, 5))] = draw.choice(
                (b"\r\n", b"--", b'"', b"\x00", b"\xff", b";", b":", OPEN, b"=")
            )

        reply = importer.send(bytes(body))

        assert reply.status in (200, 400), (number, reply.text)
        assert reply.status == 200 or reply.json()["code"], number

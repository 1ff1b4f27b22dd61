"""The limits for the size of a response, and how its size is measured.

Lambda: "6 MB each for request and response (synchronous)", which is 6,291,556 bytes of the whole
response. The runtime sends it as JSON, so each quotation mark of a body that is JSON is escaped
again; since Python 3.12 other characters go out as they are, in UTF-8.
"""

from typing import Any

import orjson
from pydantic import BaseModel

MOST_BYTES = 6_000_000
"""Bytes of any response as Lambda sends it; the rest is for headers and the envelope."""
_MOST_PER_CHARACTER = 6
"""Bytes of a character, such as the control character that is sent as `\\u0001`."""
PAGE_BYTES = 5_500_000
"""Bytes of responses that can be shortened: pages of lists, licenses of an order, exports."""


def sent_bytes(body: str | bytes) -> int:
    """The bytes of a body as Lambda sends it."""
    if isinstance(body, bytes):
        return -(-len(body) // 3) * 4
    return len(orjson.dumps(body))


def fits(body: str | bytes, most: int) -> bool:
    """Whether Lambda sends a body in at most `most` bytes; a small body is not measured."""
    return len(body) * _MOST_PER_CHARACTER + 2 <= most or sent_bytes(body) <= most


def encoded(body: Any) -> str | bytes:
    """Encode a response body as JSON; str and bytes are returned as they are."""
    match body:
        case BaseModel():
            return body.model_dump_json(by_alias=True)
        case str() | bytes():
            return body
    return orjson.dumps(body, default=_plain).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(type(value).__name__)

"""How large an answer may be, and how large one is.

Lambda: "6 MB each for request and response (synchronous)", which is 6,291,556 bytes of the whole
answer. The runtime sends it as JSON, so a body that is JSON itself has each quotation mark escaped
once more; since Python 3.12 other characters go out as they are, in UTF-8.
"""

from typing import Any

import orjson
from pydantic import BaseModel

MOST_BYTES = 6_000_000
"""Of any answer, as Lambda sends it; the rest is left to headers and what the service adds."""
PAGE_BYTES = 5_500_000
"""Of what can be cut: records on a page, licenses of an order, rows of an export."""


def sent_bytes(body: str | bytes) -> int:
    """Bytes of a body on its way out of Lambda."""
    if isinstance(body, bytes):
        return -(-len(body) // 3) * 4
    return len(orjson.dumps(body))


def encoded(body: Any) -> str | bytes:
    """What an answer says, as text; text and bytes go out as they are."""
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

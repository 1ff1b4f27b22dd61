"""Cursors of lists: the position, the count, and a digest of the query.

A cursor is opaque. It has the count, so that only the first page counts the records, and a digest
of its query, so that it is refused with another query. The digest is not a signature: a cursor
gives access to nothing that its caller can't read anyway.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from functions.web.api import Caller
from shared.errors import Refused

LONGEST = 1000
_PAGING = {"limit", "offset", "cursor", "parts"}


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list; `place` identifies the last record before it, in the list's format."""

    place: str
    count: int

    def spelled(self, caller: Caller, query: BaseModel) -> str:
        """The cursor as text for the response."""
        parts = [self.place, self.count, _digest(caller, query, self)]
        return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


def read_cursor(caller: Caller, query: Any, places: re.Pattern[str]) -> Cursor | None:
    """The cursor of a query, or None. Raises Refused for a cursor of another list or query."""
    if query.cursor is None:
        return None
    try:
        place, count, digest = orjson.loads(_decoded(query.cursor))
        cursor = Cursor(str(place), int(count))
    except (ValueError, TypeError):
        raise _refused(query.cursor) from None
    if digest != _digest(caller, query, cursor) or not places.fullmatch(cursor.place):
        raise _refused(query.cursor)
    return cursor


def _decoded(text: str) -> bytes:
    if len(text) > LONGEST or not text.isascii():
        raise binascii.Error
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _digest(caller: Caller, query: BaseModel, cursor: Cursor) -> str:
    filters = query.model_dump(mode="json", exclude_defaults=True, exclude=_PAGING)
    parts = [caller.company, caller.path.rstrip("/"), filters, cursor.place, cursor.count]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _refused(cursor: str) -> Refused:
    message = (
        "is not a cursor of this list: send the `cursor` of the page before as it is, "
        "with the same filters"
    )
    return Refused("validation_error", f"cursor: {message}", field="cursor", value=cursor)

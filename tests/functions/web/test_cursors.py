"""Cursors: a position in one list of one company with one query."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from functions.web.api import Caller
from functions.web.cursors import LONGEST, Cursor, read_cursor
from shared.access import new_api_key
from shared.errors import Refused

PLACES = re.compile(r"\d+")
CURSOR = Cursor("42", 7)


class Query(BaseModel):
    limit: int = 20
    cursor: str | None = None
    product: str | None = None


def caller(company: str = "acme", path: str = "/api/v1/orders/") -> Caller:
    key, _ = new_api_key(company, now=datetime(2026, 3, 12, tzinfo=UTC))
    return Caller(key, "https://api.test", path, "r-1")


def read(text: str | None, who: Caller | None = None, **query: str | int) -> Cursor | None:
    return read_cursor(who or caller(), Query.model_validate({**query, "cursor": text}), PLACES)


def test_a_query_without_a_cursor_begins_at_the_start() -> None:
    assert read(None) is None


def test_a_cursor_is_read_back_also_with_another_limit() -> None:
    text = CURSOR.spelled(caller(), Query(product="kp"))

    assert read(text, product="kp", limit=100) == CURSOR
    assert re.fullmatch(r"[\w-]+", text)


def test_the_slash_at_the_end_of_the_path_does_not_matter() -> None:
    text = CURSOR.spelled(caller(), Query())

    assert read(text, caller(path="/api/v1/orders")) == CURSOR


@pytest.mark.parametrize(
    ("who", "query"),
    [
        (caller("globex"), {}),
        (caller(path="/api/v1/licenses/"), {}),
        (caller(), {"product": "kp"}),
    ],
    ids=["company", "list", "filter"],
)
def test_a_cursor_of_something_else_is_refused(who: Caller, query: dict[str, str]) -> None:
    text = CURSOR.spelled(caller(), Query())

    with pytest.raises(Refused, match="is not a cursor of this list") as caught:
        read(text, who, **query)

    assert [fault.field for fault in caught.value.faults] == ["cursor"]


@pytest.mark.parametrize("text", ["", "x", "é", "W10", "bnVsbA", "WzEsMiwzXQ", "A" * (LONGEST + 1)])
def test_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not a cursor of this list"):
        read(text)


def test_a_position_of_another_format_is_refused() -> None:
    text = replace(CURSOR, place="a#1").spelled(caller(), Query())

    with pytest.raises(Refused, match="is not a cursor"):
        read(text)

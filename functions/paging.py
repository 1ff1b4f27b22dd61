"""Lists: `{count, next, previous, results}` by limit and offset, and a cursor for going far."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from functions.http import Caller, Page

# Counting and skipping read the index, so they end somewhere.
FARTHEST = 10_000


def _not_too_far(offset: int) -> int:
    if offset > FARTHEST:
        raise ValueError(
            f"must be at most {FARTHEST}; to go further send the `cursor` of the page before"
        )
    return offset


def _a_number(cursor: str) -> str:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 16):
        raise ValueError("is not a cursor: send the `cursor` of the page before as it is")
    return cursor


class PageQuery(BaseModel, frozen=True, extra="forbid"):
    """Which part of a list; with a `cursor`, `offset` is not looked at."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    offset: Annotated[int, Field(ge=0), AfterValidator(_not_too_far)] = 0
    cursor: Annotated[str, AfterValidator(_a_number)] | None = None


def page_of[T](
    caller: Caller,
    query: PageQuery,
    keys: Callable[[str | None], Iterable[str]],
    load: Callable[[Sequence[str]], list[T]],
) -> Page[T]:
    """One page of a list; `keys(after)` walks it from behind a cursor, `load` reads records.

    `count` is exact up to 10,000, and is 10,000 for anything longer.
    """
    if query.cursor is None:
        walk = iter(keys(None))
        skipped = sum(1 for _ in islice(walk, query.offset))
        taken = list(islice(walk, query.limit + 1))
        count = skipped + len(taken) + _rest(walk, FARTHEST - skipped - len(taken))
    else:
        taken = list(islice(keys(query.cursor), query.limit + 1))
        count = _rest(iter(keys(None)), FARTHEST)
    shown, more = taken[: query.limit], len(taken) > query.limit
    cursor = shown[-1] if more else None
    given = query.model_dump(mode="json", exclude_unset=True, exclude={"offset", "cursor", "limit"})
    given["limit"] = query.limit
    farther = query.offset + query.limit
    by_offset = query.cursor is None and farther <= FARTHEST
    step = {"offset": farther} if by_offset else {"cursor": cursor}
    previous = None
    if query.cursor is None and query.offset:
        previous = caller.link(**given, offset=max(0, query.offset - query.limit))
    return Page(
        count=min(count, FARTHEST),
        next=caller.link(**given, **step) if more else None,
        previous=previous,
        cursor=cursor,
        results=load(shown),
    )


def _rest(walk: Iterator[str], most: int) -> int:
    return sum(1 for _ in islice(walk, max(0, most)))


def slice_of[T](caller: Caller, query: PageQuery, records: Sequence[T]) -> Page[T]:
    """One page of a list that is read whole anyway; the cursor is the place in it."""
    positions = [str(n) for n in range(len(records))]

    def keys(after: str | None) -> list[str]:
        start = int(after) + 1 if after and after.isdecimal() else 0
        return positions[start:]

    return page_of(caller, query, keys, lambda shown: [records[int(n)] for n in shown])

"""Paging of lists: `{count, next, previous, results}` by limit and offset, or by cursor."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from functions.web.api import Caller, Page
from functions.web.cursors import Cursor, read_cursor
from functions.web.response_size import PAGE_BYTES, encoded, sent_bytes
from shared.errors import Fault, Refused, refuse
from shared.store.newest_first import Source
from shared.values import OptionalMoment, RecordId

# Counting and skipping read the index, so they are limited.
FARTHEST = 10_000
CONTINUED = 101
"""Entries to request when a list continues from a cursor: the largest page and one more."""
LARGEST = 100
"""Records on a page; a larger `limit` is served as this one, as LicenseSpring does."""
NUMBER = re.compile(r"[0-9]{1,16}")


def _not_too_far(offset: int) -> int:
    if offset > FARTHEST:
        raise ValueError(
            f"must be at most {FARTHEST}; to continue, send the `cursor` of the previous page"
        )
    return offset


type Limit = Annotated[
    int,
    Field(ge=1, description=f"Above {LARGEST} it is {LARGEST}; the page has the limit in use."),
    AfterValidator(lambda limit: min(limit, LARGEST)),
]


class PageQuery(BaseModel, frozen=True, extra="forbid"):
    """The requested page of a list; with a `cursor`, `offset` only counts earlier records."""

    limit: Limit = 20
    offset: Annotated[int, Field(ge=0), AfterValidator(_not_too_far)] = 0
    cursor: str | None = None
    order_by: Literal["-created_at", "created_at"] | None = None

    @property
    def oldest_first(self) -> bool:
        return self.order_by == "created_at"


class CreatedQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of all lists of records: by time, by source, and by the import that created them."""

    created_at__gte: OptionalMoment = None
    created_at__lt: OptionalMoment = None
    source: Annotated[
        Source | None,
        Field(description="Records that imports created, or those of orders and other requests."),
    ] = None
    import_id: Annotated[
        RecordId | None,
        Field(strict=False, description="Records that this import created, in its rows' order."),
    ] = None

    def check_range(self, first: str = "created_at__gte", end: str = "created_at__lt") -> None:
        """Raises Refused if a range of times or days is reversed."""
        since, until = getattr(self, first), getattr(self, end)
        if since and until and since > until:
            message = f"must not be after {end}, which is {until.isoformat()}"
            refuse([Fault("invalid_range", message, first, None, since.isoformat())])

    def only(self, name: str, *others: str) -> None:
        """Raises Refused if a filter is sent with one, or an order, that is not among `others`."""
        if getattr(self, name) is None:
            return
        allowed = {"limit", "offset", "cursor", name, *others}
        sent = self.model_dump(exclude_none=True, exclude=allowed)
        if sent:
            message = f"can't be combined with {', '.join(sent)}: send one of them"
            value = str(getattr(self, name))
            refuse([Fault("filters_conflict", message, name, None, value)])


class Examined:
    """Ends a filtered walk after `FARTHEST` entries, so that a request reads a bounded number."""

    def __init__(self) -> None:
        self.last: str | None = None
        """The position at which the walk ended before the end of its list."""

    def first[E](self, entries: Iterable[E], place: Callable[[E], str]) -> Iterator[E]:
        for number, entry in enumerate(entries, 1):
            yield entry
            if number == FARTHEST:
                self.last = place(entry)
                return


def either_name(query: PageQuery, name: str, alias: str) -> Any:
    """The value of a filter that has two names. Raises Refused if both are sent and differ."""
    value, other = getattr(query, name), getattr(query, alias)
    if value is not None and other is not None and value != other:
        message = f"{alias} and {name} differ: send one of them"
        raise Refused("alias_conflict", message, field=alias, value=other)
    return other if value is None else value


def page_of[E, T](
    caller: Caller,
    query: PageQuery,
    *,
    walk: Callable[[str | None], Iterable[E]],
    place: Callable[[E], str],
    load: Callable[[Sequence[E]], Iterable[T | None]],
    places: re.Pattern[str] = NUMBER,
    examined: Examined | None = None,
) -> Page[T]:
    """A page of a list, which can be shorter than `limit` if its records are large.

    `walk(after)` iterates over the entries after a position, `place` returns the position of an
    entry, and `load` reads the records of entries: one for each, None for a deleted one. If the
    walk ended early, as `examined` tells, the next page continues from there.

    `count` is exact up to 10,000, and 10,000 for longer lists. It is counted for the first page;
    cursors carry it to the following pages. `next` has the cursor, so that records that are added
    meanwhile do not shift the pages; its offset is only informative.
    """
    cursor = read_cursor(caller, query, places)
    if cursor:
        taken = list(islice(walk(cursor.place), query.limit + 1))
        count = cursor.count
    else:
        entries = iter(walk(None))
        skipped = sum(1 for _ in islice(entries, query.offset))
        taken = list(islice(entries, query.limit + 1))
        seen = skipped + len(taken)
        count = seen + sum(1 for _ in islice(entries, max(0, FARTHEST - seen)))
    count = min(count, FARTHEST)
    candidates = taken[: query.limit]
    shown, results = _that_fit(candidates, load(candidates))
    onward = None
    if len(shown) < len(taken):
        onward = Cursor(place(shown[-1]), count).spelled(caller, query)
    elif examined and examined.last:
        onward = Cursor(examined.last, count).spelled(caller, query)
    return _page(caller, query, results, count=count, passed=len(shown), onward=onward)


def _page[T](
    caller: Caller,
    query: PageQuery,
    results: list[T],
    *,
    count: int,
    passed: int,
    onward: str | None,
) -> Page[T]:
    given = query.model_dump(mode="json", exclude_unset=True, exclude={"offset", "cursor", "limit"})
    given["limit"] = query.limit
    farther = query.offset + passed
    is_counted = query.cursor is None or query.offset > 0
    step = {"offset": farther} if is_counted and farther <= FARTHEST else {}
    previous = None
    if query.offset:
        previous = caller.link(**given, offset=max(0, query.offset - query.limit))
    return Page(
        count=count,
        limit=query.limit,
        next=caller.link(**given, **step, cursor=onward) if onward else None,
        previous=previous,
        cursor=onward,
        results=results,
    )


def _that_fit[E, T](entries: Sequence[E], records: Iterable[T | None]) -> tuple[list[E], list[T]]:
    """The entries of a page and their records, as many as fit into a response."""
    shown: list[E] = []
    results: list[T] = []
    left = PAGE_BYTES
    for entry, record in zip(entries, records, strict=True):
        if record is not None:
            left -= sent_bytes(encoded(record)) + 1
            if results and left < 0:
                break
            results.append(record)
        shown.append(entry)
    return shown, results


def slice_of[E, T](
    caller: Caller,
    query: PageQuery,
    entries: Sequence[E],
    load: Callable[[Sequence[E]], Iterable[T | None]],
) -> Page[T]:
    """A page of a list that is completely in memory; the cursor is the index."""

    def walk(after: str | None) -> range:
        return range(int(after) + 1 if after else 0, len(entries))

    return page_of(
        caller,
        query,
        walk=walk,
        place=str,
        load=lambda places: load([entries[place] for place in places]),
    )

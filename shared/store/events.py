"""The log of events, in the table Events, which keeps each for 90 days.

| attribute | content |
|---|---|
| pk | the company |
| sk | `<time>#<id>`: an event that is written again replaces itself |
| `typed` | `<company>#<type>`, for the list of one type (index `by_type`) |
| `expires` | when DynamoDB deletes the item, in seconds since 1970 |

A company's events are in one partition, which takes 1,000 writes per second. Above that, events are
published later, and none is lost: the stream has them for a day.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from shared.errors import Busy
from shared.events import KEPT_DAYS, Event
from shared.store import dynamo
from shared.store.retry import attempts

TABLE = "EVENTS_TABLE"
_PER_REQUEST = 25
"""DynamoDB's own limit."""


def put_events(events: Iterable[Event]) -> None:
    """Write events to the log; an event that is there already stays. Raises Busy if throttled."""
    items = {(event.company, place_of(event)): event_item(event) for event in events}
    for some in batched(items.values(), _PER_REQUEST, strict=False):
        request: Any = {dynamo.table(TABLE): [{"PutRequest": {"Item": item}} for item in some]}
        for _ in attempts():
            answer = dynamo.client().batch_write_item(RequestItems=request)
            request = answer.get("UnprocessedItems") or {}
            if not request:
                break
        else:
            raise Busy


def listed_events(
    company: str, type: str | None, *, now: datetime, after: str | None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """The items of the last 90 days, newest first, after the place `sk`; of one `type`, if given.

    `limit` is a hint for few. DynamoDB deletes expired items within days, so they are left out.
    """
    name, value, index = "pk", company, None
    if type is not None:
        name, value, index = "typed", f"{company}#{type}", "by_type"
    first = dynamo.stamp(now - timedelta(days=KEPT_DAYS))
    found = dynamo.query(
        TABLE,
        f"{name} = :of AND sk BETWEEN :first AND :last",
        {"of": value, "first": first, "last": after or "~"},
        index=index,
        forward=False,
        limit=limit,
    )
    return (item for item in found if item["sk"] != after)


def place_of(event: Event) -> str:
    return f"{dynamo.stamp(event.time)}#{event.id}"


def event_item(event: Event) -> dynamo.Item:
    keys = {
        "pk": event.company,
        "sk": place_of(event),
        "typed": f"{event.company}#{event.type}",
        "expires": int((event.time + timedelta(days=KEPT_DAYS)).timestamp()),
    }
    return dynamo.to_item(event.model_dump(mode="json") | keys)

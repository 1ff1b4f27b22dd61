"""HTTP API: list events, the audit log. `functions.records` serves this route."""

import re
from datetime import UTC, datetime
from functools import partial

from functions.web.api import Api, Caller, Page
from functions.web.paging import CONTINUED, PageQuery, page_of
from shared.events import Event, EventType
from shared.store.events import listed_events

_PLACES = re.compile(r"[0-9T:.Z-]{20,40}#[0-9a-f]{32}")

routes = Api("Records")


class EventQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of events."""

    type: EventType | None = None
    order_by: None = None


@routes.get("/api/v1/events/", scope="records:read")
def list_events(caller: Caller, query: EventQuery) -> Page[Event]:
    """List the events of the last 90 days, newest first: who changed what, and when.

    An event is listed some seconds after its change.
    """
    listed = partial(listed_events, caller.company, query.type, now=datetime.now(UTC))
    return page_of(
        caller,
        query,
        walk=lambda after: listed(after=after, limit=CONTINUED if after else None),
        place=lambda item: str(item["sk"]),
        load=lambda items: map(Event.model_validate, items),
        places=_PLACES,
    )

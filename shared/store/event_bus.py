"""The EventBridge bus of the stage, to which events are published."""

import os
from collections.abc import Sequence
from functools import cache
from itertools import batched
from typing import Any

import botocore.session
from botocore.config import Config

from shared.events import Event
from shared.store.retry import SDK_ATTEMPTS, attempts

SOURCE = "keywright"
_PER_REQUEST = 10
"""EventBridge's own limit. A request may have 256 KB; an event has about 1 KB."""


@cache
def client() -> Any:
    """The botocore client, created on first use."""
    config = Config(
        connect_timeout=1,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": SDK_ATTEMPTS},
    )
    return botocore.session.get_session().create_client("events", config=config)


def publish(events: Sequence[Event]) -> int:
    """Publish events in their order; returns how many of the first ones the bus has accepted.

    EventBridge can reject some entries of a request, for instance because of throttling; they are
    sent again. Events after the first one that stays rejected may have been accepted too.
    """
    done = 0
    for some in batched(events, _PER_REQUEST, strict=False):
        rejected = list(range(len(some)))
        for _ in attempts():
            rejected = _rejected(some, rejected)
            if not rejected:
                break
        else:
            return done + rejected[0]
        done += len(some)
    return done


def _rejected(events: Sequence[Event], wanted: Sequence[int]) -> list[int]:
    """Send the wanted ones of these events; returns those that were rejected."""
    entries = [_entry(events[index]) for index in wanted]
    results = client().put_events(Entries=entries)["Entries"]
    return [index for index, each in zip(wanted, results, strict=True) if "EventId" not in each]


def _entry(event: Event) -> dict[str, Any]:
    return {
        "EventBusName": os.environ["EVENT_BUS"],
        "Source": SOURCE,
        "DetailType": event.type,
        "Detail": event.model_dump_json(),
        "Time": event.time,
    }

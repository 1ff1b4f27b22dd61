"""Log and publish the events of changes, each at least once."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.events import Change, Event, event_of
from shared.store import event_bus
from shared.store.access import get_api_key
from shared.store.events import put_events

_LONGEST_NAME = 100
_names: dict[str, str] = {}
"""The names of API keys by their prefixes. A key never changes its name."""


class Published(NamedTuple):
    """How many of the first changes are done, with how many events, and why the next one is not."""

    changes: int
    events: int
    error: Exception | None


def publish_events(changes: Sequence[Change], *, base_url: str) -> Published:
    """Log the events of changes, and then publish them, both in the order of the changes.

    Stops before the first change whose event can't be made, and at the first event that the bus
    does not accept. Raises Busy, or an error of AWS, if the log does not accept the events.
    """
    made: list[tuple[int, Event]] = []
    error, end = None, len(changes)
    for index, change in enumerate(changes):
        try:
            event = event_of(change, base_url=base_url)
        except Exception as wrong:  # noqa: BLE001  # the changes before it are published
            error, end = wrong, index
            break
        if event:
            made.append((index, _with_name(event)))
    events = [event for _, event in made]
    put_events(events)
    accepted = event_bus.publish(events)
    if accepted < len(events):
        return Published(made[accepted][0], accepted, error)
    return Published(end, accepted, error)


def forget_names() -> None:
    """Clear the cache of the names of API keys."""
    _names.clear()


def _with_name(event: Event) -> Event:
    prefix = event.actor.prefix
    if prefix is None:
        return event
    if prefix not in _names:
        key = get_api_key(prefix)
        _names[prefix] = key.name[:_LONGEST_NAME] if key else ""
    actor = event.actor.model_copy(update={"name": _names[prefix] or None})
    return event.model_copy(update={"actor": actor})

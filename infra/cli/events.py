"""`keywright events`: list what happened in the last 90 days."""

import argparse
from collections.abc import Callable
from typing import get_args

from rich.markup import escape

from infra.cli.stages import add_group, add_subcommand, format_time, open_client
from infra.cli.tables import add_limit, paging_of, print_records
from shared.events import Event, EventType

_ACTORS = {"s3": "file in the bucket", "sweeper": "Keywright"}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    events = add_group(commands, "events", about="list who changed what in the last 90 days")
    listed = add_subcommand(events, "list", _list, "list events, newest first")
    listed.add_argument(
        "--type",
        choices=get_args(EventType.__value__),
        metavar="TYPE",
        help="only events of this type, such as license.updated",
    )
    add_limit(listed, "events")


def _list(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        print_records(
            client.events.list(type=options.type, **paging_of(options)),
            _COLUMNS,
            options,
            what="events",
            droppable=("Time (UTC)",),
            folded=("By",),
        )


def _actor(event: Event) -> str:
    actor = event.actor
    if actor.kind != "api_key":
        return _ACTORS[actor.kind]
    return f"{actor.name} ({actor.prefix})" if actor.name else str(actor.prefix)


def _record(event: Event) -> str:
    kind = event.type.partition(".")[0]
    return f"{kind} {event.data[f'{kind}_id']}"


_COLUMNS: dict[str, Callable[[Event], str]] = {
    "Type": lambda event: event.type,
    "Record": _record,
    "By": lambda event: escape(_actor(event)),
    "Time (UTC)": lambda event: format_time(event.time).removesuffix(" UTC"),
}

"""Lists of records, as JSON or as tables for a terminal of any width.

A table drops whole columns until it fits; cells are never cut off.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

MAX_LIMIT = 100
"""The largest page of a list of the API."""

_FOLDED = 8
"""Characters that a folded column has at least."""


def add_limit(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option that limits a list."""
    parser.add_argument(
        "--limit", type=int, default=20, help=f"how many {what} to show; default: 20"
    )


def add_order(parser: argparse.ArgumentParser) -> None:
    """Add the option that reverses a list."""
    parser.add_argument("--oldest-first", action="store_true", help="show the oldest first")


def paging_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the query parameters for the options of a list."""
    query: dict[str, Any] = {"limit": max(1, min(options.limit, MAX_LIMIT))}
    if "oldest_first" in options:
        query["order_by"] = "created_at" if options.oldest_first else "-created_at"
    return query


def print_records[R: BaseModel](
    records: Iterable[R],
    columns: Mapping[str, Callable[[R], str]],
    options: argparse.Namespace,
    *,
    what: str,
    droppable: Sequence[str],
    folded: Sequence[str],
) -> None:
    """Print the first records of a list as a table, or as JSON."""
    shown = [*islice(records, max(0, options.limit))]
    if options.json:
        print(json.dumps([each.model_dump(mode="json") for each in shown]))
    elif shown:
        console = Console(highlight=False)
        print_table(shown, columns, console=console, droppable=droppable, folded=folded)
    else:
        print(f"No {what}.")


def print_fields(fields: Mapping[str, str]) -> None:
    """Print the fields of one record; blank fields are left out."""
    table = Table(box=box.ROUNDED, show_header=False)
    for name, value in fields.items():
        if value:
            table.add_row(name, escape(value))
    Console(highlight=False).print(table)


def print_table[R](
    rows: Sequence[R],
    columns: Mapping[str, Callable[[R], str]],
    *,
    console: Console,
    droppable: Sequence[str],
    folded: Sequence[str],
) -> None:
    """Print a table of rows, without `droppable` columns, first to last, until it fits.

    Only the cells of `folded` columns wrap to several lines. What is still too wide runs over the
    edge, so that a key is in one piece and can be copied.
    """
    unlimited = console.options.update(width=10_000)
    kept = dict(columns)
    for name in [*droppable, ""]:
        table = _table(rows, kept, folded)
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
        kept.pop(name, None)
    narrowest = console.measure(_table(rows, kept, folded, folded_to=_FOLDED), options=unlimited)
    if narrowest.maximum > console.width:
        console = Console(file=console.file, highlight=False, width=narrowest.maximum)
    console.print(table, crop=False)


def _table[R](
    rows: Sequence[R],
    columns: Mapping[str, Callable[[R], str]],
    folded: Sequence[str],
    *,
    folded_to: int | None = None,
) -> Table:
    table = Table(box=box.ROUNDED)
    for title in columns:
        fold = title in folded
        table.add_column(
            title,
            no_wrap=not fold,
            overflow="fold",
            min_width=_FOLDED if fold else 0,
            max_width=folded_to if fold else None,
        )
    for row in rows:
        table.add_row(*(cell(row) for cell in columns.values()))
    return table

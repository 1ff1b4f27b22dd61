"""Tables for a terminal of any width: whole columns are dropped, cells are never cut off."""

from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

_FOLDED = 8
"""Characters that a folded column has at least."""


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

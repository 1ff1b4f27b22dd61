"""Tables for a terminal of any width: whole columns are dropped, cells are never cut off."""

from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table


def fit_table[R](
    rows: Sequence[R],
    columns: Mapping[str, Callable[[R], str]],
    *,
    console: Console,
    droppable: Sequence[str],
    folded: Sequence[str],
) -> Table:
    """Return a table of rows, without `droppable` columns, first to last, until it fits.

    Only the cells of `folded` columns wrap to several lines.
    """
    dropped: set[str] = set()
    unlimited = console.options.update(width=1_000)
    for name in [*droppable, ""]:
        table = Table(box=box.ROUNDED)
        kept = {title: cell for title, cell in columns.items() if title not in dropped}
        for title in kept:
            fold = title in folded
            table.add_column(title, no_wrap=not fold, overflow="fold", min_width=8 if fold else 0)
        for row in rows:
            table.add_row(*(cell(row) for cell in kept.values()))
        if console.measure(table, options=unlimited).maximum <= console.width:
            break
        dropped.add(name)
    return table

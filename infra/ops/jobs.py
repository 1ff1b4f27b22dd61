"""`keywright jobs`: imports as an operator sees them, and the ways to end one or run it again."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from infra.ops.client import Client
from infra.ops.stages import (
    NOT_DONE,
    NOT_WELL,
    add_noun,
    in_words,
    moment,
    open_client,
    stage_options,
)
from infra.ops.tables import fitted
from shared.imports import ENDED, KINDS
from shared.reports import ImportView, InvalidRow, RowFault, RowWarning, WarnedRow

SHOWN = 10
"""How many failed rows are shown; failed.csv has all of them."""

_WORDS = {
    "awaiting_upload": "waiting for the file",
    "queued": "waiting for its turn",
    "validating": "checking rows",
    "running": "importing rows",
}
_WAYS_ON = {
    "the encoding windows-1252": "--encoding windows-1252",
    "unknown_columns=ignore": "--unknown-columns ignore",
}
"""Options of `keywright import` by the words in which a refusal offers them."""
_COLORS = {0: "green", NOT_WELL: "yellow", NOT_DONE: "red"}


def add_verbs(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `jobs list`, `show`, `watch`, `retry` and `cancel` to the command."""
    verbs = add_noun(nouns, "jobs", about="manage imports: list, show, watch, retry, cancel")

    listed = verbs.add_parser("list", parents=[stage_options()], help="show imports, newest first")
    listed.add_argument("--kind", choices=KINDS)
    listed.add_argument("--state", help="such as running, or failed")
    listed.add_argument("--limit", type=int, default=20, help="how many; default: 20")
    listed.set_defaults(run=_list)

    for name, told in (
        ("show", "show one, with its first errors and warnings"),
        ("watch", "follow one to its end"),
        ("retry", "run one again that failed or was cancelled, and follow it"),
        ("cancel", "end one; what is written stays"),
    ):
        verb = verbs.add_parser(name, parents=[stage_options()], help=told)
        verb.add_argument("job", type=int, help="import number")
        verb.set_defaults(run=_of_one, verb=name)


def _list(asked: argparse.Namespace) -> None:
    with open_client(asked.stage) as client:
        found = client.imports.list(kind=asked.kind, state=asked.state, limit=min(asked.limit, 100))
        jobs = [*islice(found, asked.limit)]
    if asked.json:
        print(json.dumps([job.model_dump(mode="json") for job in jobs]))
    elif jobs:
        console = Console(highlight=False)
        table = fitted(
            jobs, _COLUMNS, console=console, droppable=("Took", "Kind"), folded=("File",)
        )
        console.print(table)
    else:
        print("No imports.")


def _of_one(asked: argparse.Namespace) -> int:
    """Exit status 0 also for an import that is under way still."""
    console = Console(highlight=False, quiet=asked.json)
    with open_client(asked.stage) as client:
        match asked.verb:
            case "show":
                job = client.imports.show(asked.job)
            case "cancel":
                job = client.imports.cancel(asked.job)
            case "retry":
                job = follow(client, client.imports.retry(asked.job).id, console=console)
            case _:
                job = follow(client, asked.job, console=console)
        if asked.json:
            print(job.model_dump_json())
        else:
            show_job(client, job, console=console)
    return 0 if asked.verb == "cancel" else exit_status(job)


def follow(client: Client, number: int, *, console: Console) -> ImportView:
    """The import when it has ended, showing how far it is until then."""
    with progress_bar(console, MofNCompleteColumn()) as progress:
        task = progress.add_task(f"Import {number}", total=None)

        def seen(job: ImportView) -> None:
            words = _WORDS.get(job.state, in_words(job.state))
            rows = job.progress
            progress.update(
                task,
                description=f"Import {number}: {words}",
                completed=rows.rows_done,
                total=rows.rows_total,
            )

        try:
            return client.imports.wait(number, seen=seen)
        except KeyboardInterrupt:
            console.print(f"\nImport {number} goes on without this window.")
            raise


def exit_status(job: ImportView) -> int:
    if job.state == "succeeded" or job.state not in ENDED:
        return 0
    return NOT_WELL if job.state in ("completed_with_errors", "rejected") else NOT_DONE


def show_job(client: Client, job: ImportView, *, console: Console) -> None:
    """What an import came to, why if it was refused, and its first errors and warnings."""
    show_summary(job, console=console)
    if job.failed_rows_url:
        console.print(rows_table(islice(client.imports.errors(job.id), SHOWN)))
    if warned := (job.counts or {}).get("warnings", 0):
        rows = "1 row was" if warned == 1 else f"{warned:,} rows were"
        first = f", the first {SHOWN} of them" if warned > SHOWN else ""
        console.print(f"[yellow]{rows} imported with warnings[/]{first}:")
        console.print(warnings_table(islice(client.imports.warnings(job.id, limit=SHOWN), SHOWN)))


def show_summary(job: ImportView, *, console: Console) -> None:
    trial = " [dim](dry run: nothing was written)[/]" if job.dry_run else ""
    color = _COLORS[exit_status(job)]
    state = in_words(job.state)
    console.print(f"Import {job.id}, {escape(job.file_name)}: [{color}]{state}[/]{trial}")
    if job.counts and any(job.counts.values()):
        table = Table(box=box.ROUNDED, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, count in job.counts.items():
            table.add_row(_counter(name), f"{count:,}")
        console.print(table)
    for warning in (job.detected or {}).get("warnings", ()):
        console.print(f"[yellow]{escape(warning['message'])}.[/] [dim]{warning['code']}")
    if job.refusal:
        where = f" (line {job.refusal.line})" if job.refusal.line else ""
        console.print(f"[red]{escape(job.refusal.message)}[/]{where} [dim]{job.refusal.code}")
        for words, option in _WAYS_ON.items():
            if words in job.refusal.message:
                console.print(f"On the command line: {option}")


def _counter(name: str) -> str:
    """`existed_license_features_count` as `License features already existing`."""
    verb, _, noun = name.removesuffix("_count").partition("_")
    words = {
        "total_row_count": "Rows",
        "valid_row_count": "Valid rows",
        "created": f"{in_words(noun)} created",
        "existed": f"{in_words(noun)} already existing",
    }
    return (words.get(name) or words.get(verb) or in_words(name)).capitalize()


def _took(job: ImportView) -> str:
    took = job.finished_at and job.started_at and job.finished_at - job.started_at
    return f"{took.total_seconds():.1f} s" if took else "-"


_COLUMNS: dict[str, Callable[[ImportView], str]] = {
    "Import": lambda job: str(job.id),
    "Kind": lambda job: job.kind,
    "File": lambda job: escape(job.file_name),
    "State": lambda job: f"[{_COLORS[exit_status(job)]}]{in_words(job.state)}",
    "Rows": lambda job: f"{job.progress.rows_done:,}",
    "Started (UTC)": lambda job: moment(job.started_at).removesuffix(" UTC"),
    "Took": _took,
}


def rows_table(rows: Iterable[InvalidRow]) -> Table:
    """Failed rows, one line for each thing that is wrong."""
    return _found_table("What is wrong", ((row.row, row.line, row.errors) for row in rows))


def warnings_table(rows: Iterable[WarnedRow]) -> Table:
    """Rows with warnings, one line for each warning."""
    return _found_table("What to check", ((row.row, row.line, row.warnings) for row in rows))


def _found_table(
    title: str,
    rows: Iterable[tuple[int | None, int | None, Sequence[RowFault | RowWarning]]],
) -> Table:
    table = Table("Row", "Line", "Column", "Value", title, box=box.ROUNDED)
    for row, line, found in rows:
        for each in found:
            cells = (row, line, each.column, each.value, each.message)
            table.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))
    return table


@contextmanager
def progress_bar(console: Console, *columns: ProgressColumn) -> Iterator[Progress]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
        console=console,
        disable=console.quiet,
    ) as progress:
        yield progress

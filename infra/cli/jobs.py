"""`keywright jobs`: list, show, watch, retry, cancel and undo imports."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

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

from infra.cli.deletion import confirm
from infra.cli.stages import (
    FAILED,
    FOUND_PROBLEMS,
    add_group,
    add_subcommand,
    format_time,
    in_words,
    open_client,
)
from infra.cli.tables import add_limit, paging_of, print_records
from infra.client.client import Client
from shared.contract.imports import (
    ImportView,
    KeptRow,
    RowFaultView,
    RowWarning,
)
from shared.import_job import ENDED, KINDS

CONFIRMED = 100
"""How many records can be reverted without a confirmation."""
SHOWN = 10
"""How many rows with errors or warnings are shown; failed.csv has all failed rows."""

_STATES = {
    "awaiting_upload": "waiting for upload",
    "queued": "queued",
    "validating": "validating rows",
    "running": "importing rows",
}
_OPTIONS = {
    "the encoding windows-1252": "--encoding windows-1252",
    "unknown_columns=ignore": "--unknown-columns ignore",
}
"""Options of `keywright import`, by the text that suggests them in an error message."""
_COLORS = {0: "green", FOUND_PROBLEMS: "yellow", FAILED: "red"}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    subcommands = add_group(
        commands, "jobs", about="manage imports: list, show, watch, retry, cancel, undo"
    )

    listed = add_subcommand(subcommands, "list", _list, "show imports, newest first")
    listed.add_argument("--kind", choices=KINDS, help="only imports of this kind")
    listed.add_argument("--state", help="only imports in this state, such as running or failed")
    listed.add_argument(
        "--needs-attention",
        action="store_true",
        help="only failed and rejected imports, and those with uncorrected rows",
    )
    add_limit(listed, "imports")

    for name, about in (
        ("show", "show an import with its first errors and warnings"),
        ("watch", "wait until an import has finished"),
        ("retry", "run a failed or cancelled import again and wait until it has finished"),
        ("cancel", "cancel an import; rows already written are kept"),
    ):
        subcommand = add_subcommand(subcommands, name, _run_one, about)
        subcommand.add_argument("job", type=int, help="import number")
        subcommand.set_defaults(subcommand=name)
    undo = add_subcommand(
        subcommands, "undo", _undo, "remove what an import created, and set back what it changed"
    )
    undo.add_argument("job", type=int, help="import number")
    undo.add_argument("--dry-run", action="store_true", help="count what would happen")
    undo.add_argument("--yes", action="store_true", help="undo without confirmation")

    about = "import the file of a dry run exactly as the dry run has shown, and wait"
    commit = add_subcommand(subcommands, "commit", _run_one, about)
    commit.add_argument("job", type=int, help="number of the dry run")
    commit.add_argument(
        "--hash", required=True, help="hash of its plan, which `keywright jobs show` prints"
    )
    commit.set_defaults(subcommand="commit")

    about = "save the file of an import with the result of each row"
    results = add_subcommand(subcommands, "results", _save_results, about)
    results.add_argument("job", type=int, help="import number")
    results.add_argument(
        "--out", type=Path, metavar="FILE", help="write to this file (default: <file>.results.csv)"
    )


def _list(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        print_records(
            client.imports.list(
                kind=options.kind,
                state=options.state,
                needs_attention=options.needs_attention or None,
                **paging_of(options),
            ),
            _COLUMNS,
            options,
            what="imports",
            droppable=("Duration", "Kind"),
            folded=("File",),
        )


def _save_results(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        job = client.imports.show(options.job)
        path = options.out or Path(Path(job.file_name).with_suffix(".results.csv").name)
        client.imports.save_results(job.id, path)
        if options.json:
            print(job.model_dump_json())
        else:
            Console(highlight=False).print(f"Saved the result of each row as {path}")


def _run_one(options: argparse.Namespace) -> int:
    """Run a subcommand on one import; exit status 0 also while the import is still running."""
    console, number = Console(highlight=False, quiet=options.json), options.job
    with open_client(options.stage) as client:
        match options.subcommand:
            case "retry":
                number = client.imports.retry(number).id
            case "commit":
                number = client.imports.commit(number, options.hash).id
        match options.subcommand:
            case "show":
                job = client.imports.show(number)
            case "cancel":
                job = client.imports.cancel(number)
            case _:
                job = follow(client, number, console=console, stage=options.stage)
        _print_job(client, job, options, console=console)
    return 0 if options.subcommand == "cancel" else exit_status(job)


def _undo(options: argparse.Namespace) -> int:
    """Undo an import, after a dry run of it; more than CONFIRMED records need a confirmation."""
    console, failed = Console(highlight=False, quiet=options.json), 0
    with open_client(options.stage) as client:
        plan = None
        if options.dry_run or not options.yes:
            started = client.imports.undo(options.job, dry_run=True)
            job = follow(client, started.id, console=console, stage=options.stage)
            plan = job.plan
            if not options.dry_run and not (failed := exit_status(job)):
                _confirm_undo(options.job, job)
        if not options.dry_run and not failed:
            if plan is None:
                started = client.imports.undo(options.job)
            else:
                started = client.imports.commit(job.id, plan.hash)
            job = follow(client, started.id, console=console, stage=options.stage)
        _print_job(client, job, options, console=console)
    return exit_status(job)


def _confirm_undo(number: int, planned: ImportView) -> None:
    """Ask to type the number of an import if its undo reverts many records. Raises Refused."""
    counts = planned.counts or {}
    reverted = sum(count for name, count in counts.items() if name.startswith("reverted_"))
    if reverted > CONFIRMED:
        about = f"{reverted:,} records of import {number} will be removed or set back."
        confirm(about, str(number), verb="undo", otherwise="nothing was undone")


def follow(client: Client, number: int, *, console: Console, stage: str) -> ImportView:
    """Wait until an import has ended and return it, showing its progress."""
    with progress_bar(console, MofNCompleteColumn()) as progress:
        task = progress.add_task(f"Import {number}", total=None)

        def show_progress(job: ImportView) -> None:
            state = _STATES.get(job.state, in_words(job.state))
            rows = job.progress
            progress.update(
                task,
                description=f"Import {number}: {state}",
                completed=rows.rows_done,
                total=rows.rows_total,
            )

        try:
            return client.imports.wait(number, on_progress=show_progress)
        except KeyboardInterrupt:
            console.print(
                f"\nImport {number} keeps running. To follow it: keywright jobs watch {number}"
                f" --stage {stage}"
            )
            raise


def exit_status(job: ImportView) -> int:
    """Return 0 for an import without failed rows or still running, 1 with failed rows, else 2."""
    if job.state == "succeeded" or job.state not in ENDED:
        return 0
    return FOUND_PROBLEMS if job.state in ("completed_with_errors", "rejected") else FAILED


def _print_job(
    client: Client, job: ImportView, options: argparse.Namespace, *, console: Console
) -> None:
    if options.json:
        print(job.model_dump_json())
    else:
        show_job(client, job, console=console, stage=options.stage)


def show_job(client: Client, job: ImportView, *, console: Console, stage: str) -> None:
    """Print an import's result, with its first errors and warnings."""
    show_summary(job, console=console, stage=stage)
    if job.failed_rows_url:
        found = islice(client.imports.errors(job.id), SHOWN)
        faults = ((row.row, row.line, row.errors) for row in found)
        console.print(_problem_table("Problem", faults))
    if warned := (job.counts or {}).get("warnings", 0):
        rows = "1 row was" if warned == 1 else f"{warned:,} rows were"
        first = f"; first {SHOWN}" if warned > SHOWN else ""
        console.print(f"[yellow]{rows} imported with warnings[/]{first}:")
        warnings = islice(client.imports.warnings(job.id, limit=SHOWN), SHOWN)
        console.print(
            _problem_table("Warning", ((row.row, row.line, row.warnings) for row in warnings))
        )
    if job.undoes and any(name.startswith("kept_because_") for name in job.counts or {}):
        console.print(_kept_table(islice(client.imports.kept(job.id, limit=SHOWN), SHOWN)))


def show_summary(job: ImportView, *, console: Console, stage: str) -> None:
    """Print an import's state, counts and the reason if it was rejected."""
    dry_run = " [dim](dry run: nothing was written)[/]" if job.dry_run else ""
    color = _COLORS[exit_status(job)]
    state = in_words(job.state)
    console.print(f"Import {job.id}, {escape(job.file_name)}: [{color}]{state}[/]{dry_run}")
    if job.counts and any(job.counts.values()):
        table = Table(box=box.ROUNDED, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, count in job.counts.items():
            if job.on_existing == "update" or not name.startswith(_UPDATE_COUNTS):
                table.add_row(_counter(name), f"{count:,}")
        console.print(table)
        failed = job.counts["total_row_count"] - job.counts["valid_row_count"]
        for each in job.corrections:
            console.print(f"{each.resolved_rows:,} of {failed:,} resolved in import {each.id}")
    if job.detected:
        how = "as requested" if job.encoding == job.detected.encoding else "detected"
        console.print(f"Encoding: {job.detected.encoding} ({how})")
    for warning in job.detected.warnings if job.detected else ():
        console.print(f"[yellow]{escape(warning.message)}.[/] [dim]{warning.code}")
    if job.stopping:
        console.print(
            "Stopping: rows in flight are still being written, so these counts will change."
        )
    _show_related(job, console=console)
    _show_plan(job, console=console, stage=stage)
    if job.refusal:
        line = f"line {job.refusal.line}"
        is_named = job.refusal.line is None or line in job.refusal.message.lower()
        where = "" if is_named else f" ({line})"
        console.print(f"[red]{escape(job.refusal.message)}[/]{where} [dim]{job.refusal.code}")
        for text, option in _OPTIONS.items():
            if text in job.refusal.message:
                console.print(f"Option of keywright import: {option}")
        if job.refusal.suggested:
            console.print("Columns that these headers may mean; check them, save them as a file,")
            console.print("and import with --mapping FILE:")
            mapping = {"columns": job.refusal.suggested}
            text = json.dumps(mapping, ensure_ascii=False)
            console.print(escape(text), soft_wrap=True)


def _show_related(job: ImportView, *, console: Console) -> None:
    for related, what in (
        (job.undoes, "Undoes import"),
        (job.undone_by, "Undone by import"),
        (job.corrects, "Corrects failed rows of import"),
    ):
        if related:
            console.print(f"{what} {related}")


def _show_plan(job: ImportView, *, console: Console, stage: str) -> None:
    if job.planned_by:
        console.print(f"Commits the plan of import {job.planned_by}")
    if job.plan and job.plan.committed_by:
        console.print(f"This plan was committed by import {job.plan.committed_by}")
    elif job.plan:
        console.print(
            f"To {'undo' if job.undoes else 'import'} exactly this: keywright jobs commit"
            f" {job.id} --hash {job.plan.hash} --stage {stage},"
            f" until {format_time(job.plan.expires_at)}",
            soft_wrap=True,
        )


_UPDATE_COUNTS = ("updated_", "unchanged_")
"""Counts that say something only about an import that updates."""


def _counter(name: str) -> str:
    """Return the label of a count: `existed_customers_count` is `Customers already existing`."""
    verb, _, noun = name.removesuffix("_count").partition("_")
    labels = {
        "total_row_count": "Rows",
        "valid_row_count": "Valid rows",
        "created": f"{in_words(noun)} created",
        "existed": f"{in_words(noun)} already existing",
        "updated": f"{in_words(noun)} updated",
        "unchanged": f"{in_words(noun)} unchanged",
        "reverted": f"{in_words(noun)} removed or set back",
        "kept": f"{in_words(noun)} kept",
    }
    if name.startswith("kept_because_"):
        return f"Kept: {in_words(noun.removeprefix('because_'))}"
    return (labels.get(name) or labels.get(verb) or in_words(name)).capitalize()


def _state(job: ImportView) -> str:
    """Return the state of an import in a list, which marks undone imports and undos."""
    mark = f", undoes {job.undoes}" if job.undoes else ""
    return in_words(job.state) + (", undone" if job.undone_by else mark)


def _duration(job: ImportView) -> str:
    duration = job.finished_at and job.started_at and job.finished_at - job.started_at
    return f"{duration.total_seconds():.1f} s" if duration else "-"


_COLUMNS: dict[str, Callable[[ImportView], str]] = {
    "Import": lambda job: str(job.id),
    "Kind": lambda job: job.kind,
    "File": lambda job: escape(job.file_name),
    "State": lambda job: f"[{_COLORS[exit_status(job)]}]{_state(job)}",
    "Rows": lambda job: f"{job.progress.rows_done:,}",
    "Started (UTC)": lambda job: format_time(job.started_at).removesuffix(" UTC"),
    "Duration": _duration,
}


def _kept_table(rows: Iterable[KeptRow]) -> Table:
    table = Table("Row", "Line", "Kept", "Because", box=box.ROUNDED)
    for kept in rows:
        names = {"order": kept.order_id, "customer": kept.customer_id, "license": kept.license_id}
        (what,) = (f"{name} {id}" for name, id in names.items() if id is not None)
        table.add_row(str(kept.row), str(kept.line), what, escape(kept.message))
    return table


def _problem_table(
    title: str,
    rows: Iterable[tuple[int | None, int | None, Sequence[RowFaultView | RowWarning]]],
) -> Table:
    """A table with one line for each problem of a row."""
    table = Table("Row", "Line", "Column", "Value", title, box=box.ROUNDED)
    for row, line, problems in rows:
        for each in problems:
            cells = (row, line, each.column, each.value, each.message)
            table.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))
    return table


@contextmanager
def progress_bar(console: Console, *columns: ProgressColumn) -> Iterator[Progress]:
    """Show a progress bar with these columns and the elapsed time, unless the console is quiet."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
        console=console,
        disable=console.quiet,
    ) as progress:
        yield progress

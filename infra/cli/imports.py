"""`keywright import`: upload a file to a stage, follow its import and report its results.

Exit status 0: all rows were imported; 1: some rows failed; 2: the file or the request was rejected,
or the import did not finish.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.progress import DownloadColumn, TransferSpeedColumn

from infra.cli import mappings
from infra.cli.jobs import exit_status, follow, progress_bar, show_job
from infra.cli.stages import add_subcommand, open_client
from infra.cli.workbook import SUFFIXES, BadWorkbook, to_csv
from infra.client.client import Client
from infra.client.imports import ImportOptions
from shared.column_mapping import NO_MAPPING, ColumnMapping
from shared.columns import KINDS as KINDS_OF_FILES
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import plan
from shared.csv_format.reader import records
from shared.day_order import DayOrder
from shared.import_job import KINDS

_CHECKED = 128 * 1024 * 1024
"""Bytes at the start of a file whose dates are read before the upload."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = add_subcommand(
        commands, "import", run, "import a CSV file and wait until it has finished"
    )
    command.add_argument(
        "--file", required=True, type=_file, help="the CSV file, or an Excel workbook (.xlsx)"
    )
    command.add_argument(
        "--sheet", metavar="NAME", help="sheet of a workbook (default: the first that is visible)"
    )
    command.add_argument("--kind", required=True, choices=KINDS, help="type of records")
    command.add_argument(
        "--dry-run",
        "--plan",
        dest="dry_run",
        action="store_true",
        help="show what would happen, and write nothing; `keywright jobs commit` then does it",
    )
    command.add_argument(
        "--on-error",
        choices=("skip_row", "reject_all"),
        default="skip_row",
        help="if a row has errors: import the other rows (default), or import nothing",
    )
    command.add_argument(
        "--encoding",
        choices=("auto", "utf-8", "windows-1252"),
        default="auto",
        help="encoding of the file, if it is not detected correctly",
    )
    command.add_argument(
        "--unknown-columns",
        choices=("check", "ignore"),
        default="check",
        help="if a column is unknown: stop when it may be misspelled (default), or ignore it",
    )
    command.add_argument(
        "--dates",
        choices=("iso", "dmy", "mdy"),
        help="order of dates that do not begin with the year: dmy reads 31.12.2027, mdy reads"
        " 12/31/2027, iso refuses both (default, unless the mapping has an order)",
    )
    mappings.add_options(command)
    command.add_argument(
        "--on-existing",
        choices=("keep", "update", "refuse"),
        default="keep",
        help="if a record already exists: keep it (default), update it, or report an error",
    )
    command.add_argument(
        "--on-missing",
        choices=("create", "refuse"),
        default="create",
        help="if a record does not exist: create it (default), or report an error",
    )
    command.add_argument(
        "--keys",
        choices=("require", "generate"),
        default="require",
        help="if a license has no key: report an error (default), or generate a key",
    )
    command.add_argument(
        "--corrects",
        type=int,
        metavar="IMPORT",
        help="number of the import whose failed rows this file fixes",
    )


def run(options: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=options.json)
    with _csv_file(options) as path, open_client(options.stage) as client:
        mapping = mappings.used_mapping(client, options)
        order = _day_order(path, options, mapping or NO_MAPPING)
        if order.example is not None:
            console.print(_date_advice(order, cut=path.stat().st_size > _CHECKED))
        number = _send(client, path, options, mapping, console=console)
        job = follow(client, number, console=console, stage=options.stage)
        failed_file = client.imports.save_failed_rows(job, options.file.with_suffix(".failed.csv"))
        if options.json:
            result = job.model_dump(mode="json")
            more = {"failed_file": failed_file and str(failed_file)}
            print(json.dumps(result | more | {"suggested_dates": order.suggested}))
        else:
            show_job(client, job, console=console, stage=options.stage)
    if failed_file:
        again = _again(options, is_mapped=mapping is not None)
        console.print(f"Failed rows saved to {failed_file}. Fix them and import that file{again}.")
    return exit_status(job)


@contextmanager
def _csv_file(options: argparse.Namespace) -> Iterator[Path]:
    """The file to send: the chosen one, or the converted sheet of a workbook.

    Raises BadWorkbook.
    """
    path: Path = options.file
    if path.suffix.lower() not in SUFFIXES:
        if options.sheet is not None:
            raise BadWorkbook("--sheet needs an Excel workbook. Remove it, or choose another file.")
        yield path
        return
    with TemporaryDirectory() as folder:
        converted = Path(folder, path.with_suffix(".csv").name)
        converted.write_bytes(to_csv(path, options.sheet))
        yield converted


def _send(
    client: Client,
    path: Path,
    options: argparse.Namespace,
    mapping: ColumnMapping | None,
    *,
    console: Console,
) -> int:
    """Start the import and upload its file, showing how much of it is sent. Return its number."""
    size = path.stat().st_size
    with progress_bar(console, DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(f"Uploading {escape(path.name)}", total=size)

        def reading(file: BinaryIO) -> BinaryIO:
            return progress.wrap_file(file, total=size, task_id=task)

        chosen: ImportOptions = {
            "dry_run": options.dry_run,
            "on_error": options.on_error,
            "encoding": None if options.encoding == "auto" else options.encoding,
            "unknown_columns": options.unknown_columns,
            "mapping": mappings.requested(mapping),
            "on_existing": options.on_existing,
            "on_missing": options.on_missing,
            "keys": options.keys,
            "corrects": options.corrects,
        }
        if options.dates:
            chosen["dates"] = options.dates
        return client.imports.send(path, options.kind, reading=reading, **chosen).id


def _again(options: argparse.Namespace, *, is_mapped: bool) -> str:
    """The options with which a file of failed rows is imported."""
    again = f" --dates {options.dates}" if options.dates else ""
    if options.keys == "generate":
        again += " --keys generate"
    if is_mapped:
        again += f" and the same {'--mapping' if options.mapping else '--product'}"
    return f" with{again.removeprefix(' and')}" if again else ""


def _day_order(path: Path, options: argparse.Namespace, mapping: ColumnMapping) -> DayOrder:
    """The order of the dates in the file, from its first `_CHECKED` bytes, unless one is chosen."""
    order, kind = DayOrder(), KINDS_OF_FILES[options.kind]
    if options.dates or mapping.dates:
        return order
    days = {header for part in kind.parts.values() for header in part.days}
    with path.open("rb") as file:
        data = file.read(_CHECKED)
    encoding = None if options.encoding == "auto" else options.encoding
    try:
        planned = plan(
            [data],
            required=mapping.required(options.kind),
            known=kind.columns,
            encoding=encoding,
            mapped=mapping.headers,
        )
    except BadFile:
        return order  # the service refuses it, or only its start was read
    at = [index for index, name in enumerate(planned.dialect.names) if name in days]
    for chunk in planned.chunks if at else ():
        piece = data[chunk.start : chunk.end]
        for record in records(piece, planned.dialect, first_row=1, first_line=1):
            for index in at:
                order.feed(record.fields[index])
    return order


def _date_advice(order: DayOrder, *, cut: bool) -> str:
    """What to do about dates that the service refuses by default."""
    start = f"[yellow]Dates such as {escape(order.example or '')} do not begin with the year"
    if order.suggested is None:
        return f"{start}: --dates dmy reads the day first, --dates mdy the month first.[/]"
    words = {"dmy": "day, month, year", "mdy": "month, day, year"}[order.suggested]
    which = "All dates of the first 128 MB" if cut else "All dates"
    return (
        f"{start}.[/] {which} can be read as {words}, and not all in another order:"
        f" import the file with --dates {order.suggested}"
    )


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(
            f"file not found: {text}" if text else "enter the path of a CSV file"
        )
    return path

"""`keywright import`: upload a file to a stage, follow its import and report its results.

Exit status 0: all rows were imported; 1: some rows failed; 2: the file or the request was rejected,
or the import did not finish.
"""

import argparse
import json
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.progress import DownloadColumn, TransferSpeedColumn

from infra.cli.jobs import exit_status, follow, progress_bar, show_job
from infra.cli.stages import open_client, stage_options
from infra.client.client import Client
from shared.import_job import KINDS


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keywright import`."""
    command = commands.add_parser(
        "import", parents=[stage_options()], help="import a CSV file and wait until it has finished"
    )
    command.add_argument("--file", required=True, type=_file, help="the CSV file")
    command.add_argument("--kind", required=True, choices=KINDS, help="type of records")
    command.add_argument("--dry-run", action="store_true", help="validate only; write nothing")
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
        "--corrects",
        type=int,
        metavar="IMPORT",
        help="number of the import whose failed rows this file fixes",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run `keywright import`."""
    console = Console(highlight=False, quiet=options.json)
    with open_client(options.stage) as client:
        number = _send(client, options, console=console)
        job = follow(client, number, console=console)
        failed_file = client.imports.save_failed_rows(job, options.file.with_suffix(".failed.csv"))
        if options.json:
            result = job.model_dump(mode="json")
            print(json.dumps(result | {"failed_file": failed_file and str(failed_file)}))
        else:
            show_job(client, job, console=console)
    if failed_file:
        console.print(f"Failed rows saved to {failed_file}. Fix them and import that file.")
    return exit_status(job)


def _send(client: Client, options: argparse.Namespace, *, console: Console) -> int:
    """Start the import and upload its file, showing how much of it is sent. Return its number."""
    path: Path = options.file
    size = path.stat().st_size
    with progress_bar(console, DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(f"Uploading {escape(path.name)}", total=size)

        def reading(file: BinaryIO) -> BinaryIO:
            return progress.wrap_file(file, total=size, task_id=task)

        return client.imports.send(
            path,
            options.kind,
            dry_run=options.dry_run,
            on_error=options.on_error,
            encoding=None if options.encoding == "auto" else options.encoding,
            unknown_columns=options.unknown_columns,
            on_existing=options.on_existing,
            on_missing=options.on_missing,
            corrects=options.corrects,
            reading=reading,
        ).id


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(
            f"file not found: {text}" if text else "enter the path of a CSV file"
        )
    return path

"""`keywright import`: sends a file to a stage, follows its import, and tells what became of it.

Exit status 0: every row is in; 1: some rows failed; 2: the file or the request was refused, or the
import did not come to its end.
"""

import argparse
import json
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.progress import DownloadColumn, TransferSpeedColumn

from infra.ops.client import Client
from infra.ops.jobs import exit_status, follow, progress_bar, show_job
from infra.ops.stages import open_client, stage_options
from shared.imports import KINDS


def add_verb(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `import` to the command."""
    verb = nouns.add_parser(
        "import", parents=[stage_options()], help="import a CSV file and follow it to its end"
    )
    verb.add_argument("--file", required=True, type=_file, help="the CSV file")
    verb.add_argument("--kind", required=True, choices=KINDS, help="type of records")
    verb.add_argument("--dry-run", action="store_true", help="validate only; write nothing")
    verb.add_argument(
        "--on-error",
        choices=("skip_row", "reject_all"),
        default="skip_row",
        help="import the rows that are valid (default), or nothing if one is not",
    )
    verb.add_argument(
        "--encoding",
        choices=("auto", "utf-8", "windows-1252"),
        default="auto",
        help="of the file; detected by default",
    )
    verb.add_argument(
        "--unknown-columns",
        choices=("check", "ignore"),
        default="check",
        help="stop if an unknown column may be a misspelled one (default), or leave it out",
    )
    verb.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=asked.json)
    with open_client(asked.stage) as client:
        number = _send(client, asked, console=console)
        job = follow(client, number, console=console)
        failed_file = client.imports.save_failed_rows(job, asked.file.with_suffix(".failed.csv"))
        if asked.json:
            told = job.model_dump(mode="json")
            print(json.dumps(told | {"failed_file": failed_file and str(failed_file)}))
        else:
            show_job(client, job, console=console)
    if failed_file:
        console.print(f"Failed rows saved to {failed_file}. Fix them and import that file.")
    return exit_status(job)


def _send(client: Client, asked: argparse.Namespace, *, console: Console) -> int:
    """Start the import and send its file, showing how much of it is on its way."""
    path: Path = asked.file
    size = path.stat().st_size
    with progress_bar(console, DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(f"Sending {escape(path.name)}", total=size)

        def reading(file: BinaryIO) -> BinaryIO:
            return progress.wrap_file(file, total=size, task_id=task)

        return client.imports.send(
            path,
            asked.kind,
            dry_run=asked.dry_run,
            on_error=asked.on_error,
            encoding=None if asked.encoding == "auto" else asked.encoding,
            unknown_columns=asked.unknown_columns,
            reading=reading,
        ).id


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}" if text else "give a CSV file")
    return path

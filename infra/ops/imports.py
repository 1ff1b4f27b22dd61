"""`keywright import`: sends a file to a stage, follows its import, and tells what became of it.

Speaks to the public API alone. Exit status 0: every row is in; 1: some rows failed; 2: the file or
the request was refused, or the import did not come to its end.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from infra.ops.keys import NoStack, local_stack, stack_outputs
from shared.imports import ENDED, KINDS

SHOWN = 10
"""How many failed rows are shown; the file that is saved has all of them."""
ROWS_FAILED, REFUSED = 1, 2

_SECONDS_BETWEEN = 0.3
_TRIES = 8
_WORDS = {
    "awaiting_upload": "waiting for the file",
    "queued": "waiting for its turn",
    "validating": "checking rows",
    "running": "importing rows",
}

View = dict[str, Any]


class ApiRefused(Exception):
    """The API answered with an error; the message is its own."""


def add_verb(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `import` to the command."""
    verb = nouns.add_parser("import", help="import a CSV file and follow it to its end")
    verb.add_argument(
        "--stage", required=True, help="'local', or the stage of the stack Keywright-STAGE on AWS"
    )
    verb.add_argument("--file", required=True, type=_file, help="the CSV file")
    verb.add_argument("--kind", required=True, choices=KINDS, help="what its rows are")
    verb.add_argument("--dry-run", action="store_true", help="say what would be; write nothing")
    verb.add_argument(
        "--on-error",
        choices=("skip_row", "reject_all"),
        default="skip_row",
        help="import the rows that are valid (default), or nothing if one is not",
    )
    verb.add_argument("--encoding", choices=("windows-1252",), help="of a file not in Unicode")
    verb.add_argument("--json", action="store_true", help="print JSON, for a program")
    verb.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=asked.json)
    try:
        with open_api(asked.stage) as api:
            job = import_file(api, asked.file, _request(asked), console=console)
            failed_file = save_failed_rows(api, job, asked.file.with_suffix(".failed.csv"))
            if asked.json:
                print(json.dumps(job | {"failed_file": failed_file and str(failed_file)}))
            else:
                show(api, job, failed_file, console=console)
    except (ApiRefused, httpx.HTTPError) as error:
        print(f"keywright: {str(error) or type(error).__name__}", file=sys.stderr)
        return REFUSED
    return exit_status(job)


def _request(asked: argparse.Namespace) -> View:
    request = {
        "kind": asked.kind,
        "file_name": asked.file.name,
        "size": asked.file.stat().st_size,
        "dry_run": asked.dry_run,
        "on_error": asked.on_error,
        "encoding": asked.encoding,
    }
    return {name: value for name, value in request.items() if value is not None}


def open_api(stage: str) -> httpx.Client:
    """Where a stage's API is: `make up` wrote it for local, the stack's outputs know it elsewhere.

    The key is KEYWRIGHT_API_KEY; the local stage has one of its own. Raises NoStack.
    """
    key = os.environ.get("KEYWRIGHT_API_KEY")
    if stage == "local":
        stack = local_stack()
        url, key = stack["api_url"], key or stack["api_key"]
    else:
        url = stack_outputs(stage)["ApiUrl"]
    if not key:
        raise NoStack("say which API key to use: KEYWRIGHT_API_KEY=…")
    headers = {"Authorization": f"Api-Key {key}"}
    return httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=30)


def import_file(api: httpx.Client, path: Path, request: View, *, console: Console) -> View:
    """Start an import, send it its file, and follow it until it has ended."""
    started = answered(api.post("/imports/", json=request))
    upload = started["upload"]
    size, number = request["size"], started["id"]
    with (
        _bar(console, DownloadColumn(), TransferSpeedColumn()) as progress,
        path.open("rb") as file,
    ):
        task = progress.add_task(f"Sending {escape(path.name)}", total=size)
        send(upload, progress.wrap_file(file, total=size, task_id=task))
    try:
        return follow(api, number, console=console)
    except KeyboardInterrupt:
        console.print(f"\nImport {number} goes on without this window.")
        raise


def send(upload: Mapping[str, Any], file: BinaryIO) -> None:
    """Send the file to S3 as the API says, by a form or in parts; it is read as it is sent."""
    if upload["method"] == "PUT":
        _send_parts(upload, file)
        return
    content = {"file": ("file.csv", file, "text/csv")}
    sent = httpx.post(
        upload["url"], data=upload["fields"], files=content, timeout=httpx.Timeout(60, write=300)
    )
    _taken(sent)


def _send_parts(upload: Mapping[str, Any], file: BinaryIO) -> None:
    """Put each part to its link, and say at the end which they were."""
    tags = []
    for number, url in enumerate(upload["part_urls"], 1):
        part = file.read(upload["part_size"])
        sent = httpx.put(url, content=part, timeout=httpx.Timeout(60, write=900))
        _taken(sent)
        tag = f"<ETag>{sent.headers['etag']}</ETag>"
        tags.append(f"<Part><PartNumber>{number}</PartNumber>{tag}</Part>")
    body = f"<CompleteMultipartUpload>{''.join(tags)}</CompleteMultipartUpload>"
    _taken(httpx.post(upload["complete_url"], content=body.encode(), timeout=300))


def _taken(sent: httpx.Response) -> None:
    if sent.is_error:
        raise ApiRefused(f"The file was not taken ({sent.status_code}): {sent.text[:500]}")


def follow(api: httpx.Client, number: int, *, console: Console) -> View:
    """The import when it has ended, showing how far it is until then."""
    with _bar(console, MofNCompleteColumn()) as progress:
        task = progress.add_task(f"Import {number}", total=None)
        while True:
            job = answered(_patiently(api, f"/imports/{number}/"))
            told = job["progress"]
            progress.update(
                task,
                description=f"Import {number}: {_WORDS.get(job['state'], job['state'])}",
                completed=told["rows_done"],
                total=told["rows_total"],
            )
            if job["state"] in ENDED:
                return job
            time.sleep(_SECONDS_BETWEEN)


def _patiently(api: httpx.Client, path: str) -> httpx.Response:
    """Ask again when the network or the API stumbles: the import goes on meanwhile."""
    for attempt in range(_TRIES):
        last = attempt + 1 == _TRIES
        try:
            answer = api.get(path)
        except httpx.TransportError:
            if last:
                raise
        else:
            if last or not (answer.status_code == 429 or answer.is_server_error):
                return answer
        time.sleep(_SECONDS_BETWEEN * 2**attempt)
    raise AssertionError("unreachable")


def answered(answer: httpx.Response) -> View:
    """The body of an answer. Raises ApiRefused with each fault of a refusal on a line."""
    if answer.is_success:
        body: View = answer.json()
        return body
    try:
        told = answer.json()
        lines = [f"{told['message']} ({told['code']})"]
        lines += [f"  {fault.get('field')}: {fault['message']}" for fault in told.get("errors", ())]
    except (ValueError, KeyError, TypeError):
        lines = [f"the API answered {answer.status_code}: {answer.text[:500]}"]
    raise ApiRefused("\n".join(lines))


def save_failed_rows(api: httpx.Client, job: View, path: Path) -> Path | None:
    """Write the rows that failed to `path`, to be corrected and sent again; None without any."""
    if not job["failed_rows_url"]:
        return None
    with api.stream("GET", f"/imports/{job['id']}/failed.csv") as answer:
        if not answer.is_redirect:
            return _save(answer, path)
        link = answer.headers["Location"]
    with httpx.stream("GET", link, timeout=60) as answer:
        return _save(answer, path)


def _save(answer: httpx.Response, path: Path) -> Path:
    if answer.is_error:
        answer.read()
        answered(answer)
    with path.open("wb") as file:
        for part in answer.iter_bytes():
            file.write(part)
    return path


def exit_status(job: View) -> int:
    if job["state"] == "succeeded":
        return 0
    return ROWS_FAILED if job["state"] in ("completed_with_errors", "rejected") else REFUSED


def show(api: httpx.Client, job: View, failed_file: Path | None, *, console: Console) -> None:
    """A summary, the first rows that failed, and what to do about them."""
    show_summary(job, console=console)
    if job["refusal"]:
        refusal = job["refusal"]
        where = f" (line {refusal['line']})" if refusal.get("line") else ""
        console.print(f"[red]{escape(refusal['message'])}[/]{where} [dim]{refusal['code']}")
    failed = failed_rows(api, job) if failed_file else []
    if failed:
        console.print(rows_table(failed))
        console.print(f"All rows that failed, to be corrected and sent again: {failed_file}")


def failed_rows(api: httpx.Client, job: View) -> list[View]:
    """The first of the rows that failed."""
    answer = api.get(f"/imports/{job['id']}/errors/", params={"limit": SHOWN})
    found: list[View] = answered(answer)["results"]
    return found


def show_summary(job: View, *, console: Console) -> None:
    """What an import came to."""
    trial = " [dim](dry run: nothing was written)[/]" if job["dry_run"] else ""
    color = {0: "green", ROWS_FAILED: "yellow", REFUSED: "red"}[exit_status(job)]
    state = job["state"].replace("_", " ")
    console.print(f"Import {job['id']}, {escape(job['file_name'])}: [{color}]{state}[/]{trial}")
    table = Table(box=box.ROUNDED, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in (job["counts"] or {}).items():
        table.add_row(name.removesuffix("_count").replace("_", " "), f"{count:,}")
    console.print(table)


def rows_table(rows: list[View]) -> Table:
    """Failed rows, one line for each thing that is wrong."""
    table = Table("Row", "Line", "Column", "Value", "What is wrong", box=box.ROUNDED)
    for row in rows:
        for fault in row["errors"]:
            cells = (row["row"], row["line"], fault["column"], fault["value"], fault["message"])
            table.add_row(*(escape("" if cell is None else str(cell)) for cell in cells))
    return table


@contextmanager
def _bar(console: Console, *columns: ProgressColumn) -> Iterator[Progress]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
        console=console,
        disable=console.quiet,
    ) as progress:
        yield progress


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path

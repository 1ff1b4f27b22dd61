"""`keywright export`: export all records of a kind to a CSV file.

Exit status 0: the file was written; 2: the export or the request failed. An export that is
interrupted goes on; `--resume` follows it, and continues one that has failed.
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn

from infra.cli.jobs import progress_bar
from infra.cli.stages import FAILED, add_subcommand, in_words, open_client
from infra.client.client import Client
from shared.contract.exports import ExportView
from shared.errors import NotFound
from shared.import_job import KINDS


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = add_subcommand(commands, "export", run, "export all records of a kind to a CSV file")
    command.add_argument("--kind", required=True, choices=KINDS, help="type of records")
    command.add_argument("--out", required=True, type=_new_file, metavar="FILE", help="CSV file")
    command.add_argument("--product", help="only licenses of the product with this short code")
    command.add_argument("--customer", help="only licenses of the customer with this e-mail")
    command.add_argument("--from", dest="first", metavar="DAY", help="created on this day or later")
    command.add_argument("--before", metavar="DAY", help="created before this day")
    command.add_argument(
        "--resume", type=int, metavar="EXPORT", help="number of an export to follow or continue"
    )


def run(options: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=options.json)
    with open_client(options.stage) as client:
        job = _follow(client, _begun(client, options), console=console)
        if job.state == "succeeded":
            client.exports.save(job, options.out)
    if options.json:
        print(job.model_dump_json())
    else:
        _show(job, options.out, console=console)
    return 0 if job.state == "succeeded" else FAILED


def _begun(client: Client, options: argparse.Namespace) -> ExportView:
    """Start an export, or find the one to resume. Raises ApiProblem."""
    if options.resume is not None:
        job = client.exports.show(options.resume)
        return client.exports.retry(job.id) if job.state == "failed" else job
    customer = None
    if options.customer is not None:
        customer = next((each.id for each in client.customers.list(email=options.customer)), None)
        if customer is None:
            raise NotFound(f"There is no customer with the e-mail {options.customer}.")
    return client.exports.start(
        options.kind,
        product=options.product,
        customer=customer,
        created_at__gte=options.first,
        created_at__lt=options.before,
    )


def _follow(client: Client, job: ExportView, *, console: Console) -> ExportView:
    """Wait until an export has ended and return it, showing its progress."""
    with progress_bar(console, MofNCompleteColumn()) as progress:
        task = progress.add_task(f"Export {job.id}", total=None)

        def show_progress(job: ExportView) -> None:
            progress.update(
                task,
                description=f"Export {job.id}: {in_words(job.state)}",
                completed=job.progress.records_done,
                total=job.progress.records_total,
            )

        try:
            return client.exports.wait(job.id, on_progress=show_progress)
        except KeyboardInterrupt:
            console.print(f"\nExport {job.id} keeps running. To follow it: --resume {job.id}")
            raise


def _show(job: ExportView, path: Path, *, console: Console) -> None:
    """Print the result of an export."""
    if job.state != "succeeded":
        reason = f": {escape(job.refusal.message)}" if job.refusal else ""
        console.print(f"[red]Export {job.id}: {in_words(job.state)}[/]{reason}")
        if job.state == "failed":
            console.print(f"To continue it: --resume {job.id}")
        return
    rows = "1 row" if job.count == 1 else f"{job.count:,} rows"
    console.print(f"{rows} saved to {escape(str(path))}")
    if job.left_out:
        console.print(f"[yellow]{job.left_out:,} left out[/]: licenses that a file can't name")


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"not a file in an existing folder: {text}")
    return path

"""`keywright migrate`: read the records of another service into files that can be imported.

Exit status 0: all records are in the files; 1: some can't be imported from a file, and are listed
in not-imported.csv; 2: the service refused a request, or could not be reached. The same command
then continues with the first page that is missing.
"""

import argparse
import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rich.console import Console
from rich.table import Table

from infra.cli.findings import NotReady
from infra.cli.licensespring import (
    Left,
    Record,
    Related,
    customer_of,
    customer_row,
    feature_rows,
    license_row,
    losses,
    obstacle,
    shared_keys,
)
from infra.cli.stages import FOUND_PROBLEMS
from infra.client.connection import Connection
from shared.columns import KINDS
from shared.exported_row import csv_lines

KEY_VARIABLE = "LICENSESPRING_API_KEY"
LISTS = ("products", "customers", "orders", "licenses")
LIMIT = 100
"""Records per request: the most that the service returns."""
_LONGEST_WAIT = 120.0
"""Seconds that `Retry-After` may ask for: twice the minute in which the service counts requests."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "migrate", help="read the records of LicenseSpring into files that can be imported"
    )
    command.add_argument(
        "--from", dest="service", required=True, choices=("licensespring",), help="service"
    )
    command.add_argument(
        "--url",
        type=_url,
        default="https://saas.licensespring.com",
        help="address of the service (default: %(default)s); its API key is read from"
        f" {KEY_VARIABLE}",
    )
    command.add_argument(
        "--out",
        type=Path,
        default=Path("migration"),
        metavar="FOLDER",
        help="folder of the files; if it has pages of this service, the command continues there"
        " (default: %(default)s)",
    )
    command.add_argument(
        "--stage", default="STAGE", help="stage that the printed commands import the files into"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=options.json)
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        raise NotReady(f"Set {KEY_VARIABLE} to a Management API key of the service.")
    pages = _open_folder(options.out, options.url)
    with closing(Connection(options.url, key, longest_wait=_LONGEST_WAIT)) as connection:
        for name in LISTS:
            _download(connection, pages / name, name, say=console.print)
    counts = _write_files(pages, options.out)
    if options.json:
        print(json.dumps(counts))
    else:
        _show(counts, options, console=console)
    return FOUND_PROBLEMS if counts["not-imported"] else 0


def _open_folder(folder: Path, url: str) -> Path:
    """Create the folder, or open that of an earlier run. Return the folder of its pages.

    Others can't read it, because it has license keys. Raises NotReady.
    """
    pages, source = folder / "pages", folder / "pages" / "source.json"
    if source.exists():
        if (before := json.loads(source.read_bytes())["url"]) != url:
            raise NotReady(f"{folder} has the records of {before}: choose another folder by --out.")
        return pages
    if folder.exists() and any(folder.iterdir()):
        raise NotReady(f"{folder} has other files: choose another folder by --out.")
    pages.mkdir(parents=True)
    folder.chmod(0o700)
    _save(source, json.dumps({"url": url}))
    return pages


def _download(
    connection: Connection, folder: Path, name: str, *, say: Callable[[str], object]
) -> None:
    """Save the pages of a list from the first one that is missing. Raises ApiProblem, NotReady.

    The oldest records come first, so that new ones are added at the end.
    """
    folder.mkdir(exist_ok=True)
    saved = sorted(folder.glob("*.json"))
    query: dict[str, Any] | None = {"limit": LIMIT, "offset": 0, "order_by": "created_at"}
    if saved:
        query = _next_query(json.loads(saved[-1].read_bytes()))
    number = len(saved)
    while query is not None:
        page = connection.page(f"/{name}/", **query)
        if not _is_page(page):
            raise NotReady(f"/api/v1/{name}/ of the service is not a list: check --url.")
        number, asked = number + 1, query
        query = _next_query(page)
        if query == asked:
            raise NotReady(f"Page {number} of {name} names itself as the next page.")
        _save(folder / f"{number:06}.json", json.dumps(page))
        say(f"{name}: page {number}, {page.get('count')} records in all")
    found = len({record["id"] for record in _records(folder)})
    if saved or number:
        expected = json.loads((folder / f"{number:06}.json").read_bytes()).get("count")
        if isinstance(expected, int) and found < expected:
            raise NotReady(
                f"{found} of {expected} {name} were read, because records were deleted meanwhile:"
                f" delete the folder {folder}, and run the command again."
            )


def _is_page(page: Any) -> bool:
    results = page.get("results") if isinstance(page, dict) else None
    return isinstance(results, list) and all(
        isinstance(each, dict) and "id" in each for each in results
    )


def _next_query(page: dict[str, Any]) -> dict[str, Any] | None:
    """The query of the next page.

    Only the query of `next` is used: the key is sent to no other address.
    """
    following = page.get("next")
    return dict(parse_qsl(urlsplit(following).query)) if following else None


def _records(folder: Path) -> Iterator[Any]:
    """The records of a list, each once."""
    seen = set()
    for path in sorted(folder.glob("*.json")):
        for record in json.loads(path.read_bytes())["results"]:
            if record["id"] not in seen:
                seen.add(record["id"])
                yield record


def _write_files(pages: Path, folder: Path) -> dict[str, int]:
    """Write the files to import, and what is in none of them. Return the rows of each."""
    related = Related(
        {each["id"]: each["short_code"] for each in _records(pages / "products")},
        {each["id"]: each for each in _records(pages / "customers")},
        {each["id"]: each for each in _records(pages / "orders")},
        shared_keys(_records(pages / "licenses")),
        frozenset(
            each["short_code"] for each in _records(pages / "products") if each.get("is_bundle")
        ),
    )
    left: list[Left] = []
    named: set[int] = set()
    sold: set[int] = set()

    def licenses() -> Iterator[Record]:
        for each in _bundles_last(_records(pages / "licenses"), related):
            sold.add(each.get("order") or 0)
            name = each.get("license_key") or f"license {each['id']}"
            if reason := obstacle(each, related):
                left.append(Left("license", each["id"], name, reason))
                continue
            left.extend(Left("license", each["id"], name, lost) for lost in losses(each))
            order = related.orders.get(each.get("order") or 0, {})
            named.add(customer_of(each, order, related.customers).get("id", 0))
            yield each

    counts = {
        "licenses": _write(
            folder / "licenses.csv",
            KINDS["licenses"].columns,
            (license_row(each, related) for each in licenses()),
        ),
        "license-features": _write(
            folder / "license-features.csv",
            KINDS["license-features"].columns,
            (
                row
                for each in _records(pages / "licenses")
                if obstacle(each, related) is None
                for row in feature_rows(each)
            ),
        ),
        "customers": _write(
            folder / "customers.csv",
            KINDS["customers"].columns,
            (
                customer_row(each)
                for id, each in related.customers.items()
                if each.get("email") or each.get("reference") or id not in named
            ),
        ),
    }
    left += (
        Left("order", id, str(order.get("store_id")), "has no licenses")
        for id, order in related.orders.items()
        if id not in sold
    )
    rows = [[str(value) for value in each] for each in left]
    counts["not-imported"] = _write(folder / "not-imported.csv", Left._fields, rows)
    return counts


def _bundles_last(licenses: Iterable[Record], related: Related) -> Iterator[Record]:
    """Licenses with those of each bundle together, as an import needs them."""
    of_bundles = []
    for each in licenses:
        if related.is_of_bundle(each):
            of_bundles.append(each)
        else:
            yield each
    yield from sorted(of_bundles, key=related.place)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write a file; return the number of rows."""
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(header)
        for row in rows:
            file.write(csv_lines([row]))
            written += 1
    return written


def _save(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _show(counts: dict[str, int], options: argparse.Namespace, *, console: Console) -> None:
    table = Table("File", "Rows", box=None)
    for name, rows in counts.items():
        table.add_row(str(options.out / f"{name}.csv"), f"{rows:,}")
    console.print(table)
    if counts["not-imported"]:
        console.print(
            f"[yellow]{options.out / 'not-imported.csv'} lists what these files can't bring.[/]"
        )
    console.print("Import the files in this order, first with --plan:")
    for kind in ("customers", "licenses", "license-features"):
        if counts[kind]:
            file = options.out / f"{kind}.csv"
            command = f"keywright import --stage {options.stage} --kind {kind} --file {file}"
            console.print(f"  {command}", soft_wrap=True)


def _url(text: str) -> str:
    parts = urlsplit(text)
    is_here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    if not parts.hostname or not (parts.scheme == "https" or is_here):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the address of a service, such as https://saas.licensespring.com"
        )
    return text.rstrip("/").removesuffix("/api/v1")

"""Send files to be imported, and read their results, over HTTP."""

import csv
import io
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3

from infra.local.stack import LocalStack
from tests.e2e.remote import RemoteShop, behind

DOORS = {
    "licenses": "/licenses/import_from_csv/",
    "customers": "/customers/import_from_csv/",
    "license-features": "/licenses/import_features_from_csv/",
}
PATIENCE = 120
"""Seconds in which an import of a test ends."""


def table(header: Sequence[str], *rows: Sequence[str]) -> bytes:
    """A CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def licenses(rows: Iterable[Sequence[str]]) -> bytes:
    """A file of licenses with their key, product, order and customer."""
    header = ("license__license_key", "product__short_code", "order__store_id", "customer__email")
    return table(header, *rows)


def post(
    shop: RemoteShop, kind: str, data: bytes, *, name: str = "file.csv", query: str = ""
) -> int:
    """Send a file through the published door; the number of its job."""
    answer = shop.http.post(
        f"/api/v1{DOORS[kind]}{query}",
        files={"file": (name, data, "text/csv")},
        headers={"Authorization": f"Api-Key {shop.key}"},
    )
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert view.keys() == {"job_id"}
    return int(view["job_id"])


@contextmanager
def imports_paused(home: Path) -> Iterator[None]:
    """The workers of imports on the stack in this folder stand still, as if they were slow."""
    worker = str(home / "tmp" / "ministack-lambda-Keywright-local-ImportCsv").encode()

    def send(kind: signal.Signals) -> int:
        sent = 0
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended
                if worker in command.read_bytes():
                    os.kill(int(command.parent.name), kind)
                    sent += 1
        return sent

    assert send(signal.SIGSTOP), "no worker runs"
    try:
        yield
    finally:
        send(signal.SIGCONT)


def upload(shop: RemoteShop, kind: str, data: bytes, **request: Any) -> int:
    """Request an upload, send the file, and return the number of its job."""
    job = request_import(shop, kind, data, **request)
    send(shop, job, data)
    return int(job["id"])


def request_import(shop: RemoteShop, kind: str, data: bytes, **request: Any) -> Any:
    """A job that waits for its file."""
    body = {"kind": kind, "file_name": "file.csv", "size": len(data), **request}
    return shop.post("/imports/", body).ok(202)


def send(shop: RemoteShop, job: Any, data: bytes) -> None:
    """Send the file that a job waits for."""
    form = job["upload"]
    sent = shop.http.post(form["url"], data=form["fields"], files={"file": ("f.csv", data)})
    assert sent.is_success, sent.text


def drop(stack: LocalStack, key: str, data: bytes, **metadata: str) -> None:
    """Put a file into the bucket, as an operator would."""
    client = boto3.client("s3", **behind(stack))
    client.put_object(Bucket=stack["uploads_bucket"], Key=key, Body=data, Metadata=metadata)


def begun(shop: RemoteShop, number: int) -> Any:
    """The native view of a job that has imported its first rows."""
    path = f"/imports/{number}/"
    return _until(shop, path, lambda view: bool(view["progress"]["rows_done"]))


def ended(shop: RemoteShop, number: int) -> Any:
    """The native view of a job that has ended."""
    return _ended(shop, f"/imports/{number}/")


def without_imports(shop: RemoteShop) -> None:
    """Wait until each import of a company has ended."""
    for view in shop.get("/imports/", "unfinished=true").json()["results"]:
        ended(shop, int(view["id"]))


def imported(shop: RemoteShop, *keys: str) -> set[str]:
    """Those of the license keys that are there."""
    return {key for key in keys if shop.get("/licenses/", f"license_key={key}").json()["count"]}


def result(shop: RemoteShop, kind: str, number: int) -> Any:
    """The published view of a job that has ended."""
    return _ended(shop, f"/{kind}-import-results/{number}/")


def _ended(shop: RemoteShop, path: str) -> Any:
    return _until(shop, path, lambda view: view["status"] in ("success", "error"))


def _until(shop: RemoteShop, path: str, is_so: Callable[[Any], bool]) -> Any:
    until = time.monotonic() + PATIENCE
    while True:
        view = shop.get(path).ok()
        assert view["status"] in ("pending", "running", "success", "error")
        if is_so(view):
            return view
        assert time.monotonic() < until, view
        time.sleep(0.2)


def dropped(shop: RemoteShop, kind: str, *, after: int = 0) -> int:
    """The number of the job that a dropped file got."""
    until = time.monotonic() + PATIENCE
    while True:
        listed = shop.get(f"/{kind}-import-results/", "limit=1").json()["results"]
        if listed and listed[0]["id"] > after:
            return int(listed[0]["id"])
        assert time.monotonic() < until, "no job has begun"
        time.sleep(0.2)


def counts(view: Mapping[str, Any]) -> dict[str, int]:
    """The counters of a published result, without rows."""
    return {name: value for name, value in view["result"].items() if name != "invalid_rows"}


def codes(view: Mapping[str, Any]) -> dict[tuple[int | None, str | None], str]:
    """What is wrong, by row and column."""
    return {
        (row["row"], fault["column"]): fault["code"]
        for row in view["result"]["invalid_rows"]
        for fault in row["errors"]
    }


def german_export(prefix: str, rows: int = 2000) -> bytes:
    """A file of licenses for the product kp, as a German Excel saves it as CSV."""
    head = (
        "license__license_key;product__short_code;license__license_type;license__validity_period;"
        "license__max_activations;license__is_floating;customer__email;customer__last_name"
    )
    lines = [
        f"{prefix}-{n:04};kp;time-limited;{n % 28 + 1:02}.{n % 12 + 1:02}.2031;5,0;"
        f"{'Ja' if n % 2 else 'Nein'};kunde-{n % 50}@{prefix.lower()}.example;Müßig\u2013{n % 50}"
        for n in range(rows)
    ]
    return "\r\n".join([head, *lines, ""]).encode("cp1252")

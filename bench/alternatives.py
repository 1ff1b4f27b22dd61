"""Three ways to import a file of licenses into DynamoDB: ours, and two conventional ones.

The other two read the same 44 columns into one model with the same rules across fields, and write
what a row says, and its key, as one item.
"""

import csv
import json
import os
import resource
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from botocore.config import Config
from pydantic import BaseModel, Field, StringConstraints, model_validator

from shared.catalog_changes import new_product
from shared.catalog_requests import NewProduct
from shared.csv_format.planner import Chunk, plan
from shared.import_job import ImportJob
from shared.row_entries import Import
from shared.row_results import RowResults
from shared.store import bulk, uploads
from shared.store.patience import Patience
from shared.workflows import import_licenses
from shared.workflows.import_chunk import IN_FLIGHT, Work, import_chunk
from shared.workflows.import_repeats import repeats_in

COMPANY = "bench"
THREADS = 16
_PIECE = 8 * 1024 * 1024
_NOW = datetime(2026, 1, 2, tzinfo=UTC)

type Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
type Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
type Text = Annotated[str, StringConstraints(max_length=1000)]
type Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}(y|m|d|h|min)$")]


class Row(BaseModel):
    """The 44 columns as a conventional model."""

    license__license_key: Annotated[Line, StringConstraints(min_length=1, max_length=256)]
    product__short_code: Annotated[Line, StringConstraints(min_length=1, max_length=100)]
    license__enabled: bool | None = None
    license__license_type: (
        Literal["perpetual", "time-limited", "subscription", "consumption"] | None
    ) = None
    license__max_activations: Count | None = None
    license__allow_unlimited_activations: bool | None = None
    license__valid_duration: Duration | None = None
    license__validity_period: date | None = None
    license__enable_maintenance_period: bool | None = None
    license__maintenance_duration: Duration | None = None
    license__maintenance_period: date | None = None
    license__is_trial: bool | None = None
    license__trial_days: Count | None = None
    license__max_consumptions: Count | None = None
    license__allow_overages: bool | None = None
    license__max_overages: Count | None = None
    license__reset_consumption: bool | None = None
    license__consumption_period: Literal["daily", "weekly", "monthly", "annually"] | None = None
    license__is_floating: bool | None = None
    license__is_floating_cloud: bool | None = None
    license__floating_users: Count | None = None
    license__floating_timeout: Count | None = None
    license__prevent_vm: bool | None = None
    license__subscription_id: Line | None = None
    license__note: Text | None = None
    license__max_license_users: Count | None = None
    order__store_id: Line | None = None
    order__type: Line | None = None
    order__is_test: bool | None = None
    order__is_trial: bool | None = None
    order__download_id: Line | None = None
    order__language: Line | None = None
    order__campaign_params: Text | None = None
    customer__email: Annotated[Line, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    customer__first_name: Line | None = None
    customer__last_name: Line | None = None
    customer__company_name: Line | None = None
    customer__phone: Line | None = None
    customer__reference: Line | None = None
    customer__address: Text | None = None
    customer__postcode: Line | None = None
    customer__state: Line | None = None
    customer__city: Line | None = None
    customer__country: Line | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        kind = self.license__license_type
        if kind in ("time-limited", "subscription") and not (
            self.license__valid_duration or self.license__validity_period
        ):
            raise ValueError("must say how long the license is valid")
        if kind == "perpetual" and self.license__valid_duration:
            raise ValueError("a perpetual license has no duration")
        if kind != "consumption" and (
            self.license__max_consumptions or self.license__allow_overages
        ):
            raise ValueError("only consumption licenses count consumptions")
        if self.license__floating_users and not self.license__is_floating:
            raise ValueError("only floating licenses have floating users")
        if self.license__is_floating and self.license__is_floating_cloud:
            raise ValueError("a license floats here or in the cloud")
        return self


def ours(path: Path, *, update: bool = False) -> int:
    """What the functions do with a large file: plan it, then import its chunks."""
    product = new_product(
        COMPANY, NewProduct(product_name="Sketchbook", short_code="sketch"), {}, now=_NOW
    )
    planned = plan(pieces(path))
    job = ImportJob(
        number=2 if update else 1,
        company=COMPANY,
        kind="licenses",
        state="running",
        file_name=path.name,
        bucket="bench",
        key=f"{COMPANY}/licenses/{path.name}",
        rows=planned.rows,
        created_at=_NOW,
        heartbeat_at=_NOW,
    )
    terms = Import(COMPANY, job.number, job.kind, _NOW, {product.short_code: product})
    patience = Patience(lambda: 900_000, lambda: None)

    with ThreadPoolExecutor(IN_FLIGHT) as executor, path.open("rb") as file:

        def read(chunk: Chunk) -> bytes:
            file.seek(chunk.start)
            return file.read(chunk.end - chunk.start)

        if update:
            terms = replace(terms, on_existing="update")
            repeats = repeats_in(terms, planned, read)
            terms = replace(terms, repeated=repeats.rows, differing=repeats.differing)
        work = Work(job, terms, planned.dialect, "write", executor, patience)
        for chunk in planned.chunks:
            data = read(chunk)
            if not chunk.is_intact(data) or import_chunk(work, chunk, data) != chunk.rows:
                raise RuntimeError("the file changed")
            del data  # an invocation has one chunk
        work.close()
    return planned.rows


def batch_writer(path: Path) -> int:
    """The few lines that boto3's documentation leads to."""
    import boto3  # noqa: PLC0415  # not for ours to carry

    table = boto3.resource("dynamodb").Table("LICENSES")
    count = 0
    with table.batch_writer() as batch:
        for item in _items(path):
            batch.put_item(Item=item)
            count += 1
    return count


def plain_threads(path: Path) -> int:
    """Batches by the plain client in 16 threads; `put` would send again what was not processed."""
    import boto3  # noqa: PLC0415  # not for ours to carry
    from boto3.dynamodb.types import TypeSerializer  # noqa: PLC0415  # nor this

    config = Config(max_pool_connections=THREADS, retries={"mode": "standard"})
    client, serialize = boto3.client("dynamodb", config=config), TypeSerializer().serialize

    def put(items: tuple[dict[str, Any], ...]) -> int:
        requests: Any = [
            {"PutRequest": {"Item": {name: serialize(value) for name, value in item.items()}}}
            for item in items
        ]
        waiting: Any = {"LICENSES": requests}
        while waiting:
            waiting = client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]
        return len(items)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(_each(pool, put, bulk.batches(_items(path))))


def _each[T, R](pool: Executor, act: Callable[[T], R], work: Iterable[T]) -> Iterator[R]:
    """`act` on all of `work` in the pool's threads, in order, never far ahead of the results."""
    waiting: deque[Future[R]] = deque()
    for part in work:
        waiting.append(pool.submit(act, part))
        if len(waiting) >= 2 * THREADS:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def unchanged(path: Path) -> int:
    """An update by a file whose records exist and have these values."""
    return ours(path, update=True)


def without_results(path: Path) -> int:
    """Ours, if no row had a result: what keeping results costs."""
    put, note = uploads.put_result, import_licenses._Licenses._note_created  # noqa: SLF001  # what the results cost
    read, stored = RowResults.of, RowResults.stored

    def put_others(job: ImportJob, name: str, data: bytes) -> None:
        if not name.startswith("rows-"):
            put(job, name, data)

    nothing = RowResults.of(0, [])
    uploads.put_result = put_others
    RowResults.stored = lambda self: b""  # type: ignore[method-assign]  # noqa: ARG005  # nothing is kept
    RowResults.of = lambda *_: nothing  # type: ignore[method-assign]  # nothing is kept
    import_licenses._Licenses._note_created = lambda *_: None  # type: ignore[method-assign]  # noqa: SLF001  # nor noted
    try:
        return ours(path)
    finally:
        uploads.put_result = put
        RowResults.stored = stored  # type: ignore[method-assign]  # as it was
        RowResults.of = read  # type: ignore[method-assign]  # as it was
        import_licenses._Licenses._note_created = note  # type: ignore[method-assign]  # noqa: SLF001  # as it was


ALTERNATIVES: dict[str, Callable[[Path], int]] = {
    "ours": ours,
    "batch_writer": batch_writer,
    "threads": plain_threads,
}


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _items(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            row = Row.model_validate({name: cell for name, cell in cells.items() if cell})
            yield row.model_dump(mode="json", exclude_none=True) | {
                "pk": f"{COMPANY}#{row.license__license_key}"
            }


def peak_rss_mb() -> float:
    """Of this process alone: on Linux, `getrusage` starts with its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def contest(name: str, path: Path, warm_up: Path) -> dict[str, float]:
    """One import in this process, whose clients and connections a small one has made."""
    run = {**ALTERNATIVES, "unchanged": unchanged, "without_results": without_results}[name]
    if run is unchanged:
        urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/_store").close()  # noqa: S310  # our own endpoint
        ours(warm_up)
        ours(path)
    run(warm_up)
    forget = f"{os.environ['AWS_ENDPOINT_URL']}/_told"
    urllib.request.urlopen(forget).close()  # noqa: S310  # our own endpoint
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows = run(path)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rows_per_s": rows / seconds,
        "us_per_row": cpu / rows * 1e6,
        "peak_rss_mb": peak_rss_mb(),
        "seconds": seconds,
        "rows": rows,
    }


if __name__ == "__main__":
    print(json.dumps(contest(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))

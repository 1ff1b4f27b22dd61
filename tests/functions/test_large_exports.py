"""An export of thousands of licenses in the steps and parts of production, with workers that die.

`EXPORT_RECORDS=200000 pytest -s tests/functions/test_large_exports.py` runs a larger one; its
figures are in docs/performance.md. S3 accepts no part below 5 MiB here either.
"""

import csv
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from bench.cost import EXPORT_READS
from shared.store import dynamo, export_jobs, uploads
from shared.store.catalog import get_product
from shared.workflows import run_export
from tests.engine import Engine
from tests.functions.big_company import COMPANY, _featured_product, _Orders
from tests.functions.big_tables import BigTable, Item, big_tables
from tests.functions.exporter import Exporter
from tests.functions.shop import Shop
from tests.wiretap import Killed

RECORDS = int(os.environ.get("EXPORT_RECORDS", "50000"))
PER_ORDER = 10
MOST_MB = 100
"""Memory that the export may take in addition to the tables, which are in this process."""


@pytest.fixture
def licenses(shop: Shop, engine: Engine) -> Iterator[set[str]]:
    """The keys of licenses of an import with ten licenses per order, which are read only."""
    product = get_product(COMPANY, "kp")
    assert product is not None
    makes = _Orders(1, product, _featured_product(shop))
    for n in range(RECORDS // PER_ORDER):
        makes.imported(f"o-{n}", PER_ORDER)
    tables = {
        "ORDERS_TABLE": _small(makes.orders_table()),
        "LICENSES_TABLE": _small(makes.licenses_table()),
    }
    with big_tables({dynamo.table(name): table for name, table in tables.items()}):
        yield {f"KEY-{id}" for id in makes.licenses}


def _small(table: BigTable) -> BigTable:
    """Records of about 400 bytes, without the texts and features of several KB."""
    large = ("note", "metadata", "product_features")

    def get(key: tuple[str, ...]) -> Item | None:
        item = table.get(key)
        return {name: value for name, value in item.items() if name not in large} if item else None

    return replace(table, get=get)


@pytest.fixture
def calls() -> Iterator[Counter[str]]:
    """The calls of AWS, counted by name."""
    counted: Counter[str] = Counter()

    def hear(model: Any, params: Any, **_: Any) -> None:
        counted[model.name] += 1
        if model.name == "BatchGetItem":
            read = orjson.loads(params["body"])["RequestItems"].values()
            counted["items read"] += sum(len(each["Keys"]) for each in read)

    events = [made.meta.events for made in (dynamo.client(), uploads.client())]
    for each in events:
        each.register("before-call", hear)
    yield counted
    for each in events:
        each.unregister("before-call", hear)


def test_every_license_is_exported_once_with_few_reads_and_little_memory(
    shop: Shop, licenses: set[str], calls: Counter[str]
) -> None:
    exporter = Exporter(shop)
    number = exporter.start()
    calls.clear()
    began, memory = time.process_time(), _peak_mb()

    job = exporter.run(number)

    seconds, grown = time.process_time() - began, _peak_mb() - memory
    steps = -(-RECORDS // 5_000)
    print(  # noqa: T201  # the figures of docs/performance.md
        f"\n{RECORDS:,} records, {job.size:,} bytes, {job.parts} parts, {dict(calls)},"
        f" {seconds * 1e6 / RECORDS:.0f} µs of CPU per record, {grown:.0f} MB"
    )
    assert (job.rows, job.total) == (RECORDS, RECORDS)
    assert Counter(_keys(exporter, number)) == Counter(licenses)
    assert job.parts == -(-job.size // (8 * 1024**2)) > 1
    assert calls["UploadPart"] == job.parts
    assert calls["UpdateItem"] == steps, "a heartbeat per step"
    # Per 100 licenses: the licenses, the commit and the rows of their orders, their customers.
    pages = RECORDS / PER_ORDER / 100
    assert calls["BatchGetItem"] <= RECORDS / 100 * 4 + pages + steps
    # Ids are not derived from keys here, so the first id of each key is read too, which costs
    # nothing otherwise; and every order has a page, which 500 licenses of an import share.
    assert calls["items read"] / RECORDS <= EXPORT_READS + 1 + 0.05
    assert grown - 2 * job.size / 1e6 < MOST_MB, "moto keeps the parts and the file"


def test_workers_that_die_neither_lose_nor_repeat_a_license(
    shop: Shop, licenses: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, beats = Exporter(shop), 0
    heartbeat = export_jobs.heartbeat_export

    def dying(*arguments: Any) -> bool:
        nonlocal beats
        beats += 1
        if beats in (2, 12):  # within the first part, and after it
            raise Killed
        return heartbeat(*arguments)

    monkeypatch.setattr(run_export, "heartbeat_export", dying)
    number, deaths = exporter.start(), 0
    for _ in range(3):
        try:
            exporter.run(number)
        except Killed:
            deaths += 1

    assert deaths == 2
    assert Counter(_keys(exporter, number)) == Counter(licenses)


def _keys(exporter: Exporter, number: int) -> Iterator[str]:
    lines = exporter.text(number).splitlines()
    return (row[0] for row in csv.reader(lines[1:]))


def _peak_mb() -> float:
    """The largest size of this process until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

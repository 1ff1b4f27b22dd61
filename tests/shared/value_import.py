"""Rows of import files on values: the catalog of `value_shop`, a planned file, and its entries."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.catalog import Product
from shared.columns import KINDS
from shared.csv_format.dialect import Dialect, detect
from shared.csv_format.planner import plan
from shared.csv_format.reader import records
from shared.day_order import Dates
from shared.import_job import ImportJob, OnExisting
from shared.import_job import Kind as JobKind
from shared.row_entries import Entry, Import, InvalidRecord
from shared.row_reader import reader_of
from tests.shared.value_shop import ValueShop

NOW = datetime(2026, 3, 12, 8, tzinfo=UTC)


def dialect_of(header: str, kind: str = "licenses") -> Dialect:
    """The dialect of a file with this header, as an import of the kind detects it."""
    columns = KINDS[kind]
    return detect(f"{header}\n".encode(), required=columns.required, known=columns.columns)


def read_rows(
    text: str,
    kind: str = "licenses",
    dates: Dates = "iso",
    on_existing: OnExisting = "keep",
    products: Mapping[str, Product] | None = None,
    **options: Any,
) -> list[Entry | InvalidRecord]:
    """The entries of a file's rows, read with this catalog or that of a `ValueShop`."""
    data = text.encode()
    planned = plan([data])
    header = dialect_of(text.partition("\n")[0], kind)
    catalog = ValueShop().products if products is None else products
    job = Import("acme", 7, kind, NOW, catalog, dates=dates, on_existing=on_existing, **options)
    read = reader_of(job, header)
    return [
        read(record)
        for chunk in planned.chunks
        for record in records(
            data[chunk.start : chunk.end],
            header,
            first_row=chunk.first_row,
            first_line=chunk.first_line,
        )
    ]


def import_job(kind: JobKind = "licenses", **fields: Any) -> ImportJob:
    """A job of the company acme, which is queued unless `fields` say otherwise."""
    given: dict[str, Any] = {
        "state": "queued",
        "number": 7,
        "company": "acme",
        "file_name": "a.csv",
        "bucket": "uploads",
        "key": f"acme/{kind}/a.csv",
        "version_id": "v1",
        "created_at": NOW,
        "heartbeat_at": NOW,
    }
    return ImportJob(kind=kind, **{**given, **fields})

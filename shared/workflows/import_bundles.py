"""Pin the license keys of a file's bundles, next to the catalog, before any row is written."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

from shared.bundle_keys import Mentions, bundle_keys
from shared.catalog import Product
from shared.column_mapping import RowMapping
from shared.columns import ORDER_TIME
from shared.csv_format.dialect import Dialect
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Chunk, Plan
from shared.csv_format.reader import records
from shared.import_job import ImportJob
from shared.row_entries import Import
from shared.store import uploads
from shared.store.catalog import all_products
from shared.store.import_jobs import get_job, heartbeat
from shared.store.import_mappings import job_mapping
from shared.workflows.import_lifecycle import ImportStopped

MOST_KEYS = 1_000_000
"""License keys of bundles in a file; each worker has them in memory."""
_NAME = "bundles.json"


def mentions_of(job: ImportJob) -> Mentions:
    """The search for codes of bundles in a job's file."""
    if job.kind != "licenses":
        return Mentions(())
    codes = [p.short_code for p in all_products(job.company) if p.is_bundle]
    return Mentions(codes, may_convert=job_mapping(job).converts("product__short_code"))


def pin_bundle_keys(
    job: ImportJob,
    mentions: Mentions,
    planned: Plan,
    read: Callable[[Chunk], bytes],
) -> None:
    """Store the license keys of all bundle rows.

    Raises ImportStopped if the job was cancelled, and BadFile if there are too many keys.
    """
    if job.kind != "licenses":
        return
    catalog = orjson.loads(uploads.need_result(job, "catalog.json"))
    codes = [product["short_code"] for product in catalog if product["is_bundle"]]
    if not codes:
        return
    keys: set[str] = set()
    mapping = RowMapping(job_mapping(job), planned.dialect, job.kind)
    for chunk in planned.chunks:
        if not mentions.may_be_in(chunk, codes):
            continue
        if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
            raise ImportStopped
        place = {"first_row": chunk.first_row, "first_line": chunk.first_line}
        rows = map(mapping.record, records(read(chunk), planned.dialect, **place))
        keys.update(bundle_keys(rows, mapping.dialect, codes))
        if len(keys) > MOST_KEYS:
            message = (
                f"the file has the rows of more than {MOST_KEYS:,} bundles. Cut it before this"
                " line, with all rows of a bundle in one file."
            )
            raise BadFile("too_many_bundles", message, line=chunk.first_line)
    uploads.put_result(job, _NAME, orjson.dumps(sorted(keys)))


def _pinned_keys(job: ImportJob, catalog: Mapping[str, Product]) -> frozenset[str]:
    """The stored license keys of bundle rows in the job's file."""
    if job.kind != "licenses" or not any(product.is_bundle for product in catalog.values()):
        return frozenset()
    return frozenset(orjson.loads(uploads.need_result(job, _NAME)))


def pinned_import(job: ImportJob) -> Import:
    """The import of a job's rows, with the catalog and the keys of bundles that it pinned.

    Of an undo, it is the import that is undone.
    """
    stored = orjson.loads(uploads.need_result(job, "catalog.json"))
    catalog = {product.short_code: product for product in map(Product.model_validate, stored)}
    rows_of, mapping = job, job_mapping(job)
    if job.undoes is not None:
        rows_of = get_job(job.company, job.undoes) or job
    names = Dialect.model_validate(job.detected).names if job.detected else ()
    return Import(
        job.company,
        rows_of.number,
        job.kind,
        rows_of.created_at,
        catalog,
        job.file_sha256 or "",
        _pinned_keys(job, catalog),
        dates=job.dates,
        mapping=mapping,
        has_order_times=ORDER_TIME in (*names, *mapping.constants),
        on_existing=job.on_existing,
        on_missing=job.on_missing,
        key_seed=bytes.fromhex(job.key_seed) if job.keys == "generate" and job.key_seed else None,
        undo=job.number if job.undoes is not None else None,
        quiet_since=job.quiet_since,
        named_by=rows_of.planned_by or rows_of.number,
    )

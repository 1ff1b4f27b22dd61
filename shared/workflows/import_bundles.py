"""Pin the license keys of a file's bundles, next to the catalog, before any row is written."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

from shared.bundle_keys import Mentions, bundle_keys
from shared.catalog import Product
from shared.csv_format.encoding import BadFile
from shared.csv_format.planner import Chunk, Plan
from shared.csv_format.reader import records
from shared.import_job import ImportJob
from shared.row_entries import Import
from shared.store import uploads
from shared.store.catalog import all_products
from shared.store.import_jobs import heartbeat
from shared.workflows.import_lifecycle import ImportStopped

MOST_KEYS = 1_000_000
"""License keys of bundles in a file; each worker has them in memory."""
_NAME = "bundles.json"


def mentions_of(job: ImportJob) -> Mentions:
    """The search for codes of bundles in a job's file."""
    if job.kind != "licenses":
        return Mentions(())
    return Mentions([p.short_code for p in all_products(job.company) if p.is_bundle])


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
    for chunk in planned.chunks:
        if not mentions.may_be_in(chunk, codes):
            continue
        if not heartbeat(job.company, job.number, job.runner, datetime.now(UTC)):
            raise ImportStopped
        place = {"first_row": chunk.first_row, "first_line": chunk.first_line}
        rows = records(read(chunk), planned.dialect, **place)
        keys.update(bundle_keys(rows, planned.dialect, codes))
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
    """The import of a job's rows, with the catalog and the keys of bundles that it pinned."""
    stored = orjson.loads(uploads.need_result(job, "catalog.json"))
    catalog = {product.short_code: product for product in map(Product.model_validate, stored)}
    return Import(
        job.company,
        job.number,
        job.kind,
        job.created_at,
        catalog,
        job.file_sha256 or "",
        _pinned_keys(job, catalog),
        dates=job.dates,
        on_existing=job.on_existing,
        on_missing=job.on_missing,
        named_by=job.planned_by or job.number,
    )

"""The totals of an import, from the results and reports of its batches.

An order or customer can be in several batches, so distinct ids are counted. In a dry run licenses
are counted like this too; the first row with a key counts as creating the license.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import report_header
from shared.import_counts import BatchResult, updated_rows, with_unchanged
from shared.import_job import FileGone, ImportJob, Kind
from shared.store import uploads
from shared.workflows.undo_totals import Part, undo_totals

SHOWN = 100
"""Invalid rows in the result; the list of errors has all of them."""

_DIGEST_BITS = 48
"""Bits of a content digest; row and digest share an integer, because files can have millions."""
_COMPARED_AT_ONCE = 2_000_000
"""Rows that are compared at once, with about 350 MB of memory."""
_DIGEST = (1 << _DIGEST_BITS) - 1


_OF_ROWS: Mapping[Kind, str] = {
    "licenses": "licenses",
    "customers": "customers",
    "license-features": "features",
}
"""The records that the rows of a file create themselves."""


@dataclass
class Totals:
    """The totals; `shown` are the first invalid rows."""

    job: ImportJob
    results: Sequence[BatchResult]
    counts: dict[str, int] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    again: dict[int, set[int]] = field(default_factory=dict)
    """By the first row of a batch: records of its rows that rows of earlier batches create."""
    parts: dict[int, list[Part]] = field(default_factory=dict)
    """Of an undo, by the first row of a batch: what its rows lack, see `undo_totals`."""

    @property
    def invalid(self) -> int:
        return sum(result.invalid for result in self.results)

    def failed_rows(self) -> Iterator[bytes]:
        """The bytes of `failed.csv`, in the order of the file."""
        yield report_header(Dialect.model_validate(self.job.detected))
        for result in self.results:
            if result.invalid:
                yield details_of(self.job, result)["failed"].encode()


def details_of(job: ImportJob, result: BatchResult) -> dict[str, Any]:
    stored = uploads.need_result(job, result.report) if result.report else b"{}"
    details: dict[str, Any] = orjson.loads(stored)
    return {"invalid": [], "warnings": [], "made": {}, "failed": ""} | details


def totals_of(job: ImportJob, results: Sequence[BatchResult]) -> Totals:
    """Add up the batches of a completed job."""
    total = Totals(job, results)
    if job.undoes is not None:
        total.counts, total.parts = undo_totals(job, results, partial(details_of, job))
        return total
    made: dict[str, set[int]] = {"licenses": set(), "orders": set(), "customers": set()}
    made["features"] = set()
    for result in results:
        details = details_of(job, result)
        total.shown += details["invalid"][: SHOWN - len(total.shown)]
        known, named = made[_OF_ROWS[job.kind]], _created(job, details["made"])
        if known and (again := known.intersection(named)):
            total.again[result.index] = again
        for name in ("orders", "customers", "features"):
            made[name].update(details["made"].get(name, ()))
        for _, license_id, order_id, customer_id in details["made"].get("rows", ()):
            if license_id not in made["licenses"]:
                made["licenses"].add(license_id)
                made["orders"].update({order_id} - {0})
                made["customers"].update({customer_id} - {0})
    total.counts = _counts(job, results, {name: len(ids) for name, ids in made.items()})
    return total


def _created(job: ImportJob, made: dict[str, Any]) -> Iterable[int]:
    """The records that rows of a batch create, if another batch can report the same."""
    if job.kind == "licenses":
        return (license_id for _, license_id, _, _ in made.get("rows", ()))
    found: Iterable[int] = made.get(_OF_ROWS[job.kind], ())
    return found


def stopped_totals(job: ImportJob, results: Sequence[BatchResult]) -> Totals:
    """The totals of a stopped job: of its written batches, and the rows of the file.

    Customers and orders are not counted if reports were deleted from the bucket.
    """
    written = [result for result in results if result.phase == "write"]
    try:
        total = totals_of(job, written)
    except FileGone:
        nothing = dict.fromkeys(("licenses", "orders", "customers", "features"), 0)
        counts = _counts(job, written, nothing)
        if job.undoes is not None:
            counts, _ = undo_totals(job, written, lambda _: {})
        total = Totals(job, written, counts)
    total.counts["rows_done"] = total.counts["total_row_count"]
    total.counts["total_row_count"] = job.rows or 0
    return total


def repeated_rows(job: ImportJob, results: Sequence[BatchResult]) -> dict[int, dict[int, int]]:
    """Rows with the key of a row in an earlier batch and other values.

    Returns, by the first row of their batch, the row and the earlier row. Batches report the rows
    for which stored records are not enough: in a dry run, of customers, and if the record is older
    than the file.
    """
    named = [each for each in results if each.named]
    repeated: dict[int, dict[int, int]] = {}
    parts = 1 + sum(each.named for each in named) // _COMPARED_AT_ONCE
    for part in range(parts):
        first: dict[int, int] = {}
        for result in named:
            for row, id, digest in details_of(job, result)["made"]["named"]:
                if id % parts != part:
                    continue
                known = first.setdefault(id, row << _DIGEST_BITS | digest)
                earlier = known >> _DIGEST_BITS
                if known & _DIGEST != digest and earlier < result.index:
                    repeated.setdefault(result.index, {})[row] = earlier
    return repeated


def _counts(job: ImportJob, results: Sequence[BatchResult], made: dict[str, int]) -> dict[str, int]:
    def summed(name: str) -> int:
        return sum(getattr(result, name) for result in results)

    planned = job.dry_run or any(result.phase == "validate" for result in results)
    licenses = summed("created_licenses") + summed("existed_licenses")
    features = summed("created_features") + summed("existed_features")
    new_licenses = made["licenses"] if planned else summed("created_licenses")
    new_features = made["features"] if planned else summed("created_features")
    counts = {
        "total_row_count": summed("rows"),
        "valid_row_count": summed("valid"),
        "created_customers_count": made["customers"],
        "existed_customers_count": summed("customer_rows") - made["customers"],
        "created_orders_count": made["orders"],
        "existed_orders_count": summed("order_rows") - made["orders"],
        "created_licenses_count": new_licenses,
        "existed_licenses_count": licenses - new_licenses,
        "created_license_features": new_features,
        "existed_license_features": features - new_features,
        "warnings": summed("warnings"),
    }
    return with_unchanged(counts, updated_rows(results))

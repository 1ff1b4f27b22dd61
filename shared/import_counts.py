"""What an import has done, from the results of its batches: its progress and its counts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from shared.import_job import KINDS, ImportJob, Kind

COUNTERS: Mapping[Kind, tuple[str, ...]] = {
    "licenses": (
        "created_customers_count",
        "existed_customers_count",
        "created_orders_count",
        "existed_orders_count",
        "created_licenses_count",
        "existed_licenses_count",
    ),
    "customers": ("created_customers_count", "existed_customers_count"),
    "license-features": ("created_license_features", "existed_license_features"),
}
"""LicenseSpring's counters by kind, in addition to `total_row_count` and `valid_row_count`."""
OWN_COUNTERS: Mapping[Kind, tuple[str, ...]] = {
    "licenses": ("updated_licenses_count", "unchanged_licenses_count"),
    "customers": ("updated_customers_count", "unchanged_customers_count"),
    "license-features": ("updated_license_features", "unchanged_license_features"),
}
"""Our own counters by kind, whose sum is the number of existing records."""
UNDO_COUNTERS: Mapping[Kind, tuple[str, ...]] = {
    "licenses": (
        *("reverted_licenses_count", "reverted_orders_count", "reverted_customers_count"),
        *("kept_licenses_count", "kept_orders_count", "kept_customers_count"),
    ),
    "customers": ("reverted_customers_count", "kept_customers_count"),
    "license-features": ("reverted_license_features", "kept_license_features"),
}
"""The counters of an undo by kind; in addition, `kept_because_<reason>` counts kept records."""


class BatchCounts(BaseModel, frozen=True):
    """The records that a batch has created or found, by kind; a `Batch` counts each of them."""

    created_licenses: int = 0
    existed_licenses: int = 0
    order_rows: int = 0
    customer_rows: int = 0
    created_features: int = 0
    existed_features: int = 0
    updated_licenses: int = 0
    updated_customers: int = 0
    updated_features: int = 0
    reverted_licenses: int = 0
    reverted_customers: int = 0
    reverted_features: int = 0
    kept_licenses: int = 0
    kept_customers: int = 0
    kept_features: int = 0


class BatchResult(BatchCounts, frozen=True, extra="ignore"):
    """The result of one batch; a later result replaces it unless its precedence is lower.

    `report` is the key of the object with the details. Each attempt has its own object, so result
    and details always belong together.
    """

    index: int
    attempt: int = 0
    """The job's attempt when the batch was run."""
    report: str | None = None
    phase: Literal["validate", "write"] = "write"
    """The pass: `validate` is the first of the two passes of `reject_all`."""
    rows: int = 0
    valid: int = 0
    invalid: int = 0
    warnings: int = 0
    named: int = 0
    """Number of rows in the report that have to be compared with other batches."""
    kept: int = 0
    """Number of records that an undo has kept."""
    compared: bool = False
    """Whether the rows were compared with earlier batches."""
    row_report: str | None = None
    """The key of the object with the results of the rows, of the same run as `report`."""
    created_rows: int = 0
    updated_rows: int = 0
    reverted_rows: int = 0
    kept_rows: int = 0
    """Rows by outcome."""

    @property
    def precedence(self) -> int:
        """Later attempts precede earlier ones; within an attempt, the second pass the first one,
        and results of rows that were compared with earlier batches those of rows that were not."""
        return 4 * self.attempt + 2 * (self.phase == "write") + self.compared


def has_outcomes(job: ImportJob, result: BatchResult) -> bool:
    """Whether the rows of a batch have outcomes other than `failed`.

    Rows that only the first pass of `reject_all` has seen were not written, unless the import is a
    dry run. Nothing of a rejected import was written.
    """
    return job.state != "rejected" and (job.dry_run or result.phase == "write")


class Progress(BaseModel, frozen=True):
    """The progress of a job; with `reject_all`, the progress of the current pass."""

    rows_done: int
    rows_total: int | None = Field(description="Null until the whole file has been read.")
    percent: int | None


def progress(job: ImportJob, results: Iterable[BatchResult]) -> Progress:
    """Add up the batch results of the job's current pass."""
    if job.counts:
        done = job.counts.get("rows_done", job.counts.get("total_row_count", 0))
    else:
        two_passes = job.on_error == "reject_all"
        phase = "validate" if two_passes and job.state == "validating" else "write"
        done = sum(each.rows for each in results if each.phase == phase)
    total = job.rows
    if total is None:
        return Progress(rows_done=done, rows_total=None, percent=100 if job.is_ended else None)
    done = min(done, total)
    percent = 100 * done // total if total else 100 * job.is_ended
    return Progress(rows_done=done, rows_total=total, percent=percent)


def counters(job: ImportJob, results: Iterable[BatchResult]) -> dict[str, int]:
    """The counters of a job that has ended.

    While a stopped import has rows in flight, only rows, licenses and features are counted, from
    the batch results. Distinct customers and orders are counted at the end. A rejected import has
    created nothing.
    """
    counted = job.counts
    if job.undoes is not None:
        counted = counted or undo_counts([*results])
        names = ("total_row_count", "valid_row_count", *UNDO_COUNTERS[job.kind])
        reasons = {name: n for name, n in counted.items() if name.startswith("kept_because_")}
        return {name: counted.get(name, 0) for name in names} | reasons
    names = ("total_row_count", "valid_row_count", *COUNTERS[job.kind], *OWN_COUNTERS[job.kind])
    if job.state == "rejected":
        counted = {name: counted.get(name, 0) for name in names[:2]}
    if not counted and job.state in ("failed", "cancelled") and not job.dry_run:
        done = [each for each in results if each.phase == "write"]
        counted = {
            "total_row_count": job.rows or 0,
            "valid_row_count": sum(each.valid for each in done),
            "created_licenses_count": sum(each.created_licenses for each in done),
            "existed_licenses_count": sum(each.existed_licenses for each in done),
            "created_license_features": sum(each.created_features for each in done),
            "existed_license_features": sum(each.existed_features for each in done),
        }
        counted = with_unchanged(counted, updated_rows(done))
    return {name: counted.get(name, 0) for name in names}


def undo_counts(results: Sequence[BatchResult]) -> dict[str, int]:
    """The counts of an undo from the results of its batches, without orders and their customers."""
    rows = sum(each.rows for each in results)
    counts = {"total_row_count": rows, "valid_row_count": rows}
    for verb in ("reverted", "kept"):
        counts |= {
            f"{verb}_licenses_count": sum(getattr(each, f"{verb}_licenses") for each in results),
            f"{verb}_customers_count": sum(getattr(each, f"{verb}_customers") for each in results),
            f"{verb}_license_features": sum(getattr(each, f"{verb}_features") for each in results),
        }
    return counts


def updated_rows(results: Iterable[BatchResult]) -> tuple[int, int, int]:
    """The rows of batches that updated a license, a customer and a feature."""
    licenses = customers = features = 0
    for each in results:
        licenses += each.updated_licenses
        customers += each.updated_customers
        features += each.updated_features
    return licenses, customers, features


def with_unchanged(counts: Mapping[str, int], updated: Sequence[int]) -> dict[str, int]:
    """The counts with those in `OWN_COUNTERS`: existing records that were updated, and the others.

    `updated` are the rows that updated a license, a customer and a feature.
    """
    found = dict(counts)
    for kind, number in zip(KINDS, updated, strict=True):
        existed = counts.get(COUNTERS[kind][-1], 0)
        found |= dict(zip(OWN_COUNTERS[kind], (number, existed - number), strict=True))
    return found


def warned_rows(job: ImportJob, results: Iterable[BatchResult]) -> int:
    """The number of rows that were imported with warnings, of a job that has ended."""
    counted = sum(each.warnings for each in results)
    return job.counts.get("warnings", 0) if job.counts else counted

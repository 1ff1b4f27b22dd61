"""Import a batch of rows of any kind: create new records, and count existing ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.differences import repeated_fault
from shared.row_entries import (
    CustomerEntry,
    Entry,
    FeatureEntry,
    Import,
    InvalidRecord,
    LicenseEntry,
)
from shared.row_results import RowResults
from shared.store import bulk
from shared.store.signed_http import Exchange
from shared.workflows.batch import Batch
from shared.workflows.import_customers import import_customers
from shared.workflows.import_features import import_features
from shared.workflows.import_licenses import import_licenses


def import_batch(
    job: Import,
    entries: Sequence[Entry | InvalidRecord],
    *,
    dry_run: bool,
    pool: bulk.Pool,
    firsts: Mapping[int, int] | None = None,
    complete: bool = False,
    opening: Sequence[Exchange[Any]] = (),
) -> Batch:
    """Import consecutive rows, or, in a dry run, determine their results.

    `firsts` are rows that are known to be duplicates, with the earlier row that has their key.
    `complete` creates no licenses or customers, and writes the records that belong to those that an
    earlier run has created. `opening` runs before anything is written.
    """
    done, whole = Batch(entries[0].record.row, len(entries)), entries
    done.results = RowResults.of(done.first_row, [entry.record.line for entry in entries])
    if job.planned is not None:
        entries = [_planned_to_fail(job, entry) for entry in entries]
    if job.differing:
        firsts = {row: job.repeated[row] for row in job.differing} | dict(firsts or {})
    if firsts:
        entries = [_refused(entry, firsts.get(entry.record.row)) for entry in entries]
    done.invalid = [entry for entry in entries if isinstance(entry, InvalidRecord)]
    licenses = [entry for entry in entries if isinstance(entry, LicenseEntry)]
    customers = [entry for entry in entries if isinstance(entry, CustomerEntry)]
    features = [entry for entry in entries if isinstance(entry, FeatureEntry)]
    for entry in entries:
        if not isinstance(entry, InvalidRecord) and entry.warnings:
            done.warn(entry.record, entry.warnings)
    if not (licenses or customers):
        pool.run(opening)
    if licenses:
        rows = [entry for entry in whole if isinstance(entry, LicenseEntry)]
        import_licenses(
            job, licenses, done, pool, rows, dry_run=dry_run, complete=complete, opening=opening
        )
    if customers:
        named = [entry for entry in whole if isinstance(entry, CustomerEntry)]
        import_customers(
            job, customers, done, pool, named, dry_run=dry_run, complete=complete, opening=opening
        )
    if features:
        import_features(job, features, done, pool, dry_run=dry_run)
    done.invalid.sort(key=lambda bad: bad.record.row)
    done.results.failed(bad.record.row for bad in done.invalid)
    return done


def _planned_to_fail(job: Import, entry: Entry | InvalidRecord) -> Entry | InvalidRecord:
    """In a commit, a row that has failed in the dry run fails with the same faults."""
    planned = (job.planned or {}).get(entry.record.row)
    if planned is None or planned.outcome != "failed":
        return entry
    if isinstance(entry, InvalidRecord) and not planned.faults:
        return entry
    return InvalidRecord(entry.record, planned.faults)


def _refused(entry: Entry | InvalidRecord, first: int | None) -> Entry | InvalidRecord:
    if first is None or isinstance(entry, InvalidRecord):
        return entry
    return InvalidRecord(entry.record, [repeated_fault(entry, first)])

"""Undo a batch of rows of an import: remove what they created, set back what they changed.

A batch that runs again, completely or partly, has the same results: records that the undo has
removed are tombstones with its token, and records that it has set back remember its row.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

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
from shared.workflows.undo_customers import undo_customers
from shared.workflows.undo_features import undo_features
from shared.workflows.undo_licenses import undo_licenses


def undo_batch(
    job: Import,
    entries: Sequence[Entry | InvalidRecord],
    *,
    dry_run: bool,
    pool: bulk.Pool,
    opening: Sequence[Exchange[Any]] = (),
) -> Batch:
    """Undo consecutive rows, or, in a dry run, determine their results.

    `opening` runs before anything is written.
    """
    done = Batch(entries[0].record.row, len(entries))
    done.results = RowResults.of(done.first_row, [entry.record.line for entry in entries])
    pool.run(opening)
    if licenses := [entry for entry in entries if isinstance(entry, LicenseEntry)]:
        undo_licenses(job, licenses, done, pool, dry_run=dry_run)
    if customers := [entry for entry in entries if isinstance(entry, CustomerEntry)]:
        undo_customers(job, customers, done, pool, dry_run=dry_run)
    if features := [entry for entry in entries if isinstance(entry, FeatureEntry)]:
        undo_features(job, features, done, pool, dry_run=dry_run)
    own = "customer_id" if job.kind == "customers" else "license_id"
    kept = (each for of_row in done.results.kept.values() for each in of_row)
    done.made["reasons"] = [*Counter(reason for name, _, reason in kept if name == own).items()]
    return done

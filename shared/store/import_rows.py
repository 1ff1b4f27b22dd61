"""Importing consecutive rows of any kind: what is new is written, what is there is counted."""

from collections.abc import Sequence

from shared.importing import Bad, CustomerEntry, Entry, FeatureEntry, Import, LicenseEntry
from shared.store import bulk
from shared.store.import_customers import import_customers
from shared.store.import_features import import_features
from shared.store.import_licenses import import_licenses
from shared.store.stretch import Stretch


def import_stretch(
    job: Import,
    entries: Sequence[Entry | Bad],
    *,
    dry_run: bool,
    pool: bulk.Pool,
    complete: bool = False,
) -> Stretch:
    """Carry out what some consecutive rows ask for, or, in a dry run, say what it would be.

    `complete` makes no license, and writes what belongs to those that were made before.
    """
    done = Stretch(entries[0].record.row, len(entries))
    done.invalid = [entry for entry in entries if isinstance(entry, Bad)]
    licenses = [entry for entry in entries if isinstance(entry, LicenseEntry)]
    customers = [entry for entry in entries if isinstance(entry, CustomerEntry)]
    features = [entry for entry in entries if isinstance(entry, FeatureEntry)]
    if licenses:
        import_licenses(job, licenses, done, pool, dry_run=dry_run, complete=complete)
    if customers:
        import_customers(job, customers, done, pool, dry_run=dry_run, complete=complete)
    if features:
        import_features(job, features, done, pool, dry_run=dry_run)
        done.invalid.sort(key=lambda bad: bad.record.row)
    return done

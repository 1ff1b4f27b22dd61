"""The keys that an import generates for license rows without one."""

from collections.abc import Callable, Sequence

from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import Record
from shared.import_job import ImportJob
from shared.row_entries import LicenseEntry
from shared.row_keys import generated_key, with_copies
from shared.row_reader import reader_of
from shared.workflows.import_bundles import pinned_import


def generated_keys(job: ImportJob) -> Callable[[Record], Sequence[str]] | None:
    """The function that returns the keys that a row got from the import: one for each license.

    None if the import generates no keys. Raises FileGone if what the import had pinned was deleted.
    """
    if job.keys != "generate":
        return None
    terms, dialect = pinned_import(job), Dialect.model_validate(job.detected)
    read = reader_of(terms, dialect)

    def keys_of(record: Record) -> Sequence[str]:
        entry = read(record)
        if not isinstance(entry, LicenseEntry):
            return ()
        if entry.key != generated_key(terms, record.row, entry.model.product_code):
            return ()
        return [each.key for each in with_copies(terms, [entry])]

    return keys_of

"""The keys that an import generates for license rows without one."""

from collections.abc import Callable

from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import Record
from shared.import_job import ImportJob
from shared.row_entries import LicenseEntry
from shared.row_reader import generated_key, reader_of
from shared.workflows.import_bundles import pinned_import


def generated_keys(job: ImportJob) -> Callable[[Record], str | None] | None:
    """The function that returns the key that a row got from the import, or None.

    None if the import generates no keys. Raises FileGone if what the import had pinned was deleted.
    """
    if job.keys != "generate":
        return None
    terms, dialect = pinned_import(job), Dialect.model_validate(job.detected)
    read = reader_of(terms, dialect)

    def key_of(record: Record) -> str | None:
        entry = read(record)
        if not isinstance(entry, LicenseEntry):
            return None
        generated = generated_key(terms, record.row, entry.model.product_code)
        return generated if entry.key == generated else None

    return key_of

"""Read the rows of a file into entries: validate them with the rules of orders and the catalog.

An entry depends only on the row, the job, and the catalog as it was when the job began, so reading
a row again always gives the same entry.
"""

from collections.abc import Callable, Hashable

from shared.column_mapping import RowMapping
from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import Record
from shared.license_reader import LicenseReader
from shared.part_reader import ROW_FAULTS, PartReader, row_fault
from shared.row_entries import (
    CustomerEntry,
    Entry,
    FeatureEntry,
    Import,
    InvalidRecord,
    LicenseEntry,
    fault_of,
    named_id,
    nameless_id,
)

_NO_KEY = "a row without an e-mail names no customer to update: enter the customer's e-mail"


def reader_of(job: Import, dialect: Dialect) -> Callable[[Record], Entry | InvalidRecord]:
    """The function that reads the rows of a file of the job's kind.

    Faults and warnings name our columns; the records are those of the file.
    """
    mapping = RowMapping(job.mapping, dialect, job.kind)
    read = _reader_of_kind(job, mapping.dialect).read
    if mapping.is_plain:
        return read

    def read_mapped(record: Record) -> Entry | InvalidRecord:
        entry = read(mapping.record(record))
        if isinstance(entry, LicenseEntry):
            return entry  # has no cells
        return entry._replace(record=record)

    return read_mapped


def _reader_of_kind(
    job: Import, dialect: Dialect
) -> "LicenseReader | _CustomerReader | _FeatureReader":
    match job.kind:
        case "licenses":
            return LicenseReader(job, dialect)
        case "customers":
            return _CustomerReader(job, dialect)
    return _FeatureReader(job, dialect)


def identity_of(job: Import, dialect: Dialect) -> Callable[[Record], Hashable]:
    """The function that returns what names the record of a row; None for a row that is invalid.

    It reads a license row in a fifth of the time that its entry takes.
    """
    if job.kind == "licenses":
        mapping = RowMapping(job.mapping, dialect, job.kind)
        identify = LicenseReader(job, mapping.dialect).identity
        return identify if mapping.is_plain else lambda record: identify(mapping.record(record))
    read = reader_of(job, dialect)

    def identity(record: Record) -> Hashable:
        match read(record):
            case CustomerEntry() as entry:
                return entry.customer_id
            case FeatureEntry() as entry:
                return entry.key, entry.request.code
        return None

    return identity


class _CustomerReader(PartReader):
    def read(self, record: Record) -> CustomerEntry | InvalidRecord:
        if record.fault:
            return InvalidRecord(record, row_fault(record))
        row = self.read_part("customer", self.cells["customer"](record.fields), lambda row: row)
        if isinstance(row, list):
            return InvalidRecord(record, row)
        if not row.model_fields_set:
            return InvalidRecord(
                record, [fault_of("", "", "blank_row", ROW_FAULTS["blank_row"], None)]
            )
        if self.job.updates and row.email is None:
            return InvalidRecord(
                record, [fault_of("email", "email", "no_key_to_match", _NO_KEY, None)]
            )
        id = named_id(self.job, row) or nameless_id(self.job, record, None)
        return CustomerEntry(record, row, id, self.warnings(record.fields))


class _FeatureReader(PartReader):
    def read(self, record: Record) -> FeatureEntry | InvalidRecord:
        if record.fault:
            return InvalidRecord(record, row_fault(record))
        row = self.read_part("feature", self.cells["feature"](record.fields), lambda row: row)
        if isinstance(row, list):
            return InvalidRecord(record, row)
        return FeatureEntry(record, row.license_key, row.request(), self.warnings(record.fields))

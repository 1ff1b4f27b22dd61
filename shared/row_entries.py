"""The entries that rows of a file ask for: a license, a customer or a feature.

An entry refers to its order and customer by ids that are derived from the row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from shared.catalog import FeatureGrant, Product
from shared.column_mapping import NO_MAPPING, ColumnMapping
from shared.columns import CustomerRow, OrderRow, TermsRow
from shared.csv_format.reader import Record
from shared.customers import UserRequest
from shared.day_order import Dates
from shared.errors import Fault
from shared.import_job import OnExisting, OnMissing
from shared.licenses import FeatureRequest, License, grant_of
from shared.planned_rows import PlannedRow, not_as_planned
from shared.row_results import Changes
from shared.values import record_id

type Faults = list[dict[str, Any]]
type Warnings = Sequence[dict[str, Any]]
"""`{column, code, message, value}` of each warning about a row that is imported."""


class InvalidRecord(NamedTuple):
    """A row that can't be imported, and its faults."""

    record: Record
    faults: Faults


class LicenseEntry(NamedTuple):
    """A license to import. `model` is shared by rows with equal terms, and has no ids.

    In a row of an import that updates, a field that is set to None is to be cleared; `note` and
    `subscription_id` then are empty texts.

    `terms` are the cells from which `model` was made. The record has no cells, because they take
    most of a row's memory.

    `key` names the license, and its id is derived from it: it is the license key, of a member of a
    bundle with the product (`row_keys.name_of_member`), and of a license with `users`, which has no
    key, the name that `row_keys.name_without_key` makes of its order, product and users.
    """

    record: Record
    key: str
    model: License
    terms: TermsRow
    subscription_id: str | None
    note: str | None
    order: OrderRow
    store_id: str
    order_id: int
    customer: CustomerRow | None
    customer_id: int | None
    warnings: Warnings = ()
    unissued: Faults = []  # never changed
    """Why the row can't create a license; only an import that updates licenses reads such rows."""
    copies: int = 1
    """The licenses that the row issues; see `with_copies`."""
    copy: int = 0
    """Which of these licenses the entry is."""
    users: tuple[UserRequest, ...] = ()
    """The users of a license of a product that is authorized by user."""
    bundle_key: str = ""
    """The license key of a bundle and its members, if the license is one of them."""

    @property
    def license_key(self) -> str | None:
        if self.users:
            return None
        return self.bundle_key or self.key


class CustomerEntry(NamedTuple):
    """A customer to import."""

    record: Record
    customer: CustomerRow
    customer_id: int
    warnings: Warnings = ()


class FeatureEntry(NamedTuple):
    """A feature to add to an existing license."""

    record: Record
    key: str
    request: FeatureRequest
    warnings: Warnings = ()


type Entry = LicenseEntry | CustomerEntry | FeatureEntry


@dataclass(frozen=True, slots=True)
class Import:
    """The import job whose rows are read, with the pinned catalog."""

    company: str
    number: int
    kind: str
    began: datetime
    catalog: Mapping[str, Product]
    file_sha256: str = ""
    bundle_keys: frozenset[str] = frozenset()
    """Keys that rows of bundles have anywhere in the file."""
    dates: Dates = "iso"
    """The order of day, month and year in the file's dates."""
    mapping: ColumnMapping = NO_MAPPING
    on_existing: OnExisting = "keep"
    on_missing: OnMissing = "create"
    repeated: Mapping[int, int] = field(default_factory=dict)
    """Of an import that updates: rows that name the record of an earlier row, by that row.

    Such a row never writes.
    """
    named_by: int = 0
    """The job that names orders without an id; that of the plan, whose ids a commit keeps."""
    planned: Mapping[int, PlannedRow] | None = None
    """Of a commit: the planned rows of the batch. A row is written only as it was planned."""
    differing: frozenset[int] = frozenset()
    """The rows in `repeated` that are not equal to the earlier row."""
    key_seed: bytes | None = field(default=None, repr=False)
    """The secret for the keys of rows without one; None unless the import generates keys."""
    has_order_times: bool = False
    """Whether the file has the column of the times of orders, which are then listed one by one."""
    undo: int | None = None
    """The job that undoes this import, if its rows are read for that."""
    quiet_since: datetime | None = None
    """When an import of the company last changed before the undo."""

    def may_create(self, row: int) -> bool:
        """Whether the plan, if there is one, lets a row create its record."""
        return self.planned is None or (row in self.planned and self.planned[row].creates)

    def may_revert(self, row: int) -> bool:
        """Whether the plan of an undo, if there is one, lets it revert a row."""
        return self.planned is None or (row in self.planned and self.planned[row].reverts)

    def may_remove(self, row: int, name: str, id: int) -> bool:
        """Whether the plan of an undo, if there is one, removes a record that a row has created.

        The row can be in another batch: `planned` then reads it. `name` is the field with the id.
        """
        if self.planned is None:
            return True
        try:
            return self.planned[row].reverts_record(name, id)
        except KeyError:
            return False

    def is_repeat(self, row: int) -> bool:
        """Whether a row names the record of an earlier row, which another batch may create."""
        return self.planned is not None and row in self.planned and self.planned[row].is_repeat

    def unplanned(self, row: int, outcome: str, ids: Sequence[int] = (), copy: int = 0) -> Faults:
        """The fault of a row whose outcome or ids are not those of the plan.

        `ids` are those of its license `copy`, order and customer.
        """
        if self.planned is None:
            return []
        planned = self.planned.get(row)
        if planned is None or planned.outcome != outcome:
            return [not_as_planned(planned, outcome)]
        if ids and planned.ids(copy) != tuple(ids):
            return [not_as_planned(planned, f"{outcome}, with other ids")]
        return []

    def unplanned_changes(self, row: int, changes: Changes) -> Faults:
        """The fault of a row that would change its record in another way than planned."""
        if faults := self.unplanned(row, "updated"):
            return faults
        if self.planned is None or self.planned[row].changes_as_planned(changes):
            return []
        return [not_as_planned(self.planned[row], "updated, from or to other values")]

    @property
    def updates(self) -> bool:
        return self.on_existing == "update"

    def maker(self, row: int) -> str:
        """The provenance (`made_by`) of a record that a row creates."""
        return f"{self.made}{row}"

    def undo_maker(self, row: int) -> str:
        """How a record remembers that the undo of this row has changed it (`applied_rows`)."""
        return f"import {self.undo}#{row}"

    @property
    def undo_token(self) -> str:
        """How tombstones name the undo of this import (`deleted_by`)."""
        return f"import {self.undo}"

    @property
    def made(self) -> str:
        return f"import {self.number}#"


def feature_faults(entry: FeatureEntry, products: Sequence[Product]) -> Faults:
    """Return the faults of a feature row if none of the license's products offers the feature."""
    if any(offers(entry, product) for product in products):
        return []
    codes = ", ".join(product.short_code for product in products)
    message = f"no such feature on {codes}, or it is not enabled"
    return [fault_of("code", "code", "unsupported_product_feature", message, entry.request.code)]


def offers(entry: FeatureEntry, product: Product) -> bool:
    """Whether the product has the feature and the feature is enabled."""
    feature = product.feature(entry.request.code)
    return feature is not None and feature.active


def unknown_license(entry: FeatureEntry) -> Faults:
    """Return the fault of a feature row whose license does not exist."""
    message = "there is no license with this key"
    return [fault_of("license_key", "license_key", "license_not_found", message, entry.key)]


def granted(entry: FeatureEntry, product: Product) -> FeatureGrant:
    """Return the feature with resolved terms, as it is added to the license."""
    feature = product.feature(entry.request.code)
    if feature is None:
        raise AssertionError("feature_faults found none")
    return grant_of(entry.request, feature, None)


def named_id(job: Import, row: CustomerRow) -> int | None:
    """Return the id of a customer by e-mail, otherwise by reference; None without both."""
    if row.email is not None:
        return record_id(job.company, "customer", row.email)
    if row.reference is not None:
        return reference_id(job.company, row.reference)
    return None


def reference_id(company: str, reference: str, attempt: int = 0) -> int:
    """Return the id of a customer without an e-mail whom files identify by this reference."""
    return record_id(company, "customer", "reference", reference, attempt=attempt)


def nameless_id(job: Import, record: Record, order_id: int | None) -> int:
    """Return the id of a customer with neither e-mail nor reference.

    It is derived from the order, as for API orders. Without an order it is derived from the file's
    content and the row, so importing the same file again finds the same customers.
    """
    if order_id is not None:
        return record_id(job.company, "customer", "of", order_id)
    return record_id(job.company, "customer", "of file", job.file_sha256, record.row)


def column_of(fault: Fault, prefix: str) -> tuple[str, str]:
    """Return the column and the field of a fault whose path begins with the name of a field."""
    field = (fault.field or "").partition(".")[0]
    return f"{prefix}{field}", field


def fault_of(column: str, field: str, code: str, message: str, value: object) -> dict[str, Any]:
    """Return a fault of a cell, or of the whole row if `column` is empty."""
    return {"column": column, "field": field, "code": code, "message": message, "value": value}

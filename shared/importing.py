"""What a row of a file asks for: checked by the rules of orders, and settled against the catalog.

Everything here is decided from the row, the catalog as it was when the job began, and the job
itself, so a row means the same whichever chunk reads it and however often.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.catalog import FeatureGrant, Product
from shared.csv_file import Dialect
from shared.csv_records import Record, suspected_damage
from shared.errors import Refused
from shared.licenses import FeatureRequest, License, Offer, grant_of, issue, offer
from shared.rows import (
    KINDS,
    CustomerRow,
    FreeRow,
    OrderRow,
    TermsRow,
    faults_of_row,
)
from shared.values import FORMAT, record_id

type Faults = list[dict[str, Any]]
type Warnings = Sequence[dict[str, Any]]
"""`{column, code, message, value}` of each thing to check in a row that is imported."""

_ROW_FAULTS = {
    "extra_fields": "the row has more cells than the header; check its delimiters and quotes",
    "stray_quote": "there is text or a blank outside the quotes of a cell; remove it, or double"
    " the quotes inside the cell",
    "blank_row": "no column that is imported has a value; fill one, or remove the row",
}
_SOUND = re.compile(
    rf"(?!#|Err:|[0-9]{{15}}|[+-]?[0-9][0-9.,]*[Ee]\+|{FORMAT.pattern})"
    r"[^\s\x00-\x20\x7f-\x9f\ud800-\udfff]"
    r"(?:[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,61}[^\s\x00-\x20\x7f-\x9f\ud800-\udfff])?"
)
"""A cell that `FreeRow` takes as it is, in any of its columns; of others the model is asked."""
# Rows that say the same share what was worked out for them; beyond this many, it starts afresh.
_REMEMBERED = 5_000


class Bad(NamedTuple):
    """A row that can't be imported, and all that is wrong with it."""

    record: Record
    faults: Faults


class LicenseEntry(NamedTuple):
    """A license to import. `model` is what rows with the same terms share; ids come on top.

    `terms` are the cells that `model` was made of. The record is without its cells: they are most
    of what a row takes in memory.
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


class CustomerEntry(NamedTuple):
    """A customer to import."""

    record: Record
    customer: CustomerRow
    customer_id: int
    warnings: Warnings = ()


class FeatureEntry(NamedTuple):
    """A feature to add to a license that is there."""

    record: Record
    key: str
    request: FeatureRequest
    warnings: Warnings = ()


type Entry = LicenseEntry | CustomerEntry | FeatureEntry


@dataclass(frozen=True, slots=True)
class Import:
    """The job whose rows are read."""

    company: str
    number: int
    kind: str
    began: datetime
    catalog: Mapping[str, Product]
    file_sha256: str = ""
    bundle_keys: frozenset[str] = frozenset()
    """Keys that rows of bundles have anywhere in the file."""

    def maker(self, row: int) -> str:
        """What a record says of the row that made it."""
        return f"{self.made}{row}"

    @property
    def made(self) -> str:
        return f"import {self.number}#"


def reader_of(job: Import, dialect: Dialect) -> Callable[[Record], Entry | Bad]:
    """What reads the rows of a file."""
    match job.kind:
        case "licenses":
            return _LicenseReader(job, dialect).read
        case "customers":
            return _CustomerReader(job, dialect).read
    return _FeatureReader(job, dialect).read


def feature_faults(entry: FeatureEntry, products: Sequence[Product]) -> Faults:
    """Why a license of these products can't have a feature, if none of them has it."""
    if any(offers(entry, product) for product in products):
        return []
    codes = ", ".join(product.short_code for product in products)
    message = f"no such feature on {codes}, or it is not enabled"
    return [_fault("code", "code", "unsupported_product_feature", message, entry.request.code)]


def offers(entry: FeatureEntry, product: Product) -> bool:
    """Whether licenses of a product can have the feature: it has it, and it is enabled."""
    feature = product.feature(entry.request.code)
    return feature is not None and feature.active


def unknown_license(entry: FeatureEntry) -> Faults:
    message = "there is no license with this key"
    return [_fault("license_key", "license_key", "license_not_found", message, entry.key)]


def granted(entry: FeatureEntry, product: Product) -> FeatureGrant:
    """The feature as the license will carry it."""
    feature = product.feature(entry.request.code)
    if feature is None:
        raise AssertionError("feature_faults found none")
    return grant_of(entry.request, feature, None)


class _Free(NamedTuple):
    """What a row says that others do not."""

    license_key: str
    subscription_id: str | None
    note: str | None


class _Reader:
    """The columns of a file, found once; `part` remembers what equal cells meant."""

    def __init__(self, job: Import, dialect: Dialect) -> None:
        self.job, self.kind = job, KINDS[job.kind]
        self.headers = dialect.names
        self.columns = dialect.columns
        self._where = {
            name: [(at, header) for at, header in enumerate(self.headers) if header in part.columns]
            for name, part in self.kind.parts.items()
        }
        self.cells = {
            name: _cells_at([at for at, _ in where]) for name, where in self._where.items()
        }
        self._known: dict[str, dict[tuple[str, ...], Any]] = {name: {} for name in self._where}
        self._suspect: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}

    def part(
        self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any] = lambda row: row
    ) -> Any:
        """The model of a part's cells, made into what is wanted; or the list of its faults."""
        known = self._known[name]
        if (meant := known.get(cells)) is None:
            meant = self._read(name, cells, make)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[cells] = meant
        return meant

    def _read(self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any]) -> Any:
        part = self.kind.parts[name]
        given = {header: cell for (_, header), cell in zip(self._where[name], cells, strict=True)}
        try:
            meant = make(part.read(given))
        except ValidationError as error:
            return self._shown(faults_of_row(error, part))
        if name != "terms" and (suspect := _suspect_cells(given)):
            if len(self._suspect) >= _REMEMBERED:
                self._suspect.clear()
                for known in self._known.values():
                    known.clear()
            self._suspect[name, cells] = self._shown(suspect)
        return meant

    def warnings(self, fields: Sequence[str]) -> Warnings:
        """The warnings of a row that was just read; most files have none."""
        if not self._suspect:
            return ()
        return [
            warning
            for name in self._where
            for warning in self._suspect.get((name, self.cells[name](fields)), ())
        ]

    def _shown(self, faults: Faults) -> Faults:
        """Faults with their columns as the file writes them."""
        written = dict(zip(self.headers, self.columns, strict=True))
        return [
            {**fault, "column": written.get(fault["column"], fault["column"])} for fault in faults
        ]


class _LicenseReader(_Reader):
    def __init__(self, job: Import, dialect: Dialect) -> None:
        super().__init__(job, dialect)
        self._offers: dict[str, Offer | None] = {}
        at = {self.kind.parts["free"].columns[header]: at for at, header in self._where["free"]}
        self._free_at = tuple(at.get(name) for name in _Free._fields)

    def read(self, record: Record) -> LicenseEntry | Bad:
        if record.fault:
            return Bad(record, _row_fault(record))
        fields, cells = record.fields, self.cells
        model = self.part("terms", cells["terms"](fields), self._model)
        free = self._free(fields)
        order = self.part("order", cells["order"](fields), self._order)
        named = self.part("customer", cells["customer"](fields), self._customer)
        faults = [
            fault for part in (free, model, order, named) if type(part) is list for fault in part
        ]
        if faults:
            return Bad(record, faults)
        (said, store_id, order_id), (customer, customer_id), (model, terms) = order, named, model
        if customer is not None and customer_id is None:
            customer_id = _nameless(self.job, record, order_id)
        if order_id is None:
            store_id = f"import-{self.job.number}-{record.row}"
            order_id = record_id(self.job.company, "order", store_id)
        key, subscription_id, note = free
        return LicenseEntry(
            Record(record.row, record.line, [], None),
            key,
            model,
            terms,
            subscription_id,
            note,
            said,
            store_id,
            order_id,
            customer,
            customer_id,
            self.warnings(fields),
        )

    def _free(self, fields: Sequence[str]) -> Any:
        """Differs from row to row, so it is not remembered; most cells need no model."""
        cells = [fields[at] if at is not None else "" for at in self._free_at]
        for cell in cells:
            if cell and not _SOUND.fullmatch(cell):
                break
        else:
            key, subscription_id, note = cells
            if key and key.isascii() and subscription_id.isascii():
                return _Free(key, subscription_id or None, note or None)
        return self._read("free", self.cells["free"](fields), _free_of)

    def _order(self, row: OrderRow) -> tuple[OrderRow, str, int | None]:
        if not row.store_id:
            return row, "", None
        return row, row.store_id, record_id(self.job.company, "order", row.store_id)

    def _customer(self, row: CustomerRow) -> tuple[CustomerRow | None, int | None]:
        if not row.model_fields_set:
            return None, None
        return row, _named(self.job, row)

    def _model(self, row: TermsRow) -> tuple[License, TermsRow] | Faults:
        """The license that these terms make, with everything but what differs from row to row."""
        product = self.job.catalog.get(row.short_code)
        if fault := _not_sold(product, row.short_code):
            return self._shown(
                [_fault("product__short_code", "short_code", *fault, row.short_code)]
            )
        if product is None:
            raise AssertionError("a product that is not there is a fault")
        if row.short_code not in self._offers:
            self._offers[row.short_code] = offer(product, None)
        sold = self._offers[row.short_code]
        if sold is None:
            raise AssertionError("a product always has a default policy")
        try:
            made = issue(
                row.request(),
                sold,
                (),
                now=self.job.began,
                ends_anyway=product.is_bundle,
                id=0,
                order_id=0,
                order_item_id=0,
                order_store_id="",
            )
            return made, row
        except Refused as refused:
            return self._shown(
                [
                    _fault(f"license__{f.field}", f.field or "", f.code, f.message, f.value)
                    for f in refused.faults
                ]
            )


class _CustomerReader(_Reader):
    def read(self, record: Record) -> CustomerEntry | Bad:
        if record.fault:
            return Bad(record, _row_fault(record))
        row = self._read("customer", self.cells["customer"](record.fields), lambda row: row)
        if isinstance(row, list):
            return Bad(record, row)
        if not any(value is not None for _, value in row):
            return Bad(record, [_fault("", "", "blank_row", _ROW_FAULTS["blank_row"], None)])
        id = _named(self.job, row) or _nameless(self.job, record, None)
        return CustomerEntry(record, row, id, self.warnings(record.fields))


class _FeatureReader(_Reader):
    def read(self, record: Record) -> FeatureEntry | Bad:
        if record.fault:
            return Bad(record, _row_fault(record))
        row = self._read("feature", self.cells["feature"](record.fields), lambda row: row)
        if isinstance(row, list):
            return Bad(record, row)
        return FeatureEntry(record, row.license_key, row.request(), self.warnings(record.fields))


def _cells_at(places: list[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What takes these cells out of a row; `itemgetter` makes a tuple of two and more only."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda fields: tuple([fields[at] for at in places])


def _free_of(row: FreeRow) -> _Free:
    return _Free(row.license_key, row.subscription_id, row.note)


def _named(job: Import, row: CustomerRow) -> int | None:
    """The id of a customer by e-mail, else by reference; None without either."""
    if row.email is not None:
        return record_id(job.company, "customer", row.email)
    if row.reference is not None:
        return reference_id(job.company, row.reference)
    return None


def reference_id(company: str, reference: str, attempt: int = 0) -> int:
    """The id of the customer without an e-mail that files know by this reference."""
    return record_id(company, "customer", "reference", reference, attempt=attempt)


def _nameless(job: Import, record: Record, order_id: int | None) -> int:
    """The id of a customer with neither e-mail nor reference.

    That of its order, as orders derive it too. Without an order it is derived from the content of
    the file and the row, so the same file names the same customers again.
    """
    if order_id is not None:
        return record_id(job.company, "customer", "of", order_id)
    return record_id(job.company, "customer", "of file", job.file_sha256, record.row)


def _suspect_cells(cells: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "column": column,
            "code": "looks_like_spreadsheet_damage",
            "message": f"may have been changed by a spreadsheet ({damage.replace('_', ' ')}): it is"
            " imported as it is, compare it with its source",
            "value": cell[:200],
        }
        for column, cell in cells.items()
        if (damage := suspected_damage(cell))
    ]


def _not_sold(product: Product | None, code: str) -> tuple[str, str] | None:
    if product is None:
        return "unknown_product", f"there is no product {code}"
    if product.is_archived:
        return "archived_product", f"product {code} is archived"
    if not product.active:
        return "disabled_product", f"product {code} is disabled"
    if product.authorization_method == "user":
        return "key_not_allowed", f"{code} is authorized by user: a file has no users, order it"
    return None


def _row_fault(record: Record) -> Faults:
    code = record.fault or ""
    return [_fault("", "", code, _ROW_FAULTS[code], None)]


def _fault(column: str, field: str, code: str, message: str, value: object) -> dict[str, Any]:
    return {"column": column, "field": field, "code": code, "message": message, "value": value}

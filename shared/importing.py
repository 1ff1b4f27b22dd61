"""What a row of a file asks for: checked by the rules of orders, and settled against the catalog.

Everything here is decided from the row, the catalog as it was when the job began, and the job
itself, so a row means the same whichever chunk reads it and however often.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.catalog import FeatureGrant, Product
from shared.csv_file import Dialect
from shared.csv_records import Record
from shared.errors import Refused
from shared.licenses import FeatureRequest, License, Offer, grant_of, issue, offer
from shared.rows import (
    KINDS,
    CustomerRow,
    OrderRow,
    TermsRow,
    faults_of_row,
)
from shared.values import record_id

type Faults = list[dict[str, Any]]

_ROW_FAULTS = {
    "extra_fields": "the row has more cells than the header; check its delimiters and quotes",
    "stray_quote": "text stands after a closing quote; double the quotes inside a quoted cell",
}
# Rows that say the same share what was worked out for them; beyond this many, it starts afresh.
_REMEMBERED = 20_000


class Bad(NamedTuple):
    """A row that can't be imported, and all that is wrong with it."""

    record: Record
    faults: Faults


class LicenseEntry(NamedTuple):
    """A license to import. `model` is what rows with the same terms share; ids come on top."""

    record: Record
    key: str
    model: License
    subscription_id: str | None
    note: str | None
    order: OrderRow
    store_id: str
    order_id: int
    customer: CustomerRow | None
    customer_id: int | None


class CustomerEntry(NamedTuple):
    """A customer to import."""

    record: Record
    customer: CustomerRow
    customer_id: int


class FeatureEntry(NamedTuple):
    """A feature to add to a license that is there."""

    record: Record
    key: str
    request: FeatureRequest


type Entry = LicenseEntry | CustomerEntry | FeatureEntry


@dataclass(frozen=True, slots=True)
class Import:
    """The job whose rows are read."""

    company: str
    number: int
    kind: str
    began: datetime
    catalog: Mapping[str, Product]

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
    if any((known := p.feature(entry.request.code)) and known.active for p in products):
        return []
    codes = ", ".join(product.short_code for product in products)
    message = f"no such feature on {codes}, or it is not enabled"
    return [_fault("code", "code", "unsupported_product_feature", message, entry.request.code)]


def unknown_license(entry: FeatureEntry) -> Faults:
    message = "there is no license with this key"
    return [_fault("license_key", "license_key", "license_not_found", message, entry.key)]


def granted(entry: FeatureEntry, product: Product) -> FeatureGrant:
    """The feature as the license will carry it."""
    feature = product.feature(entry.request.code)
    if feature is None:
        raise AssertionError("feature_faults found none")
    return grant_of(entry.request, feature, None)


class _Reader:
    """The columns of a file, found once; `_read_part` remembers what equal cells meant."""

    def __init__(self, job: Import, dialect: Dialect) -> None:
        self.job, self.kind = job, KINDS[job.kind]
        self.headers = dialect.names
        self.columns = dialect.columns
        self._where = {
            name: [(at, header) for at, header in enumerate(self.headers) if header in part.columns]
            for name, part in self.kind.parts.items()
        }
        self._known: dict[tuple[str, tuple[str, ...]], Any] = {}

    def cells(self, part: str, fields: Sequence[str]) -> tuple[str, ...]:
        return tuple([fields[at] for at, _ in self._where[part]])

    def part(
        self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any] = lambda row: row
    ) -> Any:
        """The model of a part's cells, made into what is wanted; or the list of its faults."""
        known = self._known.get((name, cells))
        if known is None:
            known = self._read(name, cells, make)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[name, cells] = known
        return known

    def _read(self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any]) -> Any:
        part = self.kind.parts[name]
        given = {header: cell for (_, header), cell in zip(self._where[name], cells, strict=True)}
        try:
            return make(part.read(given))
        except ValidationError as error:
            return self._shown(faults_of_row(error, part))

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

    def read(self, record: Record) -> LicenseEntry | Bad:
        if record.fault:
            return Bad(record, _row_fault(record))
        fields = record.fields
        model = self.part("terms", self.cells("terms", fields), self._model)
        free = self._free(fields)
        order = self.part("order", self.cells("order", fields))
        cells = self.cells("customer", fields)
        customer = self.part("customer", cells, self._customer) if any(cells) else None
        faults = [
            fault
            for part in (free, model, order, customer)
            if isinstance(part, list)
            for fault in part
        ]
        if faults:
            return Bad(record, faults)
        store_id = order.store_id or f"import-{self.job.number}-{record.row}"
        customer_id = None
        if customer is not None:
            customer, customer_id = customer
            if customer is not None and customer_id is None:
                customer_id = _rows_own(self.job, record)
        return LicenseEntry(
            record=record,
            key=free.license_key,
            model=model,
            subscription_id=free.subscription_id,
            note=free.note,
            order=order,
            store_id=store_id,
            order_id=self._order_id(store_id),
            customer=customer,
            customer_id=customer_id,
        )

    def _free(self, fields: Sequence[str]) -> Any:
        """Differs from row to row, so it is not remembered."""
        return self._read("free", self.cells("free", fields), lambda row: row)

    def _order_id(self, store_id: str) -> int:
        known = self._known.get(("id", (store_id,)))
        if known is None:
            known = record_id(self.job.company, "order", store_id)
            self._known["id", (store_id,)] = known
        return int(known)

    def _customer(self, row: CustomerRow) -> tuple[CustomerRow | None, int | None]:
        if not row.model_fields_set:
            return None, None
        if row.email is None:
            return row, None
        return row, record_id(self.job.company, "customer", row.email)

    def _model(self, row: TermsRow) -> License | Faults:
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
            return issue(
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
        row = self._read("customer", self.cells("customer", record.fields), lambda row: row)
        if isinstance(row, list):
            return Bad(record, row)
        if row.email is None:
            return CustomerEntry(record, row, _rows_own(self.job, record))
        return CustomerEntry(record, row, record_id(self.job.company, "customer", row.email))


class _FeatureReader(_Reader):
    def read(self, record: Record) -> FeatureEntry | Bad:
        if record.fault:
            return Bad(record, _row_fault(record))
        row = self._read("feature", self.cells("feature", record.fields), lambda row: row)
        if isinstance(row, list):
            return Bad(record, row)
        return FeatureEntry(record, row.license_key, row.request())


def _rows_own(job: Import, record: Record) -> int:
    """The id of a customer without an e-mail: the same whenever the row is read again."""
    return record_id(job.company, "customer", "of import", job.number, record.row)


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

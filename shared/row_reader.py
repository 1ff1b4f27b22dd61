"""Read the rows of a file into entries: validate them with the rules of orders and the catalog.

An entry depends only on the row, the job, and the catalog as it was when the job began, so reading
a row again always gives the same entry.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.catalog import Product
from shared.cell_patterns import SOUND, RowPattern
from shared.cell_types import NO_VALUE
from shared.column_mapping import RowMapping
from shared.columns import (
    BUNDLE_KEY,
    CLEARABLE,
    KINDS,
    ORDER_TIME,
    CustomerRow,
    FreeRow,
    KeylessRow,
    OrderRow,
    Part,
    TermsRow,
    faults_of_row,
)
from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import Record, is_in_quotes, suspected_damage
from shared.customers import UserRequest
from shared.errors import Refused
from shared.licenses import License, Offer, issue, offer
from shared.row_entries import (
    CustomerEntry,
    Entry,
    Faults,
    FeatureEntry,
    Import,
    InvalidRecord,
    LicenseEntry,
    Warnings,
    column_of,
    fault_of,
    named_id,
    nameless_id,
)
from shared.row_keys import generated_key, name_of_member, name_without_key
from shared.values import record_id

_ROW_FAULTS = {
    "extra_fields": "the row has more cells than the header; check its delimiters and quotes",
    "stray_quote": "there is text or a blank outside the quotes of a cell; remove it, or double"
    " the quotes inside the cell",
    "blank_row": "no column that is imported has a value; fill one, or remove the row",
}
_NOT_CLEARED = (
    f"can't be cleared by {NO_VALUE}: enter a value, or leave the cell blank to keep the"
    " record's value"
)
_IN_FUTURE = (
    "is in the future: enter the time at which the order was placed; a time without an offset such"
    " as +02:00 is in UTC"
)
_NO_ORDER = (
    "a license without a key is known by its order, product and users: enter the id of its order"
)
_NO_KEY = "a row without an e-mail names no customer to update: enter the customer's e-mail"
# Results are cached for rows with equal cells; the cache is cleared at this size.
_REMEMBERED, _REMEMBERED_TERMS = 1_000, 5_000
_NO_CELLS: list[str] = []
_NO_FAULTS: Faults = []
_NO_TIME = datetime.min.replace(tzinfo=UTC)
_UNISSUED = License(
    id=0,
    product_id=0,
    product_code="",
    policy_id=0,
    policy_code="",
    license_type="perpetual",
    order_id=0,
    order_item_id=0,
    order_store_id="",
    created_at=_NO_TIME,
    updated_at=_NO_TIME,
)
_KEY, _USERS = "license__license_key", "license__users"
_IDENTIFIERS = {"license_key", "subscription_id", "store_id", "reference"}


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
) -> "_LicenseReader | _CustomerReader | _FeatureReader":
    match job.kind:
        case "licenses":
            return _LicenseReader(job, dialect)
        case "customers":
            return _CustomerReader(job, dialect)
    return _FeatureReader(job, dialect)


def identity_of(job: Import, dialect: Dialect) -> Callable[[Record], Hashable]:
    """The function that returns what names the record of a row; None for a row that is invalid.

    It reads a license row in a fifth of the time that its entry takes.
    """
    if job.kind == "licenses":
        mapping = RowMapping(job.mapping, dialect, job.kind)
        identify = _LicenseReader(job, mapping.dialect).identity
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


class _Free(NamedTuple):
    """The cells of a license row that are different in each row; a blank key is ""."""

    license_key: str
    subscription_id: str | None
    note: str | None
    quantity: int
    users: tuple[UserRequest, ...] = ()
    bundle_key: str = ""


class _Reader:
    """Reads rows by the columns of the file; `part` caches the results of equal cells."""

    def __init__(self, job: Import, dialect: Dialect) -> None:
        self.job, self.kind = job, KINDS[job.kind]
        self.headers = dialect.names
        self._where = {
            name: [(at, header) for at, header in enumerate(self.headers) if header in part.columns]
            for name, part in self.kind.parts.items()
        }
        self.cells = {
            name: _cells_at([at for at, _ in where]) for name, where in self._where.items()
        }
        self._known: dict[str, dict[tuple[str, ...], Any]] = {name: {} for name in self._where}
        self._patterns: dict[str, RowPattern] = {
            name: RowPattern(self.kind.parts[name], [header for _, header in self._where[name]])
            for name in ("order", "customer")
            if name in self._where
        }
        self._suspect: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}

    def part(
        self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any] = lambda row: row
    ) -> Any:
        """The result of `make` for the model of a part's cells, or the list of its faults."""
        known = self._known[name]
        if (meant := known.get(cells)) is None:
            meant = self._read(name, cells, make)
            if len(known) >= (_REMEMBERED_TERMS if name == "terms" else _REMEMBERED):
                known.clear()
            known[cells] = meant
        return meant

    def _read(self, name: str, cells: tuple[str, ...], make: Callable[[Any], Any]) -> Any:
        part, pattern = self.kind.parts[name], self._patterns.get(name)
        may_clear = self.job.updates and NO_VALUE in cells
        if pattern is not None and not may_clear and (row := pattern.read(cells)) is not None:
            return make(row)
        given = {header: cell for (_, header), cell in zip(self._where[name], cells, strict=True)}
        cleared, faults = self._cleared(name, given) if self.job.updates else ({}, [])
        try:
            row = part.read(given, self.job.dates)
            if faults:
                return faults
            meant = make(row.model_copy(update=cleared) if cleared else row)
        except ValidationError as error:
            named = {fault["column"] for fault in faults}
            found = faults_of_row(error, part, self.job.dates)
            return [*faults, *(each for each in found if each["column"] not in named)]
        if name != "terms" and (suspect := _suspect_cells(part, given)):
            self._suspect[name, cells] = suspect
        return meant

    def _cleared(self, name: str, given: dict[str, str]) -> tuple[dict[str, None], Faults]:
        """The fields that cells clear, and the faults of those that can't be cleared.

        These cells become blank in `given`.
        """
        columns, clearable = self.kind.parts[name].columns, CLEARABLE[self.job.kind][name]
        cleared: dict[str, None] = {}
        faults: Faults = []
        for header, cell in given.items():
            if cell.strip() != NO_VALUE:
                continue
            field = columns[header]
            given[header] = ""
            if field in clearable:
                cleared[field] = None
            else:
                faults.append(fault_of(header, field, "required", _NOT_CLEARED, cell))
        return cleared, faults

    def warnings(self, fields: Sequence[str]) -> Warnings:
        """The warnings of the row that was just read; most files have none."""
        if not self._suspect:
            return ()
        found = [
            warning
            for name in self._where
            for warning in self._suspect.get((name, self.cells[name](fields)), ())
        ]
        if len(self._suspect) >= _REMEMBERED:
            self._suspect.clear()
            self.forget()
        return found

    def forget(self) -> None:
        """Read cells again that are remembered."""
        for known in self._known.values():
            known.clear()


class _LicenseReader(_Reader):
    def __init__(self, job: Import, dialect: Dialect) -> None:
        super().__init__(job, dialect)
        self._generates = job.key_seed is not None and job.on_missing == "create"
        if self._generates:
            free = Part(KeylessRow, self.kind.parts["free"].columns)
            self.kind = replace(self.kind, parts={**self.kind.parts, "free": free})
        self._offers: dict[tuple[str, str | None], Offer | None] = {}
        at = {self.kind.parts["free"].columns[header]: at for at, header in self._where["free"]}
        self._free_at = tuple(at.get(name) for name in _Free._fields)
        self._product_at = self.headers.index("product__short_code")
        self._bundles = {code for code, product in job.catalog.items() if product.is_bundle}
        self._by_user = {
            code for code, product in job.catalog.items() if product.authorization_method == "user"
        }
        self._bought_cells = _cells_at(
            [at for name in ("order", "customer") for at, _ in self._where[name]]
        )
        self._bought: tuple[tuple[str, ...] | None, Any, Any] = None, None, None
        """The cells of the last row's order and customer, and what they mean."""

    def forget(self) -> None:
        super().forget()
        self._bought = None, None, None

    def read(self, record: Record) -> LicenseEntry | InvalidRecord:
        if record.fault:
            return InvalidRecord(record, _row_fault(record))
        fields, cells = record.fields, self.cells
        model = self.part("terms", cells["terms"](fields), self._model)
        free = self._free(fields)
        bought = self._bought_cells(fields)
        if bought != self._bought[0]:
            order = self.part("order", cells["order"](fields), self._order)
            named = self.part("customer", cells["customer"](fields), self._customer)
            self._bought = bought, order, named
        _, order, named = self._bought
        if list in (type(free), type(model), type(order), type(named)):
            parts = (free, model, order, named)
            faults = [fault for part in parts if type(part) is list for fault in part]
            if type(model) is tuple and model[0].product_code in self._by_user:
                faults = [_of_user_based(fault, model[0].product_code) for fault in faults]
            return InvalidRecord(record, faults)
        (order_row, store_id, order_id), (customer, customer_id), (model, terms, unissued) = (
            order,
            named,
            model,
        )
        key, subscription_id, note, copies, users, bundle_key = free
        if users or model.product_code in self._by_user:
            if faults := self._faults_of_users(model.product_code, key, users, store_id):
                return InvalidRecord(record, faults)
            key = _name_of(store_id, model.product_code, users)
        if bundle_key:
            if faults := self._faults_of_bundle(model.product_code, key, bundle_key):
                return InvalidRecord(record, faults)
            key = self._name_in_bundle(bundle_key, model.product_code)
        if customer is not None and customer_id is None:
            customer_id = nameless_id(self.job, record, order_id)
        if order_id is None:
            store_id = f"import-{self.job.named_by}-{record.row}"
            order_id = record_id(self.job.company, "order", store_id)
        if not key:
            if unissued:
                return InvalidRecord(record, unissued)
            key = generated_key(self.job, record.row, model.product_code)
        return LicenseEntry(
            Record(record.row, record.line, _NO_CELLS, None),
            key,
            model,
            terms,
            subscription_id,
            note,
            order_row,
            store_id,
            order_id,
            customer,
            customer_id,
            self.warnings(fields),
            unissued,
            copies,
            users=users,
            bundle_key=bundle_key,
        )

    def _faults_of_users(
        self, code: str, key: str, users: Sequence[UserRequest], store_id: str
    ) -> Faults:
        """The faults of a row with users, or of a product that is authorized by user."""
        if code not in self._by_user:
            message = f"{code} is authorized by key: its licenses have no users"
            return [fault_of(_USERS, "users", "users_not_allowed", message, _cell_of(users))]
        faults = []
        if key:
            message = f"{code} is authorized by user: its licenses have no key"
            faults.append(fault_of(_KEY, "license_key", "key_not_allowed", message, key))
        if not users:
            faults.append(_users_required(code))
        if not store_id:
            faults.append(fault_of("order__store_id", "store_id", "required", _NO_ORDER, None))
        return faults

    def _faults_of_bundle(self, code: str, key: str, bundle_key: str) -> Faults:
        """The faults of a row that says to be of a bundle."""
        if code in self._by_user:
            message = (
                f"the licenses of {code} have no key, and a file can't create a bundle of them:"
                " create it with an order"
            )
        elif key != bundle_key:
            message = "must be the license key of its row: the rows of a bundle have one key"
        else:
            return _NO_FAULTS
        return [fault_of(BUNDLE_KEY, "bundle_key", "invalid_value", message, bundle_key)]

    def _name_in_bundle(self, key: str, code: str) -> str:
        return key if code in self._bundles else name_of_member(key, code)

    def identity(self, record: Record) -> Hashable:
        """What names the license of a row: its key, for the rows of a bundle with the product.

        None for a row that gets a key of its own.
        """
        if record.fault:
            return None
        free = self._free(record.fields)
        if type(free) is list:
            return None
        key: str = free[0]
        if free[4]:
            return self._name_with_users(record.fields, free[4])
        if free[5]:
            return self._name_in_bundle(key, record.fields[self._product_at].strip())
        if not self._bundles or not key:
            return key or None
        code = record.fields[self._product_at].strip()
        return (key, code) if key in self.job.bundle_keys or code in self._bundles else key

    def _name_with_users(self, fields: Sequence[str], users: Sequence[UserRequest]) -> Hashable:
        order = self.part("order", self.cells["order"](fields), self._order)
        if type(order) is list or not order[1]:
            return None
        return _name_of(order[1], fields[self._product_at].strip(), users)

    def _free(self, fields: Sequence[str]) -> Any:
        """Not cached, because it is different in each row; most cells need no model."""
        key, subscription_id, note, quantity, users, bundle_key = [
            fields[at] if at is not None else "" for at in self._free_at
        ]
        if (
            not quantity
            and not users
            and not bundle_key
            and SOUND.fullmatch(key)
            and (not subscription_id or SOUND.fullmatch(subscription_id))
            and (not note or SOUND.fullmatch(note))
            and key.isascii()
            and subscription_id.isascii()
            and not (self.job.updates and NO_VALUE in (key, subscription_id, note))
        ):
            return key, subscription_id or None, note or None, 1, (), ""
        return self._read("free", self.cells["free"](fields), _free_of)

    def _order(self, row: OrderRow) -> tuple[OrderRow, str, int | None] | Faults:
        if row.created_at is not None and row.created_at > self.job.began:
            cell = row.created_at.isoformat().replace("+00:00", "Z")
            return [fault_of(ORDER_TIME, "created_at", "invalid_value", _IN_FUTURE, cell)]
        if not row.store_id:
            return row, "", None
        return row, row.store_id, record_id(self.job.company, "order", row.store_id)

    def _customer(self, row: CustomerRow) -> tuple[CustomerRow | None, int | None]:
        if not row.model_fields_set:
            return None, None
        return row, named_id(self.job, row)

    def _model(self, row: TermsRow) -> tuple[License, TermsRow, Faults] | Faults:
        """The license for these terms, without the fields that differ from row to row.

        An import that updates reads rows that can't create a license too: it may exist.
        """
        issued = self._issued(row)
        if isinstance(issued, License):
            return issued, row, _NO_FAULTS
        return (_unissued(row.short_code), row, issued) if self.job.updates else issued

    def _issued(self, row: TermsRow) -> License | Faults:
        product = self.job.catalog.get(row.short_code)
        if fault := _not_sold(product, row.short_code):
            return [fault_of("product__short_code", "short_code", *fault, row.short_code)]
        if product is None:
            raise AssertionError("a product that is not there is a fault")
        named = row.short_code, row.policy_code
        if named not in self._offers:
            self._offers[named] = offer(product, row.policy_code)
        sold = self._offers[named]
        if sold is None:
            message = f"product {row.short_code} has no policy {row.policy_code}, or it is archived"
            at = "license__policy_code", "policy_code"
            return [fault_of(*at, "unknown_policy", message, row.policy_code)]
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
            return [
                fault_of(*column_of(f, "license__"), f.code, f.message, f.value)
                for f in refused.faults
            ]


class _CustomerReader(_Reader):
    def read(self, record: Record) -> CustomerEntry | InvalidRecord:
        if record.fault:
            return InvalidRecord(record, _row_fault(record))
        row = self._read("customer", self.cells["customer"](record.fields), lambda row: row)
        if isinstance(row, list):
            return InvalidRecord(record, row)
        if not row.model_fields_set:
            return InvalidRecord(
                record, [fault_of("", "", "blank_row", _ROW_FAULTS["blank_row"], None)]
            )
        if self.job.updates and row.email is None:
            return InvalidRecord(
                record, [fault_of("email", "email", "no_key_to_match", _NO_KEY, None)]
            )
        id = named_id(self.job, row) or nameless_id(self.job, record, None)
        return CustomerEntry(record, row, id, self.warnings(record.fields))


class _FeatureReader(_Reader):
    def read(self, record: Record) -> FeatureEntry | InvalidRecord:
        if record.fault:
            return InvalidRecord(record, _row_fault(record))
        row = self._read("feature", self.cells["feature"](record.fields), lambda row: row)
        if isinstance(row, list):
            return InvalidRecord(record, row)
        return FeatureEntry(record, row.license_key, row.request(), self.warnings(record.fields))


def _cells_at(places: list[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """A function that returns these cells of a row; `itemgetter` makes no tuple of one cell."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda fields: tuple([fields[at] for at in places])


def _free_of(row: FreeRow) -> _Free:
    given = row.model_fields_set
    subscription_id, note = (
        "" if name in given and getattr(row, name) is None else getattr(row, name)
        for name in ("subscription_id", "note")
    )
    return _Free(
        row.license_key or "",
        subscription_id,
        note,
        row.quantity or 1,
        row.users or (),
        row.bundle_key or "",
    )


def _name_of(store_id: str, product_code: str, users: Sequence[UserRequest]) -> str:
    return name_without_key(store_id, product_code, (user.email for user in users))


def _users_required(code: str) -> dict[str, Any]:
    message = (
        f"{code} is authorized by user: enter the e-mail addresses of its users, separated by ;"
    )
    return fault_of(_USERS, "users", "users_required", message, None)


def _of_user_based(fault: dict[str, Any], code: str) -> dict[str, Any]:
    """The fault of a row of a product whose licenses have users instead of a key."""
    is_of_key = (fault["column"], fault["code"]) == (_KEY, "required")
    return _users_required(code) if is_of_key else fault


def _cell_of(users: Sequence[UserRequest]) -> str:
    return ";".join(user.email for user in users)[:200]


def _unissued(code: str) -> License:
    """The model of a row that can't create a license: only its product's code has a meaning."""
    return _UNISSUED.model_copy(update={"product_code": code})


def _suspect_cells(part: Part, cells: Mapping[str, str]) -> list[dict[str, Any]]:
    """The warnings about cells that are valid but may not be what the author of the file meant."""
    quoted = [
        {
            "column": column,
            "code": "quotes_in_value",
            "message": "is imported with the quotes around it; if they are not part of the value,"
            " remove them",
            "value": cell[:200],
        }
        for column, cell in cells.items()
        if part.columns[column] in _IDENTIFIERS and is_in_quotes(cell)
    ]
    return quoted + [
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
    return None


def _row_fault(record: Record) -> Faults:
    code = record.fault or ""
    return [fault_of("", "", code, _ROW_FAULTS[code], None)]

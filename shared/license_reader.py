"""Read the rows of a license file into entries, with the rules of orders."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.catalog import Product
from shared.cell_patterns import KEY_SUBSCRIPTION_NOTE
from shared.cell_types import NO_VALUE
from shared.columns import (
    BUNDLE_KEY,
    ORDER_TIME,
    CustomerRow,
    FreeRow,
    KeylessRow,
    OrderRow,
    Part,
    TermsRow,
)
from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import Record
from shared.customers import UserRequest
from shared.errors import Refused
from shared.licenses import License, Offer, issue, offer, user_text
from shared.part_reader import PartReader, cells_at, row_fault
from shared.row_entries import (
    Faults,
    Import,
    InvalidRecord,
    LicenseEntry,
    column_of,
    fault_of,
    named_id,
    nameless_id,
)
from shared.row_keys import generated_key, name_of_member, name_without_key
from shared.values import record_id

_IN_FUTURE = (
    "is in the future: enter the time at which the order was placed; a time without an offset such"
    " as +02:00 is in UTC"
)
_NO_ORDER = (
    "a license without a key is known by its order, product and users: enter the id of its order"
)
_NO_CELLS: list[str] = []
_NO_FAULTS: Faults = []
_NO_TIME = datetime.min.replace(tzinfo=UTC)
# The model of a row that can't create a license: only its product's code has a meaning.
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


class _Free(NamedTuple):
    """The cells of a license row that are different in each row; a blank key is ""."""

    license_key: str
    subscription_id: str | None
    note: str | None
    quantity: int
    users: tuple[UserRequest, ...] = ()
    bundle_key: str = ""


class LicenseReader(PartReader):
    def __init__(self, job: Import, dialect: Dialect) -> None:
        super().__init__(job, dialect)
        self._generates = job.key_seed is not None and job.on_missing == "create"
        if self._generates:
            free = Part(KeylessRow, self.kind.parts["free"].columns)
            self.kind = replace(self.kind, parts={**self.kind.parts, "free": free})
        self._offers: dict[tuple[str, str | None], Offer | None] = {}
        at = {self.kind.parts["free"].columns[header]: at for at, header in self.where["free"]}
        self._free_at = tuple(at.get(name) for name in _Free._fields[:3])
        self._seldom_at = tuple(at[name] for name in _Free._fields[3:] if name in at)
        """The columns that most rows leave blank; a row with one of them is read by its model."""
        self._product_at = self.headers.index("product__short_code")
        self._bundles = {code for code, product in job.catalog.items() if product.is_bundle}
        self._by_user = {
            code for code, product in job.catalog.items() if product.authorization_method == "user"
        }
        self._bought_cells = cells_at(
            [at for name in ("order", "customer") for at, _ in self.where[name]]
        )
        self._bought: tuple[tuple[str, ...] | None, Any, Any] = None, None, None
        """The cells of the last row's order and customer, and what they mean."""

    def forget(self) -> None:
        super().forget()
        self._bought = None, None, None

    def read(self, record: Record) -> LicenseEntry | InvalidRecord:
        if record.fault:
            return InvalidRecord(record, row_fault(record))
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
            0,
            users,
            bundle_key,
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
        key, subscription_id, note = [fields[at] if at is not None else "" for at in self._free_at]
        cells = f"{key}\n{subscription_id}\n{note}"
        if (
            not (self._seldom_at and any(fields[at] for at in self._seldom_at))
            and NO_VALUE not in cells
            and KEY_SUBSCRIPTION_NOTE.fullmatch(cells)
        ):
            return key, subscription_id or None, note or None, 1, (), ""
        return self.read_part("free", self.cells["free"](fields), _free_of)

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
        if not self.job.updates:
            return issued
        return _UNISSUED.model_copy(update={"product_code": row.short_code}), row, issued

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
    return ";".join(map(user_text, users))[:200]


def _not_sold(product: Product | None, code: str) -> tuple[str, str] | None:
    if product is None:
        return "unknown_product", f"there is no product {code}"
    if product.is_archived:
        return "archived_product", f"product {code} is archived"
    if not product.active:
        return "disabled_product", f"product {code} is disabled"
    return None

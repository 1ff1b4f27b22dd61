"""One row model per kind of file: its columns, the valid cells, and the template.

Parsing, the template and the documentation are derived from the models. Headers are LicenseSpring's
and a blank cell is an absent field. LicenseSpring: Import Licenses, Customers, License Features.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.cell_types import (
    OR_NO_VALUE,
    UNDAMAGED,
    Count,
    CustomFields,
    Details,
    Features,
    Flag,
    Free,
    Identifier,
    Key,
    Name,
    Object,
    Quantity,
    Transfers,
    Users,
    Word,
)
from shared.day_order import Dates, date_fault, iso_day
from shared.licenses import FeatureRequest, MemberRequest
from shared.terms import FEATURE_TERMS, NULLABLE, TERMS, LicenseType
from shared.values import (
    Code,
    Duration,
    Email,
    MaintenanceDuration,
    OptionalDay,
    OptionalMoment,
    Period,
    StoreId,
    is_unseen,
)
from shared.wording import in_words


class _Row(BaseModel):
    """A row. Unknown columns are ignored here; they are reported when the header is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CustomerRow(_Row):
    """A customer, identified by e-mail, reference, order, or file and row, in that order."""

    email: Annotated[Email, *UNDAMAGED] | None = Field(None, examples=["ana@acme.example"])
    first_name: Name | None = Field(None, examples=["Ana"])
    last_name: Name | None = Field(None, examples=["Peña"])
    company_name: Name | None = Field(None, examples=["Acme"])
    phone: Name | None = Field(None, examples=["+34 600 000 000"])
    reference: Identifier | None = Field(None, examples=["crm-1"])
    address: Free | None = Field(None, examples=["1 Main Street"])
    postcode: Name | None = Field(None, examples=["08001"])
    state: Name | None = None
    city: Name | None = Field(None, examples=["Barcelona"])
    country: Name | None = Field(None, examples=["ES"])
    metadata: Details = None


class OrderRow(_Row):
    """The order of a row; a row without a store_id has an order of its own."""

    store_id: Annotated[StoreId, *UNDAMAGED] | None = Field(None, examples=["web-4711"])
    type: Name | None = Field(None, examples=["normal"])
    is_test: Flag | None = Field(None, examples=["false"])
    is_trial: Flag | None = Field(None, examples=["false"])
    download_id: Name | None = None
    language: Name | None = Field(None, examples=["es"])
    campaign_params: Free | None = None
    metadata: Details = None
    created_at: OptionalMoment = Field(None, examples=["2024-03-12T08:00:00Z"])


class TermsRow(_Row):
    """The terms of a license row; the results of rows with equal terms are cached."""

    short_code: Code = Field(examples=["sketch"])
    enabled: Flag | None = Field(None, examples=["true"])
    license_type: Word[LicenseType] | None = Field(None, examples=["time-limited"])
    max_activations: Count | None = Field(None, examples=["2"])
    allow_unlimited_activations: Flag | None = Field(None, examples=["false"])
    valid_duration: Annotated[Word[Duration] | None, *OR_NO_VALUE] = Field(None, examples=["1y"])
    validity_period: OptionalDay = None
    enable_maintenance_period: Flag | None = None
    maintenance_duration: Annotated[Word[MaintenanceDuration] | None, *OR_NO_VALUE] = None
    maintenance_period: OptionalDay = None
    is_trial: Flag | None = Field(None, examples=["false"])
    trial_days: Annotated[Count | None, *OR_NO_VALUE] = None
    max_consumptions: Count | None = None
    allow_overages: Flag | None = None
    max_overages: Count | None = None
    reset_consumption: Flag | None = None
    consumption_period: Annotated[Word[Period] | None, *OR_NO_VALUE] = None
    is_floating: Flag | None = None
    is_floating_cloud: Flag | None = None
    floating_users: Count | None = None
    floating_timeout: Count | None = None
    prevent_vm: Flag | None = None
    max_license_users: Count | None = None
    start_date: OptionalDay = None
    max_transfers: Transfers | None = None
    can_borrow: Flag | None = None
    max_borrow_time: Count | None = None
    allow_grace_period: Flag | None = None
    grace_period: Count | None = None
    is_air_gapped: Flag | None = None
    is_hardware_key_auth: Flag | None = None
    allow_unlimited_consumptions: Flag | None = None
    allow_negative_consumptions: Flag | None = None
    metadata: Object | None = None
    policy_code: Annotated[Code, *UNDAMAGED] | None = None
    product_features: Annotated[Features | None, *OR_NO_VALUE] = None
    custom_fields: CustomFields | None = None

    def request(self) -> MemberRequest:
        """The row as a license request, so that the same code validates orders and rows."""
        given = self.model_fields_set
        cells = {
            name: value
            for name in (*TERMS, *_MORE_TERMS)
            if (value := getattr(self, name, None)) is not None
            or (name in given and name in NULLABLE)
        }
        if "product_features" in given:
            cells["product_features"] = self.product_features or ()
        return MemberRequest.model_validate(
            {**cells, "is_trial": self.is_trial, "enabled": self.enabled}
        )


_MORE_TERMS = (
    *("license_type", "validity_period", "maintenance_period", "start_date", "metadata"),
    *("policy_code", "custom_fields"),
)


_ONE_LICENSE = (
    "a row with a license key is one license: leave license__license_key blank in an import that"
    " generates keys, or the quantity"
)
_ONE_FOR_USERS = (
    "a row with users is one license: leave the quantity blank, and enter a row for each license"
)


class KeylessRow(_Row):
    """The columns of a license row that are different in each row, where a key may be blank."""

    users: Users | None = None
    bundle_key: Key | None = None
    license_key: Key | None = Field(None, examples=["G8HA-SRRZ-A6WK-TJWB"])
    subscription_id: Identifier | None = None
    note: Free | None = Field(None, examples=["moved from the old shop"])
    quantity: Quantity | None = None

    @field_validator("quantity")
    @classmethod
    def _one_with_a_key(cls, quantity: int | None, others: ValidationInfo) -> int | None:
        if (quantity or 1) > 1 and others.data.get("license_key"):
            raise PydanticCustomError("quantity_with_key", _ONE_LICENSE)
        if (quantity or 1) > 1 and others.data.get("users"):
            raise PydanticCustomError("quantity_with_users", _ONE_FOR_USERS)
        return quantity


class FreeRow(KeylessRow):
    """The same in an import that generates no keys: a license without users needs one."""

    license_key: Key | None = Field(None, examples=["G8HA-SRRZ-A6WK-TJWB"], validate_default=True)

    @field_validator("license_key")
    @classmethod
    def _named(cls, key: str | None, others: ValidationInfo) -> str | None:
        if key is None and not others.data.get("users", "invalid"):
            raise PydanticCustomError("missing", "must not be blank")
        return key


class FeatureRow(_Row):
    """A product feature to add to an existing license."""

    license_key: Key = Field(examples=["G8HA-SRRZ-A6WK-TJWB"])
    code: Code = Field(examples=["credits"])
    max_consumption: Count | None = Field(None, examples=["100"])
    total_consumptions: Count | None = Field(None, examples=["12"])
    expiry_date: OptionalDay = Field(None, examples=["2027-09-09"])
    allow_overages: Flag | None = Field(None, examples=["1"])
    max_overages: Count | None = None
    reset_consumption: Flag | None = None
    consumption_period: Word[Period] | None = Field(None, examples=["monthly"])

    def request(self) -> FeatureRequest:
        """The row as a feature request in the long form."""
        given = {
            name: value
            for name in ("code", *FEATURE_TERMS, "expiry_date", "total_consumptions")
            if (value := getattr(self, name, None)) is not None or name in self.model_fields_set
        }
        return FeatureRequest.model_validate(given)


_DAYS: tuple[Any, ...] = (OptionalDay, OptionalMoment)
"""The annotations of dates."""


@dataclass(frozen=True)
class Part:
    """The columns of a file that belong to one model; `columns` maps headers to fields."""

    model: type[_Row]
    columns: Mapping[str, str]

    @cached_property
    def days(self) -> frozenset[str]:
        """The headers of dates."""
        fields = self.model.model_fields
        return frozenset(h for h, name in self.columns.items() if fields[name].annotation in _DAYS)

    def read(self, cells: Mapping[str, str], dates: Dates = "iso") -> _Row:
        """Validate the cells of a row, given by header. Raises pydantic's ValidationError."""
        if dates != "iso":
            days = {h: day for h in self.days if (day := iso_day(cells.get(h, ""), dates))}
            cells = {**cells, **days}
        return self.model.model_validate(
            {
                field: cell
                for header, field in self.columns.items()
                if not is_unseen(cell := cells.get(header, ""))
            }
        )


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    name: str
    parts: Mapping[str, Part]
    columns: tuple[str, ...]
    required: tuple[str, ...]
    identity: tuple[tuple[tuple[str, ...], str], ...]
    """What identifies the record of a row: columns that must be filled, and their name."""
    literal: tuple[str, ...]
    """Columns without defaults: rows with one key must have the same values in them."""
    uncompared: Mapping[str, str] = field(default_factory=dict)
    """Columns in which rows with one key may differ if another column is filled: that column."""

    def column_of(self, part: str, field: str) -> str:
        """The header of a part's field."""
        return next(h for h, name in self.parts[part].columns.items() if name == field)


def _part(model: type[_Row], prefix: str = "") -> Part:
    headers = {f"{prefix}{name}": name for name in model.model_fields}
    if model is TermsRow:
        headers = {
            "product__short_code" if name == "short_code" else header: name
            for header, name in headers.items()
        }
    return Part(model, headers)


_TERMS, _FREE = _part(TermsRow, "license__"), _part(FreeRow, "license__")
_ORDER, _CUSTOMER = _part(OrderRow, "order__"), _part(CustomerRow, "customer__")
_LICENSE_TERMS = tuple(
    name for name in TermsRow.model_fields if name not in {"short_code", "enabled"}
)

PUBLISHED_COLUMNS = (
    "license__license_key",
    "product__short_code",
    "license__enabled",
    *(f"license__{name}" for name in _LICENSE_TERMS[: _LICENSE_TERMS.index("max_license_users")]),
    "license__subscription_id",
    "license__note",
    "license__max_license_users",
    *(header for header, name in _ORDER.columns.items() if name not in {"metadata", "created_at"}),
    *(header for header, name in _CUSTOMER.columns.items() if name != "metadata"),
)
"""The columns of license files. LicenseSpring: Import Licenses from CSV."""
LICENSE_COLUMNS = (
    *PUBLISHED_COLUMNS,
    *(
        header
        for part in (_TERMS, _FREE, _ORDER, _CUSTOMER)
        for header in part.columns
        if header not in PUBLISHED_COLUMNS
    ),
)
"""The same with columns of our own, for what orders have and LicenseSpring's columns lack."""

BUNDLE_KEY = "license__bundle_key"
"""The column that the rows of a bundle have in common."""
ORDER_TIME = "order__created_at"
"""The column with the time of an order that was placed in another system."""

KINDS: Mapping[str, Kind] = {
    "licenses": Kind(
        "licenses",
        {"free": _FREE, "terms": _TERMS, "order": _ORDER, "customer": _CUSTOMER},
        LICENSE_COLUMNS,
        ("license__license_key", "product__short_code"),
        (
            (("product__short_code", BUNDLE_KEY), "license key and product"),
            (("license__license_key",), "license key"),
        ),
        ("license__subscription_id", "license__note", "order__store_id", "customer__email"),
        {h: "license__license_key" for h in _ORDER.columns if h != "order__store_id"}
        | {h: "customer__email" for h in _CUSTOMER.columns if h != "customer__email"},
    ),
    "customers": Kind(
        "customers",
        {"customer": _part(CustomerRow)},
        tuple(CustomerRow.model_fields),
        (),
        ((("email",), "e-mail"), (("reference",), "reference")),
        tuple(CustomerRow.model_fields),
    ),
    "license-features": Kind(
        "license-features",
        {"feature": _part(FeatureRow)},
        tuple(FeatureRow.model_fields),
        ("license_key", "code"),
        ((("license_key", "code"), "license key and code"),),
        (),
    ),
}


_ALL_CLEARABLE = {
    "order": frozenset(OrderRow.model_fields) - {"created_at"},
    "customer": frozenset(CustomerRow.model_fields),
}
CLEARABLE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "licenses": {
        "free": frozenset({"subscription_id", "note"}),
        "terms": frozenset(
            {
                *(*NULLABLE, "validity_period", "maintenance_period", "start_date", "metadata"),
                *("product_features", "custom_fields"),
            }
        ),
        **_ALL_CLEARABLE,
    },
    "customers": {"customer": _ALL_CLEARABLE["customer"] - {"email"}},
    "license-features": {
        "feature": frozenset({"expiry_date", "total_consumptions", "consumption_period"})
    },
}
"""The fields that a cell `\\N` clears when records are updated, by kind of file and part."""


@cache
def template(kind: str) -> bytes:
    """The header and one example row, in UTF-8 with a byte order mark for spreadsheets."""
    of = KINDS[kind]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(of.columns)
    writer.writerow(_example(of, column) for column in of.columns)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def faults_of_row(error: ValidationError, part: Part, dates: Dates = "iso") -> list[dict[str, Any]]:
    """The faults of a row's cells, each `{column, field, code, message, value}`."""
    headers = {field: header for header, field in part.columns.items()}
    faults = []
    for fault in error.errors(include_url=False):
        field = str(fault["loc"][0])
        missing = fault["type"] == "missing"
        column = headers.get(field, field)
        message = "must not be blank" if missing else in_words(fault)
        if field == "users" and len(fault["loc"]) > 1:
            message = f"{message}; separate the addresses of several users by ;"
        if column in part.days:
            message = date_fault(str(fault["input"]), dates) or message
        faults.append(
            {
                "column": column,
                "field": field,
                "code": _CODES.get(fault["type"], fault["type"]),
                "message": message,
                "value": None if missing else str(fault["input"])[:200],
            }
        )
    return faults


_CODES = {"missing": "required", "literal_error": "invalid_choice", "value_error": "invalid_value"}


def _example(kind: Kind, column: str) -> str:
    for part in kind.parts.values():
        if field := part.columns.get(column):
            return str(next(iter(part.model.model_fields[field].examples or ()), ""))
    return ""

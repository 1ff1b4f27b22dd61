"""Customers, and the license users of user-based products.

An e-mail address, ignoring case, identifies one customer and one license user in a company. Several
customers can have the same `reference`.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.changed_meanwhile import Seen, require_unchanged
from shared.errors import Fault, refuse
from shared.values import (
    BLANK,
    Email,
    Flag,
    Line,
    Metadata,
    OptionalLine,
    OptionalReference,
    RecordId,
    Reference,
    Switch,
    Text,
    drawn,
)

# Mixed case without similar characters; 14 of these have 81 bits.
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
PASSWORD_LENGTH = 14


type OptionalEmail = Annotated[Email | None, *BLANK]
type Name = Annotated[Line | None, Field(examples=["Ana"])]


class CustomerFields(BaseModel, frozen=True, defer_build=True):
    """The fields of a customer. LicenseSpring: Customers."""

    email: OptionalEmail = None
    first_name: Name = None
    last_name: Line | None = None
    company_name: Line | None = None
    phone: Line | None = None
    reference: Reference | None = None
    address: Text | None = None
    postcode: Line | None = None
    city: Line | None = None
    country: Line | None = None
    state: Line | None = None
    metadata: Metadata | None = None


class CustomerRequest(CustomerFields):
    """A customer to create, or fields of a customer to set.

    `company` is LicenseSpring's alias of `company_name`, which takes precedence. `id` is ignored,
    as LicenseSpring documents: the e-mail identifies the customer.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "email": "ana@acme.example",
                "first_name": "Ana",
                "last_name": "Peña",
                "company_name": "Acme",
                "reference": "crm-1",
            }
        },
    )

    id: RecordId | None = None
    company: Line | None = None
    customer_account: RecordId | None = None
    is_manager: Flag | None = None

    def fields(self) -> dict[str, Any]:
        """The fields that this request sets; an empty dict means that it names no customer."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        company = given.pop("company", None)
        if company and not given.get("company_name"):
            given["company_name"] = company
        for name in ("id", "is_manager", "customer_account", "updated_at"):
            given.pop(name, None)
        return given


class CustomerPatch(CustomerRequest):
    """Fields of a customer to set. LicenseSpring: Update Customer."""

    updated_at: Seen = None


def _named(value: Any) -> Any:
    if value in (None, ""):
        raise PydanticCustomError("required", "a customer needs an email")
    return value


class NewCustomer(CustomerRequest):
    """A customer to create without an order; unlike in an order, the e-mail is required."""

    email: Annotated[Email, BeforeValidator(_named)]


class Customer(CustomerFields, frozen=True, defer_build=False):
    """A customer. `made_by` is the order or import row that created it.

    `listed_by` is the first row of the import batch that lists it. `applied_rows` are the last
    import rows that changed it.
    """

    id: int
    made_by: str | None = None
    applied_rows: tuple[str, ...] = ()
    listed_by: int | None = None
    created_at: datetime
    updated_at: datetime


class UserRequest(BaseModel, frozen=True, extra="forbid"):
    """A license user in a request; the Go client sends more fields than LicenseSpring documents."""

    email: Email
    is_manager: Switch = False
    max_activations: Annotated[int, Field(strict=True, ge=0, le=2_147_483_647)] | None = None
    first_name: OptionalLine = None
    last_name: OptionalLine = None
    phone: OptionalLine = None
    phone_number: OptionalLine = None
    reference: OptionalReference = None


class UserFields(BaseModel, frozen=True, defer_build=True):
    """The fields of a license user. LicenseSpring: License Users."""

    id: int
    email: Email
    first_name: Line | None = None
    last_name: Line | None = None
    phone_number: Line | None = None
    is_active: bool
    is_initial_password: bool
    created_at: datetime
    updated_at: datetime


MOST_LICENSES = 2_000
"""Licenses that a user can be assigned to, because the item of the user names them."""


class LicenseUser(UserFields, frozen=True, defer_build=False):
    """A person who signs in to use a license. Only a salted hash of the password is stored.

    `hashed_by` names the slow hash of a chosen password and its parameters, such as
    `scrypt 32768 8 3`; None means SHA-256, for a generated one.
    `unsettled` is as on a license: a user created by a large order is visible once it commits.
    `licenses` are the names of the licenses that the user is or was assigned to: see
    `store.customers.license_name`. Every license that names the user is among them.
    """

    is_active: bool = True
    is_initial_password: bool = True
    salt: str
    password_hash: str
    hashed_by: str | None = None
    made_by: str | None = None
    unsettled: str | None = None
    licenses: frozenset[str] = frozenset()


def new_customer(id: int, request: CustomerRequest, *, made_by: str, now: datetime) -> Customer:
    """Create a customer from a request; blank fields are left out."""
    fields = _details(request)
    return Customer(id=id, made_by=made_by, created_at=now, updated_at=now, **fields)


def change_customer(customer: Customer, patch: CustomerPatch, *, now: datetime) -> Customer:
    """Apply `patch` to the customer; the customer itself if nothing differs.

    Raises Refused if it changes the e-mail, and Conflict if the customer was changed after the
    client read it.
    """
    fields = {name: None if value == "" else value for name, value in patch.fields().items()}
    if "email" in fields and fields["email"] != customer.email:
        message = "the e-mail identifies the customer and can't be changed; create another customer"
        refuse([Fault.at(("email",), "immutable", message, fields["email"])])
    changed = customer.model_copy(update=fields)
    if changed.model_dump_json() == customer.model_dump_json():
        return customer
    after = changed.model_copy(update={"updated_at": later(customer, now)})
    old, new = (each.model_dump(mode="json") for each in (customer, after))
    require_unchanged(f"customer {customer.id}", old, new, patch.updated_at, named=fields)
    return after


def later(record: Customer | LicenseUser, now: datetime) -> datetime:
    """A new `updated_at` that no earlier version of the record has: it is the lock."""
    return max(now, record.updated_at + timedelta(microseconds=1))


def has_other_details(customer: Customer, request: CustomerRequest) -> bool:
    """Whether an order names other details of its customer than the stored ones."""
    return any(getattr(customer, name) != value for name, value in _details(request).items())


def update_from_order(customer: Customer, request: CustomerRequest, *, now: datetime) -> Customer:
    """Apply the details that an order names to its customer; blank ones keep their values."""
    return customer.model_copy(update={**_details(request), "updated_at": later(customer, now)})


def _details(request: CustomerRequest) -> dict[str, Any]:
    fields = request.fields().items()
    return {name: value for name, value in fields if value not in (None, "", {})}


def new_license_user(
    id: int, request: UserRequest, *, made_by: str, secret: bytes, now: datetime
) -> tuple[LicenseUser, str]:
    """Create a license user and the initial password, which is shown once.

    Password and salt are derived from `secret`, which is 32 random bytes per order.
    """
    password = drawn(secret, f"password {request.email}", PASSWORD_LENGTH, LETTERS)
    salt = drawn(secret, f"salt {request.email}", 32, "0123456789abcdef")
    user = LicenseUser(
        id=id,
        email=request.email,
        first_name=request.first_name,
        last_name=request.last_name,
        phone_number=request.phone_number or request.phone,
        salt=salt,
        password_hash=hashlib.sha256(f"{salt}{password}".encode()).hexdigest(),
        made_by=made_by,
        created_at=now,
        updated_at=now,
    )
    return user, password

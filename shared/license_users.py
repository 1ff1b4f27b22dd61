"""License users: their passwords, and the licenses that they are assigned to.

A generated password has 81 bits of entropy and is stored as a salted SHA-256 hash. A password that
a person has chosen is stored as a scrypt hash, with its parameters.
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from shared.catalog import Product
from shared.changed_meanwhile import Seen, require_unchanged
from shared.customers import LETTERS, PASSWORD_LENGTH, LicenseUser, later
from shared.errors import Fault, refuse
from shared.license_changes import stamped
from shared.licenses import License, LicenseUserRef
from shared.values import Count, Email, Flag, OptionalLine, RecordId, drawn

_SCRYPT = (2**15, 8, 3)
"""Cost, block size and parallelism: 32 MB and about 0.3 s, as OWASP's Password Storage Cheat Sheet
recommends."""


def _password(value: Any) -> Any:
    """Refuse in words that do not repeat the value."""
    if isinstance(value, SecretStr) or (isinstance(value, str) and 8 <= len(value) <= 128):
        return value
    raise ValueError("must be a string of 8 to 128 characters")


type Password = Annotated[
    SecretStr,
    BeforeValidator(_password),
    Field(json_schema_extra={"minLength": 8, "maxLength": 128}),
]


class UserPatch(BaseModel):
    """Fields of a license user to set. LicenseSpring: License Users."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"first_name": "Ana"}}
    )

    email: Email | None = None
    first_name: OptionalLine = None
    last_name: OptionalLine = None
    phone_number: OptionalLine = None
    is_active: Flag | None = None
    updated_at: Seen = None


class PasswordRequest(BaseModel):
    """A password to set; without one, a password is generated and shown once."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"example": {}})

    password: Password | None = None


class AssignRequest(BaseModel):
    """A user to assign to a license. LicenseSpring: Assign User To License."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"email": "ana@acme.example"}}
    )

    email: Email
    first_name: OptionalLine = None
    last_name: OptionalLine = None
    phone_number: OptionalLine = None
    is_manager: Flag | None = None
    password: Password | None = None
    max_activations: Count | None = None
    total_activations: Annotated[
        Literal[0] | None, Field(description="activations are not served, so there are none")
    ] = None


class UnassignRequest(BaseModel):
    """The user to unassign, by id or by e-mail. LicenseSpring: Unassign User From License."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"license_user_email": "ana@acme.example"}},
    )

    license_user_id: RecordId | None = None
    license_user_email: Email | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.license_user_id is None) == (self.license_user_email is None):
            raise ValueError("send license_user_id or license_user_email, one of them")
        return self

    @property
    def user(self) -> int | str:
        return self.license_user_id or self.license_user_email or 0


def generated_password() -> str:
    return drawn(secrets.token_bytes(32), "password", PASSWORD_LENGTH, LETTERS)


def with_password(
    user: LicenseUser, password: str, *, generated: bool, now: datetime
) -> LicenseUser:
    """The user with another password, of which only the hash is kept."""
    salt = secrets.token_hex(16)
    hashed_by = None if generated else "scrypt " + " ".join(map(str, _SCRYPT))
    return user.model_copy(
        update={
            "salt": salt,
            "hashed_by": hashed_by,
            "password_hash": _hash(password, salt, hashed_by),
            "is_initial_password": generated,
            "updated_at": later(user, now),
        }
    )


def has_password(user: LicenseUser, password: str) -> bool:
    """Whether this is the user's password."""
    found = _hash(password, user.salt, user.hashed_by)
    return hmac.compare_digest(found, user.password_hash)


def change_user(user: LicenseUser, patch: UserPatch, *, now: datetime) -> LicenseUser:
    """Apply a patch; the user itself if nothing differs.

    Raises Refused for another e-mail, and Conflict if it was changed after the client read it.
    """
    if patch.email is not None and patch.email != user.email:
        message = "the e-mail identifies the user and can't be changed; assign another user"
        refuse([Fault.at(("email",), "immutable", message, patch.email)])
    given = patch.model_fields_set - {"email", "updated_at"}
    fields = {name: getattr(patch, name) for name in given}
    if fields.get("is_active", True) is None:
        del fields["is_active"]
    if all(getattr(user, name) == value for name, value in fields.items()):
        return user
    after = user.model_copy(update={**fields, "updated_at": later(user, now)})
    old, new = (each.model_dump(mode="json") for each in (user, after))
    require_unchanged(f"license user {user.id}", old, new, patch.updated_at, named=fields)
    return after


def new_user(
    id: int, request: AssignRequest, password: str, *, license_id: int, now: datetime
) -> LicenseUser:
    """The user that a request creates, with its password."""
    user = LicenseUser(
        id=id,
        email=request.email,
        first_name=request.first_name,
        last_name=request.last_name,
        phone_number=request.phone_number,
        salt="",
        password_hash="",
        made_by=f"license {license_id}",
        created_at=now,
        updated_at=now,
    )
    return with_password(user, password, generated=request.password is None, now=now)


def assign_user(
    lic: License, request: AssignRequest, user_id: int, product: Product, *, now: datetime
) -> License:
    """Assign a user, or change the assignment; the license itself if nothing differs.

    Raises Refused if the product is not user-based.
    """
    if product.authorization_method != "user":
        message = f"{product.short_code} is authorized by key: its licenses have no users"
        refuse([Fault.at(("email",), "users_not_allowed", message, request.email)])
    before = next((seat for seat in lic.license_users if seat.user_id == user_id), None)
    seat = before or LicenseUserRef(user_id=user_id, email=request.email)
    fields = {
        name: value
        for name in ("is_manager", "max_activations")
        if (value := getattr(request, name)) is not None
    }
    seat = seat.model_copy(update=fields)
    if seat == before:
        return lic
    if before:
        seats = tuple(seat if each == before else each for each in lic.license_users)
    else:
        seats = (*lic.license_users, seat)
    return stamped(lic.model_copy(update={"license_users": seats}), lic, now)


def unassign_user(lic: License, user_id: int, *, now: datetime) -> License:
    """Unassign a user; the license itself if the user is not assigned."""
    seats = tuple(seat for seat in lic.license_users if seat.user_id != user_id)
    if seats == lic.license_users:
        return lic
    return stamped(lic.model_copy(update={"license_users": seats}), lic, now)


def _hash(password: str, salt: str, hashed_by: str | None) -> str:
    if hashed_by is None:
        return hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
    cost, block, parallel = map(int, hashed_by.split(" ")[1:])
    return hashlib.scrypt(
        password.encode(),
        salt=bytes.fromhex(salt),
        n=cost,
        r=block,
        p=parallel,
        maxmem=2 * 128 * cost * block,
        dklen=32,
    ).hex()

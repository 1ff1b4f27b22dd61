"""License users: their passwords, and the licenses that they are assigned to.

A generated password has 81 bits of entropy and is stored as a salted SHA-256 hash. A password that
a person has chosen is stored as a scrypt hash, with its parameters.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    model_validator,
)

from shared.catalog import Product
from shared.changed_meanwhile import Seen, require_unchanged
from shared.customers import LETTERS, PASSWORD_LENGTH, LicenseUser, later
from shared.errors import Fault, Path, refuse
from shared.license_changes import stamped
from shared.licenses import License, LicenseUserRef
from shared.values import Count, Email, Flag, OptionalLine, RecordId, drawn

MOST_ASSIGNED = 99
"""Users that are assigned in one transaction, which has at most 100 operations: one is the license.
"""
_ID = re.compile(r"[1-9][0-9]{0,15}")
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


class AssignEntry(BaseModel, frozen=True, extra="forbid"):
    """One of several users to assign to a license."""

    email: Email
    is_manager: Flag | None = None


def _not_sent(value: bool | None) -> bool | None:
    if value:
        raise ValueError("must be false: e-mails are not sent, the response has the passwords")
    return value


class AssignSeveral(BaseModel):
    """Users to assign to a license. LicenseSpring: Assign Users (Bulk) To License."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"emails": [{"email": "ana@acme.example"}]}},
    )

    emails: Annotated[tuple[AssignEntry, ...], Field(min_length=1, max_length=MOST_ASSIGNED)]
    send_email: Annotated[
        Flag | None, AfterValidator(_not_sent), Field(description="e-mails are not sent")
    ] = None

    @property
    def requests(self) -> list[AssignRequest]:
        return [AssignRequest(email=each.email, is_manager=each.is_manager) for each in self.emails]


class UserActivations(BaseModel, frozen=True, extra="forbid"):
    """The activations of a user who is assigned to a license."""

    max_activations: Count | None = None
    reset_total_activations: Annotated[
        Flag | None, Field(description="activations are not served, so there are none to reset")
    ] = None


def _user_ids(given: Any) -> Any:
    """Refuse names that are not ids in their only spelling, so that no user is named twice."""
    if not isinstance(given, dict) or not given:
        raise ValueError('must be an object with ids of users, such as {"1": {}}')
    for name in given:
        if not _ID.fullmatch(str(name)):
            raise ValueError(f"{str(name)[:40]!r} is not the id of a user, such as 1")
    return given


type UserId = Annotated[str, Field(json_schema_extra={"pattern": f"^{_ID.pattern}$"})]


class ActivationsRequest(
    RootModel[Annotated[dict[UserId, UserActivations], BeforeValidator(_user_ids)]]
):
    """Activations by the id of the user. LicenseSpring: Set Users Activations."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"minProperties": 1, "example": {"1": {"max_activations": 100}}},
    )

    @property
    def by_id(self) -> dict[int, UserActivations]:
        return {int(id): activations for id, activations in self.root.items()}


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
    lic: License,
    request: AssignRequest,
    user_id: int,
    product: Product,
    *,
    now: datetime,
    path: Path = (),
) -> License:
    """Assign a user, or change the assignment; the license itself if nothing differs.

    Raises Refused if the product is not user-based; `path` is the path of the request in its body.
    """
    if product.authorization_method != "user":
        message = f"{product.short_code} is authorized by key: its licenses have no users"
        refuse([Fault.at((*path, "email"), "users_not_allowed", message, request.email)])
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


def set_activations(
    lic: License, activations: Mapping[int, UserActivations], *, now: datetime
) -> License:
    """Set the activations of assigned users; the license itself if nothing differs.

    Raises Refused with all faults if a user is not assigned.
    """
    seats = {seat.user_id: seat for seat in lic.license_users}
    refuse(
        [
            Fault.at(
                (str(id),),
                "user_not_assigned",
                f"user {id} is not assigned to license {lic.id}",
                id,
            )
            for id in activations
            if id not in seats
        ]
    )
    for id, wanted in activations.items():
        if "max_activations" in wanted.model_fields_set:
            update = {"max_activations": wanted.max_activations}
            seats[id] = seats[id].model_copy(update=update)
    if tuple(seats.values()) == lic.license_users:
        return lic
    return stamped(lic.model_copy(update={"license_users": tuple(seats.values())}), lic, now)


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

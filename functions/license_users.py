"""HTTP API: license users and their passwords. `functions.records` serves these routes."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from functions.web.api import Api, Caller, Page
from functions.web.paging import PageQuery, slice_of
from shared.contract.records import UserView, user_view
from shared.customers import LicenseUser
from shared.errors import Fault, NotFound, refuse
from shared.license_users import (
    ActivationsRequest,
    AssignRequest,
    AssignSeveral,
    PasswordRequest,
    UnassignRequest,
    UserPatch,
    change_user,
    generated_password,
    with_password,
)
from shared.store.licenses import get_license
from shared.values import Email, RecordId
from shared.workflows.assign_users import (
    assign_several,
    change,
    read_user,
    set_users_activations,
    unassign,
    visible_users,
)
from shared.workflows.delete_users import delete_user

routes = Api("Records")


class UserQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of license users; one of them is required."""

    email: Email | None = None
    license: Annotated[RecordId, Field(strict=False)] | None = None


class EmailQuery(BaseModel, frozen=True, extra="forbid"):
    """The e-mail of a license user."""

    email: Email


class PasswordSet(BaseModel, frozen=True):
    """The answer to a new password; a generated one is shown this once."""

    message: str
    new_password: str | None = None


class ActivationsSet(BaseModel, frozen=True):
    """The answer to activations that were set."""

    message: str


class AssignedUser(BaseModel, frozen=True):
    """An assigned user; a generated password is shown this once."""

    email: str
    new_user: bool
    password: str | None = None


@routes.get("/api/v1/license-users/", scope="records:read", refusals=("filter_required",))
def list_users(caller: Caller, query: UserQuery) -> Page[UserView]:
    """List license users by e-mail or by license.

    One of the filters is required.
    """
    if query.email is None and query.license is None:
        message = "send email, or license with the id of a license"
        refuse([Fault("filter_required", message, "email", None, None)])
    users = sorted(
        _users(caller.company, query),
        key=lambda user: (user.created_at, user.id),
        reverse=not query.oldest_first,
    )
    return slice_of(caller, query, users, lambda shown: map(user_view, shown))


@routes.get("/api/v1/license-users/<id>/", scope="records:read", refusals=("user_not_found",))
def show_user(caller: Caller, id: int) -> UserView:
    """Get a license user."""
    return user_view(read_user(caller.company, id))


@routes.patch(
    "/api/v1/license-users/<id>/",
    scope="orders:write",
    refusals=("user_not_found", "immutable", "changed_meanwhile"),
)
def patch_user(caller: Caller, id: int, request: UserPatch) -> UserView:
    """Update a license user.

    Absent fields keep their values; the e-mail can't be changed.
    """
    changed = change(caller.company, id, lambda user, now: change_user(user, request, now=now))
    return user_view(changed)


@routes.delete(
    "/api/v1/license-users/<id>/",
    scope="orders:write",
    refusals=("user_not_found", "order_in_progress"),
)
def delete_license_user(caller: Caller, id: int) -> None:
    """Delete a license user permanently.

    The user is unassigned from all licenses, and the e-mail is free: assigning it again creates
    another user.
    """
    delete_user(caller.company, id)


@routes.post(
    "/api/v1/license-users/<id>/set_password/", scope="orders:write", refusals=("user_not_found",)
)
def set_user_password(caller: Caller, id: int, request: PasswordRequest) -> PasswordSet:
    """Set the password of a license user.

    Without `password` one is generated, and shown in this response only.
    """
    return _set_password(caller, id, request)


@routes.post(
    "/api/v1/license-users/set_password/", scope="orders:write", refusals=("user_not_found",)
)
def set_password_by_email(
    caller: Caller, query: EmailQuery, request: PasswordRequest
) -> PasswordSet:
    """Set the password of the license user with an e-mail.

    Without `password` one is generated, and shown in this response only.
    """
    return _set_password(caller, query.email, request)


@routes.post(
    "/api/v1/licenses/<id>/assign_user/",
    scope="orders:write",
    refusals=(
        *("license_not_found", "users_not_allowed", "user_exists", "record_too_large", "too_many"),
    ),
)
def assign_license_user(caller: Caller, id: int, request: AssignRequest) -> PasswordSet:
    """Assign a user to a license of a user-based product.

    If no user has the e-mail, the user is created. A generated password is shown in this response
    only. Of a bundle, assign the user to each license.
    """
    (assigned,) = assign_several(caller.company, id, [request], [()])
    return PasswordSet(message="License assigned.", new_password=assigned.password)


@routes.post(
    "/api/v1/licenses/<id>/assign_users/",
    scope="orders:write",
    refusals=(
        *("license_not_found", "users_not_allowed", "user_repeated", "record_too_large"),
        "too_many",
    ),
)
def assign_license_users(caller: Caller, id: int, request: AssignSeveral) -> list[AssignedUser]:
    """Assign up to 99 users to a license of a user-based product, all or none.

    Users are created if no user has the e-mail; their generated passwords are shown in this
    response only. E-mails are not sent.
    """
    requests = request.requests
    paths = [("emails", at) for at in range(len(requests))]
    return [
        AssignedUser(email=each.email, new_user=each.is_new, password=each.password)
        for each in assign_several(caller.company, id, requests, paths)
    ]


@routes.post(
    "/api/v1/licenses/<id>/set_users_activations/",
    scope="orders:write",
    refusals=("license_not_found", "user_not_assigned", "record_too_large"),
)
def set_license_users_activations(
    caller: Caller, id: int, request: ActivationsRequest
) -> ActivationsSet:
    """Set how many activations users of a license may have.

    The body has the ids of users who are assigned to the license. `max_activations` null removes
    the user's own limit. Activations are not served, so there are none to reset.
    """
    set_users_activations(caller.company, id, request.by_id)
    return ActivationsSet(message="Activations set.")


@routes.post(
    "/api/v1/licenses/<id>/unassign_user/",
    scope="orders:write",
    refusals=("license_not_found", "user_not_found"),
)
def unassign_license_user(caller: Caller, id: int, request: UnassignRequest) -> PasswordSet:
    """Unassign a user from a license.

    The user is kept, with its other licenses.
    """
    unassign(caller.company, id, request.user)
    return PasswordSet(message="License unassigned.")


def _users(company: str, query: UserQuery) -> list[LicenseUser]:
    ids: list[int] | None = None
    if query.license is not None:
        lic = get_license(company, query.license)
        ids = [seat.user_id for seat in lic.license_users] if lic else []
    if query.email is None:
        return visible_users(company, ids or [])
    try:
        user = read_user(company, query.email)
    except NotFound:
        return []
    return [user] if ids is None or user.id in ids else []


def _set_password(caller: Caller, user: int | str, request: PasswordRequest) -> PasswordSet:
    generated = request.password is None
    password = (
        generated_password() if request.password is None else request.password.get_secret_value()
    )
    change(caller.company, user, _once(password, generated=generated))
    return PasswordSet(message="Password set.", new_password=password if generated else None)


def _once(password: str, *, generated: bool) -> Callable[[LicenseUser, datetime], LicenseUser]:
    def decide(user: LicenseUser, now: datetime) -> LicenseUser:
        return with_password(user, password, generated=generated, now=now)

    return decide

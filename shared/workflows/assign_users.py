"""Assign license users to licenses, and change users, under optimistic locks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from shared.customers import LicenseUser
from shared.errors import Busy, Conflict, Fault, NotFound
from shared.license_users import (
    AssignRequest,
    assign_user,
    generated_password,
    has_password,
    new_user,
    unassign_user,
)
from shared.licenses import License
from shared.store import dynamo
from shared.store.catalog import products_by_id
from shared.store.customers import put_user, user_check, user_lookup, user_put, users_by_id
from shared.store.licenses import committed_rows, get_license, license_changes
from shared.store.lookup import find
from shared.store.retry import contended
from shared.workflows.change_licenses import TRIES


class Assigned(NamedTuple):
    """The result of an assignment; `password` is the generated one of a new user."""

    license: License
    password: str | None


def assign(company: str, license_id: int, request: AssignRequest) -> Assigned:
    """Assign a user to a license, and create the user if no user has the e-mail.

    The license and the new user are written in one transaction. Raises Refused, NotFound, Conflict
    if the user exists with another password, or Busy.
    """
    password = request.password.get_secret_value() if request.password else generated_password()
    created: LicenseUser | None = None
    for _ in contended(TRIES):
        lic = _license(company, license_id)
        product = products_by_id(company, [lic.product_id])[lic.product_id]
        user, user_id = _find(company, request.email)
        now = datetime.now(UTC)
        after = assign_user(lic, request, user_id, product, now=now)
        ours = user is not None and created is not None and user == created
        if user is not None and request.password and not has_password(user, password):
            message = "There is a user with this e-mail already; POST set_password changes it"
            fault = Fault.at(("password",), "user_exists", message)
            raise Conflict("user_exists", message, faults=[fault])
        if user is None:
            created = created or new_user(
                user_id, request, password, license_id=license_id, now=now
            )
        writes = [user_put(company, created)] if user is None and created else []
        if user is not None:
            writes = [user_check(company, user.id)]
        if after is not lic:
            writes += license_changes(company, [(after, lic)])
        is_done = after is lic and user is not None
        if is_done or dynamo.write(writes):
            is_new = user is None or ours
            return Assigned(after, password if is_new and not request.password else None)
    raise Busy


def unassign(company: str, license_id: int, user: int | str) -> License:
    """Unassign a user, by id or e-mail, from a license. Raises NotFound, or Busy."""
    for _ in contended(TRIES):
        lic = _license(company, license_id)
        found = read_user(company, user)
        after = unassign_user(lic, found.id, now=datetime.now(UTC))
        if after is lic or dynamo.write(license_changes(company, [(after, lic)])):
            return after
    raise Busy


def change(
    company: str, user: int | str, decide: Callable[[LicenseUser, datetime], LicenseUser]
) -> LicenseUser:
    """Change a user, by id or e-mail. Raises Refused, NotFound, or Busy after five tries."""
    after: LicenseUser | None = None
    for _ in contended(TRIES):
        before = read_user(company, user)
        if before == after:
            return before
        after = decide(before, datetime.now(UTC))
        if after is before or put_user(company, after, before):
            return after
    raise Busy


def read_user(company: str, user: int | str) -> LicenseUser:
    """A user by id or e-mail. Raises NotFound."""
    if isinstance(user, str):
        found, _ = _find(company, user)
    else:
        found = next(iter(visible_users(company, [user])), None)
    if found is None:
        raise NotFound(f"There is no license user {user}", "user_not_found")
    return found


def visible_users(company: str, ids: list[int]) -> list[LicenseUser]:
    """The users with these ids, without those of orders that are not committed."""
    users = users_by_id(company, ids)
    visible = committed_rows(company, (user.unsettled for user in users.values()))
    return [users[id] for id in ids if id in users and users[id].unsettled in visible]


def _find(company: str, email: str) -> tuple[LicenseUser | None, int]:
    """The user with an e-mail, and the id of such a user. Raises Busy while an order creates it."""
    place = user_lookup(company, email)
    find([place])
    if place.found is None:
        return None, place.id
    user = LicenseUser.model_validate(place.found)
    if user.unsettled not in committed_rows(company, [user.unsettled]):
        raise Busy
    return user, place.id


def _license(company: str, id: int) -> License:
    lic = get_license(company, id)
    if lic is None:
        raise NotFound(f"There is no license {id}", "license_not_found")
    return lic

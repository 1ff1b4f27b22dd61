"""Assign license users to licenses, and change users, under optimistic locks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.customers import MOST_LICENSES, LicenseUser
from shared.errors import Busy, Conflict, Fault, NotFound, Path, refuse
from shared.license_users import (
    AssignRequest,
    UserActivations,
    assign_user,
    generated_password,
    has_password,
    new_user,
    set_activations,
    unassign_user,
)
from shared.licenses import License
from shared.store import dynamo
from shared.store.catalog import products_by_id
from shared.store.customers import (
    assignment,
    license_name,
    put_user,
    user_lookup,
    user_put,
    users_by_id,
)
from shared.store.licenses import committed_rows, get_license, license_changes
from shared.store.lookup import find
from shared.store.retry import contended
from shared.workflows.change_licenses import TRIES, refuse_too_large


class Assigned(NamedTuple):
    """An assigned user; `password` is the generated one of a new user."""

    email: str
    is_new: bool
    password: str | None


class _Seeker(NamedTuple):
    """A user to assign: the request, its path in the body, and the password of a new user."""

    request: AssignRequest
    path: Path
    password: str


def assign_several(
    company: str, license_id: int, requests: Sequence[AssignRequest], paths: Sequence[Path]
) -> list[Assigned]:
    """Assign users to a license, all or none, and create those whose e-mails no user has.

    The license and up to MOST_ASSIGNED users are written in one transaction. Raises Refused,
    NotFound, Conflict if a user exists with another password, or Busy.
    """
    _refuse_repeated(requests, paths)
    seekers = [
        _Seeker(request, path, _password(request))
        for request, path in zip(requests, paths, strict=True)
    ]
    name = frozenset({license_name(license_id)})
    created: dict[int, LicenseUser] = {}
    for _ in contended(TRIES):
        before = _license(company, license_id)
        product = products_by_id(company, [before.product_id])[before.product_id]
        found = _find(company, [request.email for request in requests])
        now = datetime.now(UTC)
        after = before
        writes: list[dict[str, Any]] = []
        assigned: list[Assigned] = []
        for seeker, (user, id) in zip(seekers, found, strict=True):
            after = assign_user(after, seeker.request, id, product, now=now, path=seeker.path)
            _refuse_other_password(seeker, user)
            _refuse_too_many(seeker, user)
            if user is None and id not in created:
                created[id] = new_user(
                    id, seeker.request, seeker.password, license_id=license_id, now=now
                ).model_copy(update={"licenses": name})
            is_new = user is None or user == created.get(id)
            shown = seeker.password if is_new and not seeker.request.password else None
            assigned.append(Assigned(seeker.request.email, is_new, shown))
            new = None if user else user_put(company, created[id])
            writes.append(new or assignment(company, id, name))
        if after is not before:
            changes = license_changes(company, [(after, before)])
            refuse_too_large(changes)
            writes += changes
        is_done = after is before and all(user for user, _ in found)
        if is_done or dynamo.write(writes):
            return assigned
    raise Busy


def set_users_activations(
    company: str, license_id: int, activations: Mapping[int, UserActivations]
) -> License:
    """Set the activations of users of a license. Raises Refused, NotFound, or Busy."""
    for _ in contended(TRIES):
        before = _license(company, license_id)
        after = set_activations(before, activations, now=datetime.now(UTC))
        if after is before:
            return after
        changes = license_changes(company, [(after, before)])
        refuse_too_large(changes)
        if dynamo.write(changes):
            return after
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
        ((found, _),) = _find(company, [user])
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


def _find(company: str, emails: Sequence[str]) -> list[tuple[LicenseUser | None, int]]:
    """Each e-mail's user, and the id of such a user. Raises Busy while an order creates one."""
    places = [user_lookup(company, email) for email in emails]
    find(places)
    users = [LicenseUser.model_validate(each.found) if each.found else None for each in places]
    written_with = {user.unsettled for user in users if user}
    if not written_with <= committed_rows(company, written_with):
        raise Busy
    return [(user, place.id) for user, place in zip(users, places, strict=True)]


def _password(request: AssignRequest) -> str:
    return request.password.get_secret_value() if request.password else generated_password()


def _refuse_repeated(requests: Sequence[AssignRequest], paths: Sequence[Path]) -> None:
    emails = [request.email for request in requests]
    refuse(
        [
            Fault.at((*path, "email"), "user_repeated", "this e-mail appears twice", email)
            for at, (email, path) in enumerate(zip(emails, paths, strict=True))
            if email in emails[:at]
        ]
    )


def _refuse_other_password(seeker: _Seeker, user: LicenseUser | None) -> None:
    if user is None or not seeker.request.password or has_password(user, seeker.password):
        return
    message = "There is a user with this e-mail already; POST set_password changes it"
    fault = Fault.at((*seeker.path, "password"), "user_exists", message)
    raise Conflict("user_exists", message, faults=[fault])


def _refuse_too_many(seeker: _Seeker, user: LicenseUser | None) -> None:
    if user and len(user.licenses) >= MOST_LICENSES:
        message = f"{user.email} was assigned to {MOST_LICENSES} licenses, which is the maximum"
        refuse([Fault.at((*seeker.path, "email"), "too_many", message, user.email)])


def _license(company: str, id: int) -> License:
    lic = get_license(company, id)
    if lic is None:
        raise NotFound(f"There is no license {id}", "license_not_found")
    return lic

"""Find the stored licenses that rows name: by key, or by order, product and users."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.row_entries import Import, LicenseEntry
from shared.store import bulk, dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import license_of_name, user_key
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import committed_rows
from shared.store.signed_http import Exchange
from shared.store.tombstones import is_deleted
from shared.values import record_id, record_ids
from shared.workflows.batch import Found, Wanted, find_records, get_all


def named_licenses(
    job: Import,
    pool: bulk.Pool,
    entries: Sequence[LicenseEntry],
    opening: Sequence[Exchange[Any]] = (),
) -> list[Found]:
    """The license of each row, if it exists, and where it would be.

    A license without key is found by the name that an import gave it, even if its users have
    changed since, and otherwise by its users: an order may have created it.
    """
    company = job.company
    ids = record_ids(company, "license", ((entry.key, 0) for entry in entries))
    tables: dict[tuple[str, str], dict[int, str]] = {}
    for id, entry in zip(ids, entries, strict=True):
        field, value = stored_name(entry)
        member = entry.key.removeprefix(value)  # "" except for members of bundles
        tables.setdefault((field, member), {})[id] = value
    wanted = [_wanted(company, *place, named) for place, named in tables.items()]
    found = {id: each for of in find_records(pool, wanted, opening) for id, each in of.items()}
    places = [found[id] for id in ids]
    others = [
        (entry, place)
        for entry, place in zip(entries, places, strict=True)
        if entry.users and place.found is None and not _was_made(job, entry, place)
    ]
    if others:
        _find_by_users(job, pool, others)
    return places


def stored_name(entry: LicenseEntry) -> tuple[str, str]:
    """The attribute of a stored license that tells whether it is that of a row, and its value."""
    if entry.users:
        return "row_name", entry.key
    return "license_key", entry.bundle_key or entry.key


def _wanted(company: str, field: str, member: str, named: dict[int, str]) -> Wanted:
    """The lookup of licenses by their names; `member` is what a name has after the license key."""
    return Wanted(
        LICENSES,
        named,
        field,
        lambda id: (dynamo.partition(company, id),),
        lambda name, n: record_id(company, "license", f"{name}{member}", attempt=n),
    )


def users_of(job: Import, pool: bulk.Pool, entries: Iterable[LicenseEntry]) -> dict[str, Found]:
    """The users that rows name, by e-mail: their ids, and the items of those that exist."""
    company = job.company
    emails = dict.fromkeys(user.email for entry in entries for user in entry.users)
    ids = {email: record_id(company, "user", email) for email in emails}
    wanted = Wanted(
        CUSTOMERS,
        {id: email for email, id in ids.items()},
        "email",
        lambda id: user_key(company, id),
        lambda email, n: record_id(company, "user", email, attempt=n),
    )
    (found,) = find_records(pool, (wanted,))
    return {email: found[id] for email, id in ids.items()}


def _find_by_users(
    job: Import, pool: bulk.Pool, rows: Sequence[tuple[LicenseEntry, Found]]
) -> None:
    """Find licenses by what their users are assigned to; the rows' places get them."""
    users = users_of(job, pool, (entry for entry, _ in rows))
    shared = [_licenses_of_all(users, entry) for entry, _ in rows]
    keys = {id: (dynamo.partition(job.company, id),) for ids in shared for id in ids}
    found = get_all(pool, LICENSES, keys.values()) if keys else {}
    visible = committed_rows(job.company, (item.get("unsettled") for item in found.values()))
    for (entry, place), ids in zip(rows, shared, strict=True):
        wanted = {users[user.email].id for user in entry.users}
        for item in (found.get(keys[id]) for id in sorted(ids)):
            if item is None or is_deleted(item) or item.get("unsettled") not in visible:
                continue
            named = item.get("order_store_id"), item.get("product_code"), item.get("license_key")
            there = {seat["user_id"] for seat in item.get("license_users", ())}
            if named == (entry.store_id, entry.model.product_code, None) and there == wanted:
                place.id, place.found = item["id"], item
                break


def _licenses_of_all(users: Mapping[str, Found], entry: LicenseEntry) -> set[int]:
    """The licenses to which all users of a row are or were assigned."""
    named = [
        {license_of_name(name) for name in (users[user.email].found or {}).get("licenses", ())}
        for user in entry.users
    ]
    return set.intersection(*named)


def _was_made(job: Import, entry: LicenseEntry, place: Found) -> bool:
    """Whether the row created its license and it was deleted since."""
    maker = job.maker(entry.record.row)
    return any(grave.get("made_by") == maker for grave in place.deleted)

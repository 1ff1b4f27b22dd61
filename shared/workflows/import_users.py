"""The users of license rows: each license is written in one transaction with its users.

Every license that names a user is among those that the user names. So a license, its users that
are new, and its name among the licenses of the others are written together, or not at all.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from shared.customers import MOST_LICENSES, new_license_user
from shared.errors import Busy
from shared.licenses import License, LicenseUserRef
from shared.row_entries import Faults, Import, LicenseEntry, fault_of
from shared.store import bulk, dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import assignment, license_name, user_key, user_put
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_puts
from shared.store.retry import ATTEMPTS
from shared.store.signed_http import Exchange
from shared.store.tombstones import is_deleted
from shared.workflows.batch import Found
from shared.workflows.named_licenses import users_of


class RowUsers:
    """The users of a batch's rows, by e-mail."""

    def __init__(self, job: Import, pool: bulk.Pool) -> None:
        self.job, self.pool = job, pool
        self.places: dict[str, Found] = {}
        self.names: dict[str, set[str]] = {}
        """The names of the licenses that each user has, and gets from the rows of the batch."""

    def read(self, entries: Sequence[LicenseEntry]) -> set[str]:
        """Read the users of these rows; returns the rows of the orders that have created some."""
        self.places = users_of(self.job, self.pool, entries)
        items = {email: place.found or {} for email, place in self.places.items()}
        self.names = {email: {*item.get("licenses", ())} for email, item in items.items()}
        return {row for item in items.values() if (row := item.get("unsettled"))}

    def faults(self, entry: LicenseEntry, id: int) -> Faults:
        """The faults of a row that would give a user too many licenses; assigns it otherwise."""
        name, faults = license_name(id), []
        for user in entry.users:
            if name not in self.names[user.email] and len(self.names[user.email]) >= MOST_LICENSES:
                message = f"{user.email} would have more than {MOST_LICENSES} licenses, the maximum"
                faults.append(fault_of("license__users", "users", "too_many", message, user.email))
        if not faults:
            for user in entry.users:
                self.names[user.email].add(name)
        return faults

    def insert(self, entry: LicenseEntry, lic: License) -> Exchange[bool]:
        """Write a license with its users; False if there is a record at its id.

        Raises Busy if the users change again and again, or an order creates one of them.
        """
        patience, key = self.pool.patience, (dynamo.partition(self.job.company, lic.id),)
        places = {user.email: self.places[user.email] for user in entry.users}
        for _ in range(ATTEMPTS):
            writes = self._writes(entry, lic, places)
            if (yield from bulk.transact(LICENSES, writes, patience)):
                patience.progressed = True
                return True
            if (yield from bulk.get_all(LICENSES, [key], patience)):
                return False
            places = yield from self._read_again(places)
        raise Busy

    def _writes(
        self, entry: LicenseEntry, lic: License, places: dict[str, Found]
    ) -> list[dict[str, Any]]:
        job, names = self.job, frozenset({license_name(lic.id)})
        seats = tuple(
            LicenseUserRef(user_id=places[each.email].id, **each.model_dump(include=_SEAT))
            for each in entry.users
        )
        writes = [*license_puts(job.company, [lic.model_copy(update={"license_users": seats})])]
        for each in entry.users:
            place = places[each.email]
            if place.found is not None:
                writes.append(assignment(job.company, place.id, names))
                continue
            user, _ = new_license_user(
                place.id,
                each,
                made_by=job.maker(entry.record.row),
                secret=secrets.token_bytes(32),
                now=job.began,
            )
            writes.append(user_put(job.company, user.model_copy(update={"licenses": names})))
        return writes

    def _read_again(self, places: dict[str, Found]) -> Exchange[dict[str, Found]]:
        """The users as they are now; another row of the batch may have created some."""
        keys = {email: user_key(self.job.company, place.id) for email, place in places.items()}
        found = yield from bulk.get_all(CUSTOMERS, [*keys.values()], self.pool.patience)
        items = {email: found.get(key) for email, key in keys.items()}
        if any(item and (is_deleted(item) or item.get("unsettled")) for item in items.values()):
            raise Busy  # the batch is written again, and reads the users at their next ids
        return {email: Found(places[email].id, item) for email, item in items.items()}


_SEAT = {"email", "is_manager"}

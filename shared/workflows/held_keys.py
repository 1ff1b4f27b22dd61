"""License rows whose key exists: in another row of the file, or in an older license.

Rows whose license was created need none of this.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from shared.catalog import Product
from shared.differences import (
    Holder,
    content_digest,
    existing_fault,
    existing_warnings,
    license_differences,
    missing_fault,
    repeated_fault,
)
from shared.errors import Busy
from shared.row_entries import Import, InvalidRecord, LicenseEntry
from shared.store import bulk
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key
from shared.store.licenses import committed_rows, license_lookup
from shared.store.lookup import find
from shared.workflows.batch import Batch, Found, get_all, get_many, holder_of, is_ours

type Held = list[tuple[LicenseEntry, Holder]]
type _Name = tuple[str, str | None]
"""The key of a license, and its product if it belongs to a member of a bundle."""


def group_by_key(
    job: Import, entries: list[LicenseEntry]
) -> tuple[dict[str, LicenseEntry], list[LicenseEntry], list[LicenseEntry]]:
    """The first row of each key, the repeated ones, and all rows with the key of a bundle."""
    bundled = _bundled_keys(job, entries)
    first: dict[str, LicenseEntry] = {}
    repeated = [entry for entry in entries if first.setdefault(entry.key, entry) is not entry]
    if not bundled:
        return first, repeated, []
    return (
        {key: entry for key, entry in first.items() if key not in bundled},
        [entry for entry in repeated if entry.key not in bundled],
        [entry for entry in entries if entry.key in bundled],
    )


class HeldKeys:
    """Decides about the rows of a batch that did not create their license."""

    def __init__(
        self, job: Import, pool: bulk.Pool, done: Batch, customers: Mapping[int, Found]
    ) -> None:
        self.job, self.pool, self.done, self.customers = job, pool, done, customers
        self.found: list[tuple[LicenseEntry, dict[str, Any]]] = []
        """The rows whose licenses exist, with these, after `decide`."""

    def decide(
        self,
        first: Mapping[str, LicenseEntry],
        there: Mapping[str, dict[str, Any]],
        repeated: Iterable[LicenseEntry],
        bundled: list[LicenseEntry],
    ) -> list[LicenseEntry]:
        """Report faults and warnings; returns the rows that are equal to an earlier row.

        `there` are the stored licenses of keys in `first` that these rows did not create.
        """
        held = [(first[key], item) for key, item in there.items()]
        held += [(entry, there[entry.key]) for entry in repeated if entry.key in there]
        held = self._members(held)
        held += self._of_bundles(bundled)
        self.found = held
        if self.job.on_existing == "refuse":
            held = self._without_older(held)
        same = []
        for entry, holder in self._with_customers(held) if held else []:
            earlier = first.get(entry.key, entry)
            if holder.row is None and earlier is not entry and not self._repeats(entry, earlier):
                continue
            if self._agrees(entry, holder) and holder.row is not None:
                same.append(entry)
        missing = [entry for entry in repeated if entry.key not in there]
        if self.job.on_missing == "refuse":
            faults = ((entry, [missing_fault(entry)]) for entry in missing)
            self.done.invalid += [InvalidRecord(entry.record, each) for entry, each in faults]
            return same
        return same + [entry for entry in missing if self._repeats(entry, first[entry.key])]

    def existing(
        self, held: list[tuple[LicenseEntry, dict[str, Any]]], bundled: list[LicenseEntry]
    ) -> list[tuple[LicenseEntry, dict[str, Any]]]:
        """The rows whose licenses exist, with these; reports faults of rows of bundles.

        `held` has the licenses of the rows' keys.
        """
        return self._members(held) + self._of_bundles(bundled)

    def _without_older(
        self, held: list[tuple[LicenseEntry, dict[str, Any]]]
    ) -> list[tuple[LicenseEntry, dict[str, Any]]]:
        """The rows whose licenses this import created; refuses the other rows."""
        self.done.invalid += [
            InvalidRecord(entry.record, [existing_fault(entry)])
            for entry, item in held
            if not is_ours(self.job, item)
        ]
        return [(entry, item) for entry, item in held if is_ours(self.job, item)]

    def _repeats(self, entry: LicenseEntry, earlier: LicenseEntry) -> bool:
        """Whether a row is equal to the first row of its key; reports a fault otherwise."""
        return self._agrees(entry, _as_holder(earlier))

    def _agrees(self, entry: LicenseEntry, holder: Holder) -> bool:
        """Whether a row is equal to the record with its key; reports the differences."""
        differences = license_differences(entry, holder)
        if holder.row is None:
            self.done.warn(entry.record, existing_warnings("license", differences))
        elif differences:
            fault = repeated_fault(entry, holder.row, differences)
            self.done.invalid.append(InvalidRecord(entry.record, [fault]))
            return False
        return True

    def _with_customers(self, held: list[tuple[LicenseEntry, dict[str, Any]]]) -> Held:
        """Stored licenses with their customers, which are read if the row names another one."""
        others = {
            item["customer_id"]
            for entry, item in held
            if "customer_id" in item and self._customer(entry, item) is None
        }
        keys = {id: customer_key(self.job.company, id) for id in others}
        found = get_all(self.pool, CUSTOMERS, list(keys.values()))
        for _, item in held:
            key = keys.get(item.get("customer_id", 0))
            if key is not None and key not in found and is_ours(self.job, item):
                raise Busy  # another batch has written the license, and will write its customer
        return [
            (
                entry,
                holder_of(
                    self.job,
                    item,
                    self._customer(entry, item)
                    or found.get(keys.get(item.get("customer_id"), ("", ""))),
                ),
            )
            for entry, item in held
        ]

    def _customer(self, entry: LicenseEntry, item: Mapping[str, Any]) -> dict[str, Any] | None:
        """The customer of a license if it is the row's own."""
        place = self.customers.get(entry.customer_id) if entry.customer_id is not None else None
        if place is None or entry.customer is None or place.id != item.get("customer_id"):
            return None
        return place.found or entry.customer.model_dump()

    def _members(
        self, held: list[tuple[LicenseEntry, dict[str, Any]]]
    ) -> list[tuple[LicenseEntry, dict[str, Any]]]:
        """For the key of a bundle, the license of the row's product if it is a member."""
        bundles = _bundles(self.job)
        named = {
            (entry.key, code)
            for entry, item in held
            if (code := entry.model.product_code)
            in getattr(bundles.get(item.get("product_code", "")), "bundle_products", ())
        }
        found = self._licenses(named) if named else {}
        return [
            (entry, found.get((entry.key, entry.model.product_code), item)) for entry, item in held
        ]

    def _of_bundles(self, entries: list[LicenseEntry]) -> list[tuple[LicenseEntry, dict[str, Any]]]:
        """The existing licenses of bundles and their members; reports a fault for missing ones."""
        if not entries:
            return []
        bundles = _bundles(self.job)
        names = {
            entry.record.row: (entry.key, None if code in bundles else code)
            for entry in entries
            for code in [entry.model.product_code]
        }
        found = self._licenses(names.values())
        held = []
        for entry in entries:
            item = found.get(names[entry.record.row])
            if item is not None:
                held.append((entry, item))
            else:
                self.done.invalid.append(
                    InvalidRecord(entry.record, [_bundle_fault(entry, bundles)])
                )
        return held

    def _licenses(self, names: Iterable[_Name]) -> dict[_Name, dict[str, Any]]:
        """The committed licenses with these keys, of bundles or of their members."""
        company = self.job.company
        lookups = {name: license_lookup(company, *name) for name in names}
        find(lookups.values(), read=partial(get_many, self.pool))
        items = {name: each.found for name, each in lookups.items() if each.found}
        rows = {row for item in items.values() if (row := item.get("unsettled"))}
        pending = rows - committed_rows(company, rows) if rows else rows
        return {name: item for name, item in items.items() if item.get("unsettled") not in pending}


def named_rows(
    job: Import,
    entries: Iterable[LicenseEntry],
    there: Mapping[str, dict[str, Any]],
    made: Iterable[tuple[LicenseEntry, int]],
) -> list[list[int]]:
    """The rows to compare between batches, as `[row, license, content digest]`.

    These are rows with a key in `made`, and rows whose license is older than the import. Other rows
    are compared with the stored license.
    """
    ids = {entry.key: id for entry, id in made}
    for key, item in there.items():
        if not is_ours(job, item) and item.get("product_code") not in _bundles(job):
            ids[key] = item["id"]
    if not ids:
        return []
    return [
        [entry.record.row, ids[entry.key], content_digest(entry)]
        for entry in entries
        if entry.key in ids
    ]


def _as_holder(entry: LicenseEntry) -> Holder:
    """A row of this batch that created a license, to be compared with rows of the same key."""
    own = {
        "note": entry.note,
        "subscription_id": entry.subscription_id,
        "order_store_id": entry.order.store_id,
        "license_users": [
            {"user_id": 0, "email": user.email, "is_manager": user.is_manager}
            for user in entry.users
        ],
    }
    customer = None if entry.customer is None else entry.customer.model_dump()
    return Holder(entry.record.row, dict(entry.model) | own, customer)


def _bundled_keys(job: Import, entries: Iterable[LicenseEntry]) -> set[str]:
    bundles = _bundles(job)
    if not bundles:
        return set()
    return {
        entry.key
        for entry in entries
        if not entry.bundle_key
        and (entry.key in job.bundle_keys or entry.model.product_code in bundles)
    }


def _bundles(job: Import) -> dict[str, Product]:
    return {code: product for code, product in job.catalog.items() if product.is_bundle}


def _bundle_fault(entry: LicenseEntry, bundles: Mapping[str, Product]) -> dict[str, Any]:
    code = entry.model.product_code
    what = "this file has the same key for a bundle"
    if code in bundles:
        what = f"{code} is a bundle of {', '.join(bundles[code].bundle_products)}"
    return {
        "column": "product__short_code",
        "field": "short_code",
        "code": "bundle_members_missing",
        "message": f"{what}: enter the rows of the bundle and of its members one after another,"
        " with their license key as license__bundle_key",
        "value": code,
    }

"""Read the records of an export in the order of their list, in steps.

The list is read from the index, oldest first, up to the time when the export began, and each entry
is read consistently from the table. Within an entry, records are in the order of their ids, and a
position is an entry and an id. So a position stays valid when records are deleted: the list of an
entry's ids becomes shorter, but the rest of it keeps its order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched, islice
from typing import NamedTuple

from shared.catalog import Product
from shared.customers import Customer
from shared.export_job import STEP, ExportJob
from shared.exported_row import customer_row, feature_rows, license_row
from shared.licenses import License
from shared.store import dynamo
from shared.store import orders as order_store
from shared.store.catalog import products_named
from shared.store.customers import (
    customer_entries,
    customer_lookup,
    customers_by_id,
    ids_of_pages,
)
from shared.store.license_index import ids_at, issued
from shared.store.licenses import license_lookup, licenses_by_id, visible_licenses
from shared.store.lookup import Lookup, find
from shared.values import record_id

READERS = 8
"""Requests to DynamoDB at the same time."""
_BATCH = 100
"""Records per request."""
MOST_COUNTED = 100_000
"""Entries that are read to count the records of an export: about 15 requests."""


class Entry(NamedTuple):
    """An entry of a list: its position, the number of its records, and their id or their row."""

    place: str
    records: int
    id: int
    row: dynamo.Key | None


class Step(NamedTuple):
    """Up to `STEP` records in the order of the list, as rows of the file.

    `place` and `last_id` are the position of the last one.
    """

    rows: list[list[str]]
    records: int
    left_out: int
    place: str
    last_id: int


class _Rows(NamedTuple):
    """The rows of a batch of records, and how many of them a file can't hold."""

    rows: list[list[str]]
    left_out: int


def steps(job: ExportJob) -> Iterator[Step]:
    """The records of an export after its checkpoint, in steps of up to `STEP` records."""
    read = partial(_customer_rows, job) if job.kind == "customers" else _LicenseReader(job).rows
    with ThreadPoolExecutor(READERS) as pool:
        for group in _groups(_entries(job)):
            places = list(_places(job, group, pool.map))
            for some in batched(places, STEP, strict=False):
                batches = batched((id for _, id in some), _BATCH, strict=False)
                found = list(pool.map(read, batches))
                place, last_id = some[-1]
                yield Step(
                    [row for each in found for row in each.rows],
                    len(some),
                    sum(each.left_out for each in found),
                    place,
                    last_id,
                )


def count_records(job: ExportJob) -> int | None:
    """The records in the lists of an export; None if there are too many entries to count."""
    if job.customer is not None and job.product_id is not None:
        return None
    counted = list(islice((each.records for each in _entries(job)), MOST_COUNTED + 1))
    return sum(counted) if len(counted) <= MOST_COUNTED else None


def license_rows(
    company: str, licenses: Iterable[License], products: dict[str, Product]
) -> dict[int, list[str]]:
    """Licenses as rows, by id, without those that a file can't issue.

    These have neither a key nor users, or no key and belong to a bundle. `products` caches the
    products of earlier rows.
    """
    exported = [lic for lic in licenses if lic.license_key or _is_known_by_users(lic)]
    orders = order_store.first_rows(company, {lic.order_id for lic in exported})
    customers = customers_by_id(company, {lic.customer_id for lic in exported if lic.customer_id})
    if new := {lic.product_code for lic in exported} - products.keys():
        products |= products_named(company, new)
    return {
        lic.id: license_row(
            lic,
            orders[lic.order_id],
            customers.get(lic.customer_id or 0),
            products.get(lic.product_code),
        )
        for lic in exported
        if lic.order_id in orders and (lic.license_key or not _is_of_bundle(lic, products))
    }


def _is_known_by_users(lic: License) -> bool:
    return bool(lic.license_users) and lic.bundle_license_id is None


def _is_of_bundle(lic: License, products: Mapping[str, Product]) -> bool:
    product = products.get(lic.product_code)
    return product is not None and product.is_bundle


def _entries(job: ExportJob) -> Iterator[Entry]:
    """The entries of the list from the checkpoint on, that entry included."""
    first = dynamo.stamp(job.created_at__gte) if job.created_at__gte else " "
    last = f"{dynamo.stamp(job.as_of)}~" if job.as_of else "~"
    if job.created_at__lt:
        last = min(last, dynamo.stamp(job.created_at__lt))
    first = max(first, job.place)
    if first > last:
        return
    if job.kind == "customers":
        for each in customer_entries(job.company, first=first, last=last, oldest_first=True):
            yield Entry(each.created, each.customers, each.id, each.page)
        return
    of_product = job.product_id if job.customer is None else None
    for entry in issued(
        job.company,
        product_id=of_product,
        customer_id=job.customer,
        upto=first,
        end=last,
        oldest_first=True,
    ):
        yield Entry(entry.created, entry.licenses, 0, entry.row)


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Group entries that have `STEP` records together; an order can have more by itself."""
    group: list[Entry] = []
    records = 0
    for each in entries:
        if group and records + each.records > STEP:
            yield group
            group, records = [], 0
        group.append(each)
        records += each.records
    if group:
        yield group


def _places(
    job: ExportJob,
    group: Sequence[Entry],
    run: Callable[..., Iterable[Mapping[dynamo.Key, Sequence[int]]]],
) -> Iterator[tuple[str, int]]:
    """The records of entries after the checkpoint: the position of the entry, and the id."""
    read = ids_of_pages if job.kind == "customers" else ids_at
    rows = dict.fromkeys(each.row for each in group if each.row)
    held: dict[dynamo.Key, Sequence[int]] = {}
    for found in run(read, batched(rows, _BATCH, strict=False)):
        held |= found
    for each in group:
        ids = held.get(each.row, ()) if each.row else (each.id,)
        after = job.last_id if each.place == job.place else 0
        yield from ((each.place, id) for id in sorted(ids) if id > after)


class _LicenseReader:
    """Reads licenses, or their features, as rows."""

    def __init__(self, job: ExportJob) -> None:
        self.job = job
        self._products: dict[str, Product] = {}

    def rows(self, ids: Sequence[int]) -> _Rows:
        """The rows of the licenses with these ids. Licenses that were deleted have none."""
        job = self.job
        licenses = [lic for lic in licenses_by_id(job.company, ids) if self._is_wanted(lic)]
        issued_again = _issued_again(job, licenses)
        licenses = [lic for lic in licenses if lic.id not in issued_again]
        if job.kind == "licenses":
            licenses = self._with_members(licenses)
        if job.kind == "license-features":
            with_key = [lic for lic in licenses if lic.license_key]
            without = sum(len(lic.product_features) for lic in licenses if not lic.license_key)
            return _Rows([row for lic in with_key for row in feature_rows(lic)], without)
        rows = license_rows(job.company, licenses, self._products)
        return _Rows([*rows.values()], len(licenses) - len(rows))

    def _with_members(self, licenses: Sequence[License]) -> list[License]:
        """Licenses with the members of a bundle after its license, whichever steps they are in.

        An import creates a bundle from rows that follow one another.
        """
        there = {lic.id: lic for lic in licenses}
        away = {id for lic in licenses if (id := lic.bundle_license_id)} - there.keys()
        others = {lic.id: lic for lic in licenses_by_id(self.job.company, away)}
        self._know(there.values())
        self._know(others.values())
        bundles = [
            lic
            for lic in (there | others).values()
            if lic.license_key and self._is_wanted(lic) and _is_of_bundle(lic, self._products)
        ]
        members = self._members(bundles)
        moved = {lic.id for of in members.values() for lic in of}
        return [
            each
            for lic in licenses
            if lic.id not in moved
            for each in (lic, *members.get(lic.id, ()))
        ]

    def _members(self, bundles: Sequence[License]) -> dict[int, list[License]]:
        """The licenses of the members of bundles, by the id of the bundle's license."""
        company = self.job.company
        lookups = {
            lic.id: [
                license_lookup(company, lic.license_key or "", code)
                for code in self._products[lic.product_code].bundle_products
            ]
            for lic in bundles
        }
        find(lookup for of in lookups.values() for lookup in of)
        return {
            id: [
                lic
                for lic in visible_licenses(company, of)
                if lic.bundle_license_id == id and self._is_wanted(lic)
            ]
            for id, of in lookups.items()
        }

    def _know(self, licenses: Iterable[License]) -> None:
        """Read the products of licenses that are not known yet."""
        if new := {lic.product_code for lic in licenses} - self._products.keys():
            self._products |= products_named(self.job.company, new)

    def _is_wanted(self, lic: License) -> bool:
        job = self.job
        return (
            job.product_id in (None, lic.product_id)
            and job.customer in (None, lic.customer_id)
            and (job.created_at__gte is None or lic.created_at >= job.created_at__gte)
            and (job.created_at__lt is None or lic.created_at < job.created_at__lt)
        )


def _customer_rows(job: ExportJob, ids: Sequence[int]) -> _Rows:
    customers = customers_by_id(job.company, ids)
    created_again = _created_again(job, customers.values())
    return _Rows(
        [customer_row(customers[id]) for id in ids if id in customers.keys() - created_again], 0
    )


def _issued_again(job: ExportJob, licenses: Iterable[License]) -> set[int]:
    """The licenses whose key another license had until after the export began.

    A running import can issue the key again at an earlier place of the list. The file may have the
    first license already, and a key must not be in it twice.
    """
    lookups = {}
    for lic in licenses:
        key, member = lic.license_key, lic.product_code if lic.bundle_license_id else None
        natural = (key, member) if member else (key,)
        if key and record_id(job.company, "license", *natural) != lic.id:
            lookups[lic.id] = license_lookup(job.company, key, member)
    return _replaced_since(job, lookups)


def _created_again(job: ExportJob, customers: Iterable[Customer]) -> set[int]:
    """The customers whose e-mail another customer had until after the export began."""
    lookups = {
        each.id: customer_lookup(job.company, each.email)
        for each in customers
        if each.email and record_id(job.company, "customer", each.email) != each.id
    }
    return _replaced_since(job, lookups)


def _replaced_since(job: ExportJob, lookups: Mapping[int, Lookup]) -> set[int]:
    find(lookups.values())
    began = dynamo.stamp(job.as_of) if job.as_of else ""
    return {
        id
        for id, lookup in lookups.items()
        if any(each["deleted_at"] > began for each in lookup.deleted)
    }

"""Import rows of licenses: conditional inserts of licenses, then the records that belong to them.

Customers and orders are written only for new licenses, so a row whose license exists changes
nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any

from shared.columns import CustomerRow
from shared.differences import missing_fault
from shared.orders import FIRST_PART
from shared.row_entries import Faults, Import, InvalidRecord, LicenseEntry
from shared.row_keys import with_copies
from shared.store import bulk, dynamo
from shared.store.license_index import PageRow, pages
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import committed_rows
from shared.store.newest_first import page_item
from shared.store.orders import TABLE as ORDERS
from shared.store.retry import ATTEMPTS, pause
from shared.store.signed_http import Exchange
from shared.store.tombstones import id_of_tombstone, is_deleted
from shared.values import record_id, record_ids
from shared.workflows.batch import (
    Batch,
    Found,
    Wanted,
    find_records,
    get_all,
    insert_missing,
    is_ours,
    put_first,
)
from shared.workflows.held_keys import HeldKeys, group_by_key, named_rows
from shared.workflows.import_customers import (
    customer_pages,
    customer_records,
    customers_wanted,
    first_rows,
    reference_pointers,
)
from shared.workflows.import_orders import BatchOrders
from shared.workflows.import_users import RowUsers
from shared.workflows.import_warnings import warn_of_parts
from shared.workflows.license_inserts import LicenseInserts, Placed
from shared.workflows.named_licenses import named_licenses, stored_name
from shared.workflows.pending_orders import roll_back_pending
from shared.workflows.row_bundles import RowBundles
from shared.workflows.update_records import update_licenses


def import_licenses(
    job: Import,
    entries: list[LicenseEntry],
    done: Batch,
    pool: bulk.Pool,
    whole: list[LicenseEntry],
    *,
    dry_run: bool,
    complete: bool = False,
    opening: Sequence[Exchange[Any]] = (),
) -> None:
    """Write the licenses that are new with their orders and customers, or count what would be.

    `whole` is the batch with its refused rows, which say what the page of a row is. `complete`
    inserts no license, and writes what belongs to those that this job inserted before.
    """
    _Licenses(job, done, pool, dry_run=dry_run, complete=complete).run(entries, whole, opening)


class _Licenses:
    def __init__(
        self, job: Import, done: Batch, pool: bulk.Pool, *, dry_run: bool, complete: bool
    ) -> None:
        self.job, self.done, self.pool, self.dry_run = job, done, pool, dry_run
        self.complete = complete
        self.orders: dict[int, Found] = {}
        self.customers: dict[int, Found] = {}
        self.held: dict[str, dict[str, Any]] = {}
        self.deleted: set[int] = set()
        """The ids of licenses that this job created and that were deleted since."""
        self.existing: list[tuple[LicenseEntry, dict[str, Any]]] = []
        self.users, self.bundles = RowUsers(job, pool), RowBundles(job)

    def run(
        self,
        entries: list[LicenseEntry],
        whole: list[LicenseEntry],
        opening: Sequence[Exchange[Any]],
    ) -> None:
        faulty, rows = len(self.done.invalid), entries
        entries, whole = with_copies(self.job, rows), with_copies(self.job, whole)
        first, repeated, bundled = group_by_key(self.job, entries)
        creating, described = list(first.values()), entries
        if self.job.updates and not self.complete:
            creating = described = self._missing([*first.values(), *repeated], opening)
            opening = ()
        orders = Wanted(
            ORDERS,
            {entry.order_id: entry.store_id for entry in described},
            "store_id",
            lambda id: (dynamo.partition(self.job.company, id), FIRST_PART),
            lambda name, n: record_id(self.job.company, "order", name, attempt=n),
        )
        customers = customers_wanted(
            self.job,
            (
                (entry.customer_id, entry.customer)
                for entry in described
                if entry.customer_id is not None and entry.customer is not None
            ),
        )
        self.orders, *found = find_records(self.pool, (orders, *customers), opening)
        self.customers = found[0] | found[1]
        self.writer = BatchOrders(self.job, self.pool, self.done, self.orders, self.customers)
        if self.job.planned is not None and not self.job.updates and not self.complete:
            self._hold([e for e in creating if not self.job.may_create(e.record.row)])
            creating = [e for e in creating if self.job.may_create(e.record.row)]
        if not self.complete and any(entry.users for entry in creating):
            creating = self._with_users(creating)
        self.inserts = LicenseInserts(
            self.job, self.pool, self.writer, self.customers, self.users, self.bundles
        )
        made = self._write(creating)
        if not self.dry_run:
            self._settle(whole, [pair for pair in made if pair[1] not in self.deleted])
        if self.complete:
            return
        same: list[LicenseEntry] = []
        if self.held or self.existing or repeated or bundled:
            held = HeldKeys(self.job, self.pool, self.done, self.customers)
            if self.job.updates:
                late = [(first[key], item) for key, item in self.held.items()]
                there = held.existing([*self.existing, *late], bundled)
                self._note_existing(there)
                update_licenses(self.job, self.pool, self.done, there, dry_run=self.dry_run)
            else:
                same = held.decide(first, self.held, repeated, bundled)
                self._note_existing(held.found)
        self._note_created(made, [*repeated, *bundled])
        self._refuse_unplanned(rows, made)
        refused = {bad.record.row: bad for bad in reversed(self.done.invalid[faulty:])}
        self.done.invalid[faulty:] = refused.values()  # once, however many licenses a row issues
        self.done.created_licenses += len(made)
        self.done.existed_licenses += sum(entry.record.row not in refused for entry in entries)
        self.done.existed_licenses -= sum(entry.record.row not in refused for entry, _ in made)
        self.done.order_rows += len(rows) - len(refused)
        self.done.customer_rows += sum(
            entry.customer is not None and entry.record.row not in refused for entry in rows
        )
        if not self.job.updates:
            older = self.held if self.job.on_existing == "keep" else {}
            named = named_rows(self.job, rows, older, made if self.dry_run else ())
            self.done.made["named"] = named
        if self.dry_run:
            self.done.made["rows"] = [
                [
                    entry.record.row,
                    id,
                    self._new(self.orders, entry.order_id),
                    self._new(self.customers, entry.customer_id),
                ]
                for entry, id in made
            ]
        new = [entry for entry, _ in made if not entry.copy]
        warn_of_parts(self.job, self.done, self.orders, self.customers, new, same)

    def _note_created(self, made: list[Placed], repeated: Iterable[LicenseEntry]) -> None:
        """Record the results of rows that created their license, and of those that repeat one."""
        results, orders, customers = self.done.results, self.orders, self.customers
        ids = [id for _, id in made]
        of_orders = [orders[entry.order_id].id for entry, _ in made]
        of_customers = [
            0 if (named := entry.customer_id) is None else customers[named].id for entry, _ in made
        ]
        rows = [entry.record.row for entry, _ in made]
        has_copies = any(entry.copy for entry, _ in made)
        if len(made) == self.done.rows and not has_copies:
            results.all_created(ids, of_orders, of_customers)
            return
        results.created(rows)
        results.note(zip(rows, ids, of_orders, of_customers, strict=True))
        if has_copies:
            results.note_copies((e.record.row, e.copy, e.copies, id) for e, id in made)
        by_key = {entry.key: id for entry, id in made} if repeated else {}
        again = [entry for entry in repeated if entry.key in by_key]
        results.note((entry.record.row, by_key[entry.key], 0, 0) for entry in again)
        results.repeat(entry.record.row for entry in again)

    def _refuse_unplanned(self, entries: Iterable[LicenseEntry], made: Iterable[Placed]) -> None:
        """Refuse the rows of a commit that were not written, as the plan has other outcomes."""
        job, updated = self.job, self.done.results.changes
        if job.planned is None:
            return
        created = {entry.record.row for entry, _ in made}
        invalid = {bad.record.row for bad in self.done.invalid}
        for entry in entries:
            row = entry.record.row
            outcome = "created" if row in created else "updated" if row in updated else "unchanged"
            if row not in invalid and (faults := job.unplanned(row, outcome)):
                self.done.invalid.append(InvalidRecord(entry.record, faults))

    def _note_existing(self, there: Iterable[tuple[LicenseEntry, Mapping[str, Any]]]) -> None:
        """Record the licenses that exist, with their orders and customers.

        Of a row that repeats another row of the file only the license: whether that row is written
        before or after it makes no difference then.
        """
        job, results = self.job, self.done.results
        results.note(
            (entry.record.row, item["id"], 0, 0)
            if entry.record.row in job.repeated or is_ours(job, item)
            else (entry.record.row, item["id"], item["order_id"], item.get("customer_id", 0))
            for entry, item in there
        )

    def _missing(
        self, entries: Sequence[LicenseEntry], opening: Sequence[Exchange[Any]]
    ) -> list[LicenseEntry]:
        """The rows whose licenses are to be created; `existing` gets the others.

        Rows that can't create their license are refused. A license of a pending order, and one that
        its row has created, are inserted again, which fails and finds what they are.
        """
        maker, found = self.job.maker, named_licenses(self.job, self.pool, entries, opening)
        there = [place.found for place in found if place.found is not None]
        pending = self._pending(there) if there else set()
        missing = []
        for entry, place in zip(entries, found, strict=True):
            item = place.found
            if item is None and self._has_updated_deleted(entry, place):
                continue
            is_made = item is not None and item.get("made_by") == maker(entry.record.row)
            if item is not None and not is_made and item.get("unsettled") not in pending:
                self.existing.append((entry, item))
            elif not is_made and (faults := self._faults_of_missing(entry)):
                self.done.invalid.append(InvalidRecord(entry.record, faults))
            elif entry.record.row in self.job.repeated:
                self._repeat(entry, place)
            else:
                missing.append(entry)
        return missing

    def _repeat(self, entry: LicenseEntry, place: Found) -> None:
        """Record that another row of the file creates the row's license, which is missing yet."""
        self.done.results.note([(entry.record.row, place.id, 0, 0)])
        self.done.results.repeat([entry.record.row])

    def _has_updated_deleted(self, entry: LicenseEntry, place: Found) -> bool:
        """Whether the row has updated a license that was deleted since; it counts as updated."""
        row = self.job.maker(entry.record.row)
        graves = [grave for grave in place.deleted if row in grave.get("applied_rows", ())]
        if not graves:
            return False
        self.done.updated_licenses += 1
        self.done.results.updated({entry.record.row: None})
        self.done.results.note([(entry.record.row, id_of_tombstone(graves[0]), 0, 0)])
        return True

    def _faults_of_missing(self, entry: LicenseEntry) -> Faults:
        if self.job.on_missing == "refuse":
            return [missing_fault(entry)]
        row = entry.record.row
        is_planned = row in self.job.repeated or self.job.may_create(row)
        return entry.unissued or ([] if is_planned else self.job.unplanned(row, "created"))

    def _write(self, entries: list[LicenseEntry]) -> list[Placed]:
        """Insert the licenses: the entries whose licenses this job created, with their ids.

        If a license existed and no longer does, it was rolled back with its order, and is inserted
        again. If it was deleted, it still counts as created by its row, and is not created again;
        for other files and orders its key is free. If a pending order has the license, its outcome
        is awaited, as orders do for users: the license counts as existing only after the commit.
        """
        made: list[Placed] = []
        waiting, polls = [(entry, 0) for entry in entries], 0
        self.bundles.expect(entries)
        while waiting:
            names = ((entry.key, attempt) for entry, attempt in waiting)
            ids = record_ids(self.job.company, "license", names)
            known = [(*each, id) for each, id in zip(waiting, ids, strict=True)]
            reads = self.dry_run or self.complete or self.job.on_missing == "refuse"
            there = known if reads else self._insert(known, made)
            found = get_all(
                self.pool, LICENSES, [(dynamo.partition(self.job.company, id),) for *_, id in there]
            )
            pending = set() if reads else self._pending(found.values())
            waiting = []
            self._drop_existing(there, found)
            for entry, attempt, id in there:
                item = found.get((dynamo.partition(self.job.company, id),))
                if item is not None and is_deleted(item):
                    if item.get("made_by") == self.job.maker(entry.record.row):
                        made.append((entry, id))
                        self.deleted.add(id)
                    elif not is_ours(self.job, item):
                        waiting.append((entry, attempt + 1))
                elif item is None and self._is_refused(entry, id, reads=reads):
                    continue
                elif item is None and not reads:
                    waiting.append((entry, attempt))
                elif item is None or item.get("made_by") == self.job.maker(entry.record.row):
                    made.append((entry, id))
                elif item.get("unsettled") in pending:
                    waiting.append((entry, attempt))
                elif not _is_named(entry, item):
                    waiting.append((entry, attempt + 1))
                else:
                    self.held[entry.key] = item
            if pending:
                self._wait_for(pending, polls)
                polls += 1
        return sorted(made, key=lambda pair: (pair[0].record.row, pair[0].copy))

    def _drop_existing(
        self,
        there: Iterable[tuple[LicenseEntry, int, int]],
        found: Mapping[dynamo.Key, Mapping[str, Any]],
    ) -> None:
        """Note which rows of bundles have their license, before deciding about the others."""
        for entry, _, id in there:
            item = (
                found.get((dynamo.partition(self.job.company, id),)) if entry.bundle_key else None
            )
            if item is not None and not is_deleted(item) and _is_named(entry, item):
                self.bundles.drop(entry)

    def _is_planned(self, entry: LicenseEntry, id: int) -> bool:
        """Whether a row may create its license with this id; always, except in a commit."""
        if self.job.planned is None:
            return True
        named = entry.customer_id
        customer_id = 0 if named is None else self.customers[named].id
        ids = id, self.orders[entry.order_id].id, customer_id
        return not self.job.unplanned(entry.record.row, "created", ids, entry.copy)

    def _with_users(self, entries: list[LicenseEntry]) -> list[LicenseEntry]:
        """Read the users of rows; returns the rows without those whose license exists.

        A license of another origin is found by its users before the row creates another one.
        """
        rows = [entry for entry in entries if entry.users]
        there: set[int] = set()
        if not self.job.updates:
            for entry, place in zip(rows, named_licenses(self.job, self.pool, rows), strict=True):
                maker = self.job.maker(entry.record.row)
                if place.found is not None and place.found.get("made_by") != maker:
                    self.held[entry.key] = place.found
                    there.add(entry.record.row)
        for polls in count():
            pending = self.users.read(rows)
            pending -= committed_rows(self.job.company, pending)
            if self.dry_run or not pending:
                break
            self._wait_for(pending, polls)
        return [entry for entry in entries if entry.record.row not in there]

    def _hold(self, entries: Sequence[LicenseEntry]) -> None:
        """Find the licenses of rows of a commit that must not create theirs.

        A row whose license is missing is refused, unless another row of the file creates it.
        """
        found = named_licenses(self.job, self.pool, entries)
        for entry, place in zip(entries, found, strict=True):
            if place.found is not None:
                self.held[entry.key] = place.found
            elif self.job.is_repeat(entry.record.row):
                self._repeat(entry, place)
            else:
                faults = self.job.unplanned(entry.record.row, "created")
                self.done.invalid.append(InvalidRecord(entry.record, faults))

    def _is_refused(self, entry: LicenseEntry, id: int, *, reads: bool) -> bool:
        """Refuse a row whose license does not exist, if the import does not create it."""
        if reads and self.complete:
            return True
        faults = [missing_fault(entry)] if reads and self.job.on_missing == "refuse" else []
        if not faults and not self._is_planned(entry, id):
            faults = self.job.unplanned(entry.record.row, "created", (id,), entry.copy)
        if not faults and entry.users:
            faults = self.users.faults(entry, id)
        if not faults and entry.bundle_key:
            faults = self.bundles.faults(entry)
        if faults and entry.bundle_key:
            self.bundles.drop(entry)
        if faults:
            self.done.invalid.append(InvalidRecord(entry.record, faults))
        return bool(faults)

    def _insert(
        self, known: list[tuple[LicenseEntry, int, int]], made: list[Placed]
    ) -> list[tuple[LicenseEntry, int, int]]:
        """Insert licenses as planned; adds the new ones to `made` and returns the others."""
        planned = [(entry, id) for entry, _, id in known if self._may_insert(entry, id)]
        new = self.inserts.insert(planned)
        made += new
        ids = {id for _, id in new}
        return [each for each in known if each[2] not in ids]

    def _may_insert(self, entry: LicenseEntry, id: int) -> bool:
        return self._is_planned(entry, id) and not (entry.users and self.users.faults(entry, id))

    def _pending(self, items: Iterable[dict[str, Any]]) -> set[str]:
        """The pending orders of these licenses."""
        rows = {row for item in items if (row := item.get("unsettled"))}
        return rows - committed_rows(self.job.company, rows)

    def _wait_for(self, pending: set[str], polls: int) -> None:
        """Wait for pending orders to commit; then roll them back as the sweeper would."""
        if polls < ATTEMPTS:
            self.pool.patience.wait(pause(polls))
            return
        for row in pending:
            roll_back_pending(self.job.company, row)

    def _settle(self, entries: list[LicenseEntry], made: list[Placed]) -> None:
        """Write the customers and orders of new licenses, and the pages that list all of them."""
        job, first, sold = self.job, self.writer.first, self.writer.sold
        drafts: dict[int, tuple[int, CustomerRow]] = {}
        last: tuple[int, int | None, str] | None = None
        ids: list[int] = []
        for entry, id in made:
            code, product_id = entry.model.product_code, entry.model.product_id
            if entry.bundle_key:
                code, product_id = self.bundles.sold_as(entry)
            place = entry.order_id, entry.customer_id, code
            if place != last:
                if entry.customer_id is not None and entry.customer is not None:
                    drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
                first.setdefault(entry.order_id, entry)
                held = sold.setdefault(place[:2], {})
                ids = held.setdefault(code, (product_id, []))[1]
                last = place
            ids.append(id)
        customers = customer_records(job, self.customers, drafts, self.done)
        self.pool.run(reference_pointers(job, self.customers, drafts, self.pool))
        orders = self.writer.records()
        insert_missing([customers, orders], self.pool)
        written = put_first(job, customers)
        self.writer.put_first()
        rows = first_rows(entries)
        self.pool.run(
            chain(
                customer_pages(job, self.customers, written, self.done, self.pool, rows),
                map(self._put_larger, self._pages(entries, made)),
                self.writer.additions(),
            )
        )

    def _pages(self, entries: Iterable[LicenseEntry], made: list[Placed]) -> Iterator[dynamo.Item]:
        """The pages of these rows, to be written after the licenses that they list."""
        ids = {(entry.record.row, entry.copy): id for entry, id in made}
        rows = (
            PageRow(
                entry.record.row, entry.model.product_id, ids.get((entry.record.row, entry.copy))
            )
            for entry in entries
            if not entry.unissued
        )
        job = self.job
        return map(page_item, pages(job.company, job.number, job.began, self.done.first_row, rows))

    def _put_larger(self, item: dynamo.Item) -> Exchange[None]:
        counter = "n" if "n" in item else "sold_n"
        return bulk.put_larger(ORDERS, item, counter, self.pool.patience)

    def _new(self, places: dict[int, Found], named: int | None) -> int:
        if named is None:
            return 0
        found = places[named].found
        return 0 if found and not is_ours(self.job, found) else places[named].id


def _is_named(entry: LicenseEntry, item: Mapping[str, Any]) -> bool:
    """Whether a stored license is that of a row, and not one whose id collides with it."""
    field, value = stored_name(entry)
    return bool(item.get(field) == value)

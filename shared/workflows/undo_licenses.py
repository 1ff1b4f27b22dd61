"""Undo rows of licenses: delete the licenses that they created, then their orders and customers."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.errors import Busy
from shared.import_undo import license_reason
from shared.licenses import License
from shared.row_entries import Import, LicenseEntry
from shared.row_keys import with_copies
from shared.store import bulk, dynamo
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_deletes
from shared.store.removals import Entries
from shared.store.retry import contended
from shared.store.tombstones import is_deleted
from shared.workflows.batch import Batch
from shared.workflows.held_keys import HeldKeys, group_by_key
from shared.workflows.named_licenses import named_licenses
from shared.workflows.undo_orders import undo_parts
from shared.workflows.undo_updates import (
    Decision,
    Stored,
    as_planned,
    decide,
    restore,
    undone_before,
)
from shared.workflows.undo_users import undo_users

_THREADS = 8
_ROWS_AT_ONCE = 500
"""Rows that one thread deletes one after another: they are on the same page."""
_MOST_OPERATIONS = 90
"""A license adds at most six to a transaction of at most 100."""
_MOST_BYTES = 3_000_000
"""Of the 4 MB of a transaction."""
_TRIES = 12


def undo_licenses(
    job: Import, entries: list[LicenseEntry], done: Batch, pool: bulk.Pool, *, dry_run: bool
) -> None:
    """Undo rows of licenses, or determine their results."""
    undo = _Licenses(job, done, pool, dry_run=dry_run)
    undo.run(entries)
    if undo.with_users and not dry_run:
        undo_users(job, pool, undo.with_users)
    undo_parts(job, entries, done, pool, undo.deleted, undo.kept, dry_run=dry_run)


@dataclass
class _Licenses:
    job: Import
    done: Batch
    pool: bulk.Pool
    dry_run: bool
    deleted: list[Mapping[str, Any]] = field(default_factory=list)
    """The stored licenses that a dry run would delete."""
    kept: list[Mapping[str, Any]] = field(default_factory=list)
    """The stored licenses that the rows created and that are kept."""
    named: Mapping[int, LicenseEntry] = field(default_factory=dict)
    """The rows with users."""
    with_users: list[tuple[LicenseEntry, int]] = field(default_factory=list)
    """Those whose license is deleted, with its id."""

    def run(self, entries: list[LicenseEntry]) -> None:
        self.named = {entry.record.row: entry for entry in entries if entry.users}
        deletes, restores = [], []
        for stored in self._stored(entries):
            decision = self._decide(stored)
            if decision == "delete":
                deletes.append(stored)
            elif decision == "restore":
                restores.append(stored)
            else:
                self._record(stored, decision)
        self._keep_bundles(deletes)
        if self.dry_run:
            for stored in (*deletes, *restores):
                self._record(stored, "reverted")
            self.deleted = [stored.item for stored in deletes]
            return
        for stored, decision in restore(self.job, LICENSES, restores, self.pool):
            self._record(stored, decision)
        bundles = {id for stored in deletes if (id := stored.item.get("bundle_license_id"))}
        self._delete_all([each for each in deletes if each.item["id"] not in bundles])
        last = [each for each in deletes if each.item["id"] in bundles]
        self._keep_bundles(last)
        self._delete_all(last)

    def _stored(self, entries: list[LicenseEntry]) -> list[Stored]:
        """The rows whose licenses exist, with these; counts those that the undo has deleted."""
        job = self.job
        first, repeated, bundled = group_by_key(job, with_copies(job, entries))
        single = [*first.values(), *repeated]
        there = []
        for entry, place in zip(single, named_licenses(job, self.pool, single), strict=True):
            before = undone_before(job, entry.record.row, place.deleted)
            if before is not None:
                self._reverted(entry.record.row, before)
            elif place.found is not None:
                there.append((entry, place.found))
        others = Batch(self.done.first_row)  # a row of a bundle without licenses has no outcome
        held = HeldKeys(job, self.pool, others, {}).existing(there, bundled)
        return [
            Stored(entry.record, (dynamo.partition(job.company, item["id"]),), item)
            for entry, item in held
        ]

    def _decide(self, stored: Stored) -> Decision:
        decision = decide(self.job, stored.record.row, stored.item)
        if decision == "delete":
            decision = license_reason(stored.item) or decision
        return as_planned(self.job, stored.record.row, decision)

    def _record(self, stored: Stored, decision: Decision) -> None:
        row, id = stored.record.row, stored.item["id"]
        if decision == "reverted":
            self._reverted(row, id)
        elif decision != "nothing":
            self.done.kept_licenses += 1
            self.done.results.undo(row, "license_id", id, decision)
            if stored.item.get("made_by") == self.job.maker(stored.record.row):
                self.kept.append(stored.item)

    def _keep_bundles(self, deletes: list[Stored]) -> None:
        """Keep the license of a bundle of which a member was kept: they have the same key."""
        named = {id for item in self.kept if (id := item.get("bundle_license_id"))}
        for stored in [each for each in deletes if each.item["id"] in named]:
            deletes.remove(stored)
            self._record(stored, "has_members")

    def _reverted(self, row: int, id: int) -> None:
        self.done.reverted_licenses += 1
        self.done.results.undo(row, "license_id", id)
        if entry := self.named.get(row):
            self.with_users.append((entry, id))

    def _delete_all(self, deletes: Sequence[Stored]) -> None:
        pages: dict[int, list[Stored]] = {}
        for stored in deletes:
            page = (stored.record.row - self.done.first_row) // _ROWS_AT_ONCE
            pages.setdefault(page, []).append(stored)
        turns = self.pool.patience.turns
        with turns.released(), ThreadPoolExecutor(_THREADS) as executor:
            results = [*executor.map(self._delete, pages.values())]
        for stored, decision in (each for of in results for each in of):
            self._record(stored, decision)

    def _delete(self, rows: Sequence[Stored]) -> list[tuple[Stored, Decision]]:
        """Delete licenses, each in one transaction with its entries in orders and lists."""
        results: list[tuple[Stored, Decision]] = []
        waiting, failures = [*rows], contended(_TRIES)
        entries = self._entries()
        while waiting:
            self.pool.patience.check()
            some = self._fitting(waiting, entries)
            licenses = [License.model_validate(stored.item) for stored in some]
            deletes = license_deletes(
                self.job.company, licenses, token=self.job.undo_token, now=entries.now
            )
            if dynamo.write([*deletes, *entries.writes()]):
                entries.settle()
                self.pool.patience.progressed = True
                results += [(stored, "reverted") for stored in some]
                waiting, failures = waiting[len(some) :], contended(_TRIES)
                continue
            if next(failures, None) is None:
                raise Busy
            entries = self._entries()
            decided = self._read_again(waiting)
            results += [each for each in decided if each[1] != "delete"]
            waiting = [stored for stored, decision in decided if decision == "delete"]
        return results

    def _entries(self) -> Entries:
        return Entries(self.job.company, datetime.now(UTC))

    def _fitting(self, waiting: Sequence[Stored], entries: Entries) -> Sequence[Stored]:
        """The first licenses that fit into one transaction, after their entries were read."""
        size = 0
        for count, stored in enumerate(waiting):
            size += dynamo.size_of({"Update": dict(stored.item)})
            operations = count + len(entries.changed)
            if count and (operations > _MOST_OPERATIONS or size > _MOST_BYTES):
                return waiting[:count]
            entries.read([License.model_validate(stored.item)])
            size_of_entries = entries.changed_bytes if not count % 8 else 0
            if size + size_of_entries > _MOST_BYTES:
                return waiting[: count + 1]
        return waiting

    def _read_again(self, rows: Iterable[Stored]) -> list[tuple[Stored, Decision]]:
        """What becomes of licenses that may have changed; one that is gone has no outcome."""
        waiting = [*rows]
        found = dynamo.get_many((LICENSES, stored.key) for stored in waiting)
        results: list[tuple[Stored, Decision]] = []
        for stored in waiting:
            item = found.get((LICENSES, stored.key), {})
            if not item or is_deleted(item):
                is_undone = item.get("deleted_by") == self.job.undo_token
                results.append((stored, "reverted" if is_undone else "nothing"))
            else:
                again = stored._replace(item=item)
                results.append((again, self._decide(again)))
        return results

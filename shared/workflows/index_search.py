"""Keep the search index up to date with changes of customers, orders and licenses; rebuild it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from shared.events import Change
from shared.orders import FIRST_PART
from shared.search import Entry, Kind, entries_of, entry_changes, latest, tokens_of
from shared.store import dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.licenses import TABLE as LICENSES
from shared.store.orders import TABLE as ORDERS
from shared.store.patience import Patience
from shared.store.search_index import (
    OLDEST,
    TABLE,
    entry_in,
    replace_entry,
    scanned,
    stored_entries,
    version_of,
    write_entries,
)

_CUSTOMER = "customer#"
_FIELDS: Mapping[Kind, Sequence[str]] = {
    "customer": ("email", "first_name", "last_name", "company_name"),
    "license": ("validity_period", "enabled"),
    "order": ("store_id",),
}
_LISTED = "attribute_exists(validity_period) OR attribute_exists(enabled)"
"""The licenses that have entries; `enabled` is stored only if it is false."""


_KINDS: Mapping[str, Kind] = {CUSTOMERS: "customer", ORDERS: "order", LICENSES: "license"}


class Indexed(NamedTuple):
    """How many of the first changes are done, with how many entries, and why the next is not."""

    changes: int
    entries: int
    error: Exception | None


class Rebuilt(NamedTuple):
    """What a part of a rebuild has read and corrected."""

    read: int
    written: int
    removed: int


def index_changes(changes: Sequence[Change], patience: Patience) -> Indexed:
    """Write the entries of changes, in any order and any number of times.

    Stops before the first change whose entries can't be made. Raises OutOfTime or Busy if the
    index does not accept the entries.
    """
    entries: list[Entry] = []
    error, end = None, len(changes)
    for index, change in enumerate(changes):
        try:
            entries += _entries(change)
        except Exception as wrong:  # noqa: BLE001  # the changes before it are indexed
            error, end = wrong, index
            break
    wanted = latest(entries)
    write_entries(wanted, patience)
    return Indexed(end, len(wanted), error)


def rebuild(patience: Patience) -> Iterator[Rebuilt]:
    """Write entries that are missing or wrong, and remove those without a record, batch by batch.

    The stage can be in use. A stored entry is read before its record, and replaced only if it still
    has the same version, so no newer change is overwritten.
    """
    yield from _add_missing("customer", CUSTOMERS, "begins_with(sk, :sk)", _CUSTOMER, patience)
    yield from _add_missing("order", ORDERS, "sk = :sk", FIRST_PART, patience)
    yield from _add_missing("license", LICENSES, _LISTED, None, patience)
    yield from _remove_stale()


def _entries(change: Change) -> list[Entry]:
    kind = _kind(change.sk)
    if kind is None:
        return []
    company, id = _split(change.pk)
    images = change.before, change.after
    return entry_changes(company, kind, id, images, version_of(change.sequence))


def _kind(sk: str) -> Kind | None:
    if not sk:
        return "license"
    if sk.startswith(_CUSTOMER):
        return "customer"
    return "order" if sk == FIRST_PART else None


def _add_missing(
    kind: Kind, table: str, condition: str, sk: str | None, patience: Patience
) -> Iterator[Rebuilt]:
    for records in scanned(table, _FIELDS[kind], condition, {"sk": sk} if sk else {}):
        entries = {(entry.pk, entry.sk): entry for each in records for entry in _wanted(kind, each)}
        stored = stored_entries(entries)
        wrong = {
            (table, (record["pk"], record["sk"]) if sk else (record["pk"],))
            for record in records
            if any(_differs(entry, stored) for entry in _wanted(kind, record))
        }
        missing: list[Entry] = []
        written = 0
        for record in dynamo.get_many(wrong, select=_FIELDS[kind]).values():
            for entry in _wanted(kind, record):
                before = stored.get((entry.pk, entry.sk))
                if before is None:
                    missing.append(entry)
                elif _differs(entry, stored):
                    written += replace_entry(before, entry._replace(version=before.version))
        write_entries(latest(missing), patience)
        yield Rebuilt(len(records), written + len(missing), 0)


def _differs(entry: Entry, stored: Mapping[tuple[str, str], Entry]) -> bool:
    """Whether an entry is missing, or has other words."""
    before = stored.get((entry.pk, entry.sk))
    return before is None or before.words != entry.words


def _remove_stale() -> Iterator[Rebuilt]:
    for items in scanned(TABLE, ("version", "words"), "attribute_exists(words)", {}):
        entries = [entry_in(item) for item in items]
        keys = {entry: _record_key(entry) for entry in entries}
        found = dynamo.get_many(
            set(keys.values()), select=[name for names in _FIELDS.values() for name in names]
        )
        removed = 0
        for entry, key in keys.items():
            kind = _KINDS[key[0]]
            token = entry.sk.rpartition("#")[0]
            if token not in tokens_of(kind, found.get(key, {})):
                removed += replace_entry(entry, entry._replace(words=()))
        yield Rebuilt(len(items), 0, removed)


def _record_key(entry: Entry) -> tuple[str, dynamo.Key]:
    """The table and the key of an entry's record."""
    company, kind, _ = entry.pk.split("#", 2)
    id = entry.sk.rpartition("#")[2]
    pk = f"{company}#{id}"
    if kind == "license":
        return LICENSES, (pk,)
    if kind == "customer":
        return CUSTOMERS, (pk, f"{_CUSTOMER}{id}")
    return ORDERS, (pk, FIRST_PART)


def _wanted(kind: Kind, record: Mapping[str, Any]) -> list[Entry]:
    company, id = _split(record["pk"])
    return entries_of(company, kind, id, tokens_of(kind, record), OLDEST)


def _split(pk: str) -> tuple[str, int]:
    company, _, id = pk.partition("#")
    return company, int(id)

"""Licenses, in the table Licenses: one item each, at an id that is derived from its key.

Licenses of an order that is too large for one transaction are written before the order. Their
`unsettled` names the order's row: they are visible once that row exists.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from shared.licenses import OWN, License, compared
from shared.store import dynamo
from shared.store.lookup import Lookup, find
from shared.store.tombstones import is_deleted, tombstone
from shared.store.writer import writer_attribute
from shared.values import record_id

TABLE = "LICENSES_TABLE"
ORDERS = "ORDERS_TABLE"
MOST_REMEMBERED = 10_000
_committed: dict[str, None] = {}
"""`<company>/<row>` of orders that this process knows to be committed.

A commit is final, so these rows are never read again. Pending orders are read each time."""
BRIEF = (
    "id",
    "license_key",
    "product_code",
    "order_id",
    "order_store_id",
    "unsettled",
    "deleted_at",
)


def license_puts(
    company: str, licenses: Iterable[License], unsettled: str | None = None
) -> Iterator[dict[str, Any]]:
    """The puts of new licenses, for transactions, each of which fails if the key exists.

    `unsettled` is the row of their order if they are written before it. Licenses like the previous
    one share the values of their items.
    """
    free, values = "attribute_not_exists(pk)", {}
    if unsettled:
        free, values = f"{free} OR unsettled = :row", {"row": unsettled}
    operation = dynamo.put(TABLE, {}, free, **values)["Put"]
    shared: dynamo.Item = {}
    for lic, same in compared(licenses):
        if not same:
            terms = lic.model_dump(exclude_defaults=True, exclude=set(OWN))
            shared = dynamo.to_item({**terms, "unsettled": unsettled})
        own = {name: getattr(lic, name) for name in OWN}
        own["pk"] = dynamo.partition(company, lic.id)
        yield {"Put": {**operation, "Item": {**shared, **dynamo.to_item(own)}}}


def stored_licenses(company: str, ids: Iterable[int]) -> dict[int, License]:
    """The licenses with these ids, including invisible ones."""
    keys = [(TABLE, (dynamo.partition(company, id),)) for id in ids]
    found = dynamo.get_many(keys)
    return {
        item["id"]: License.model_validate(item) for item in found.values() if not is_deleted(item)
    }


def licenses_by_id(company: str, ids: Iterable[int]) -> list[License]:
    """The visible licenses with these ids, in the given order."""
    wanted = list(ids)
    stored = stored_licenses(company, wanted)
    visible = committed_rows(company, (lic.unsettled for lic in stored.values()))
    return [lic for id in wanted if (lic := stored.get(id)) and lic.unsettled in visible]


def licenses_within(
    company: str, ids: Iterable[int], most_bytes: int
) -> tuple[list[License], list[int]]:
    """The visible licenses with the first of these ids, and the ids that were not read.

    Reading stops after `most_bytes` of JSON, so that licenses of 390 KB do not exhaust memory.
    """
    waiting = list(ids)
    stored: dict[int, License] = {}
    read: list[int] = []
    while waiting and most_bytes > 0:
        batch, waiting = waiting[:100], waiting[100:]
        found = stored_licenses(company, batch)
        most_bytes -= sum(len(lic.model_dump_json()) for lic in found.values())
        stored |= found
        read += batch
    visible = committed_rows(company, (lic.unsettled for lic in stored.values()))
    shown = [lic for id in read if (lic := stored.get(id)) and lic.unsettled in visible]
    return shown, waiting


def get_license(company: str, id: int) -> License | None:
    found = licenses_by_id(company, [id])
    return found[0] if found else None


def license_lookup(company: str, key: str, member_code: str | None = None) -> Lookup:
    """The lookup of the license with a key; of a bundle's member with its `member_code`."""
    place = (key, member_code) if member_code else (key,)
    return Lookup(
        TABLE,
        "license_key",
        key,
        lambda attempt: record_id(company, "license", *place, attempt=attempt),
        lambda id: [(dynamo.partition(company, id),)],
    )


def licenses_with_key(company: str, key: str) -> list[License]:
    """The license with this key; for a bundle, the license of the bundle itself."""
    lookup = license_lookup(company, key)
    find([lookup])
    return visible_licenses(company, [lookup])


def visible_licenses(company: str, lookups: Iterable[Lookup]) -> list[License]:
    """The licenses that lookups have found, without those that are not visible."""
    found = [License.model_validate(each.found) for each in lookups if each.found]
    visible = committed_rows(company, (lic.unsettled for lic in found))
    return [lic for lic in found if lic.unsettled in visible]


def license_briefs(company: str, ids: Iterable[int]) -> list[dict[str, Any]]:
    """The visible licenses with these ids, in the given order, without their terms."""
    wanted = list(ids)
    keys = [(TABLE, (dynamo.partition(company, id),)) for id in wanted]
    read = dynamo.get_many(keys, select=BRIEF)
    found = {key: item for key, item in read.items() if not is_deleted(item)}
    visible = committed_rows(company, (item.get("unsettled") for item in found.values()))
    stored = (found.get(key) for key in keys)
    return [item for item in stored if item and item.get("unsettled") in visible]


def license_changes(
    company: str, changes: Iterable[tuple[License, License]]
) -> list[dict[str, Any]]:
    """The puts of changed licenses, as pairs of after and before, for a transaction.

    It fails if one of them was changed since it was read. The lock is `updated_at`.
    """
    return [
        dynamo.put(
            TABLE,
            dynamo.record_item(after, pk=dynamo.partition(company, after.id), **writer_attribute()),
            "updated_at = :before",
            before=before.updated_at,
        )
        for after, before in changes
    ]


def license_deletes(
    company: str, licenses: Iterable[License], *, token: str, now: datetime
) -> list[dict[str, Any]]:
    """The puts of tombstones in place of licenses, for a transaction.

    It fails if one of them was changed or deleted since it was read. A tombstone keeps the import
    rows that created and updated the license, which may run again.
    """
    puts = []
    for lic in licenses:
        kept = {"made_by": lic.made_by, "applied_rows": lic.applied_rows}
        grave = tombstone((dynamo.partition(company, lic.id),), token=token, now=now, **kept)
        puts.append(dynamo.put(TABLE, grave, "updated_at = :before", before=lic.updated_at))
    return puts


def members_of(company: str, bundle_license_id: int, ids: Iterable[int]) -> set[int]:
    """Those of these licenses that belong to a member of the bundle's license."""
    keys = {id: (TABLE, (dynamo.partition(company, id),)) for id in ids}
    found = dynamo.get_many(keys.values(), select=["bundle_license_id"])
    named = ((id, found.get(key, {}).get("bundle_license_id")) for id, key in keys.items())
    return {id for id, bundle_id in named if bundle_id == bundle_license_id}


def committed_rows(company: str, unsettled: Iterable[str | None]) -> set[str | None]:
    """The rows among `unsettled` values whose orders are committed; None is always included.

    Orders that this process knows to be committed cost no request.
    """
    rows = {row for row in unsettled if row}
    known = {row for row in rows if f"{company}/{row}" in _committed}
    committed = known | _read_committed(company, rows - known)
    return {None, *committed}


def forget_committed() -> None:
    """Clear the cache of committed orders."""
    _committed.clear()


def _read_committed(company: str, rows: set[str]) -> set[str]:
    """Read consistently which rows are committed, and cache these."""
    keys: dict[str, tuple[str, str]] = {}
    for row in rows:
        order_id, part, _ = row.split("/")
        keys[row] = (dynamo.partition(company, int(order_id)), part)
    found = dynamo.get_many([(ORDERS, key) for key in keys.values()], select=["fingerprint"])
    committed = {
        row
        for row, key in keys.items()
        if found.get((ORDERS, key), {}).get("fingerprint") == row.rpartition("/")[2]
    }
    if len(_committed) + len(committed) > MOST_REMEMBERED:
        _committed.clear()
    _committed.update({f"{company}/{row}": None for row in committed})
    return committed

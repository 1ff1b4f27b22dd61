"""Take deleted licenses out of the rows and pages that list them.

Entries of lists have the ids of licenses, and their number (`n`, or `sold_n` in the list of a
product). A removal rewrites them, and counts in `removed` how many licenses it took out. Writers
compare both numbers: `n` grows while a batch of an import writes an entry, and `removed` never
shrinks, so an entry never has the same two numbers with other licenses.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.licenses import License
from shared.orders import FIRST_PART
from shared.store import dynamo
from shared.store.newest_first import ids_of, packed, unpacked

TABLE = "ORDERS_TABLE"
MOST_MEMBERS = 50
"""Members of a bundle."""
type _Key = tuple[str, str]

_COUNTS = ("n", "sold_n")
_SELECTED = (
    *("sk", "n", "sold_n", "removed", "ids", "items", "added", "customer_orders"),
    *("updated_at", "added_at", "rows_from"),
)
_ROWS = (FIRST_PART, "append#", "rows#")


@dataclass
class Entries:
    """The entries of lists that have some licenses, as they were read, and without these."""

    company: str
    now: datetime
    stored: dict[_Key, dict[str, Any]] = field(default_factory=dict)
    changed: dict[_Key, dict[str, Any]] = field(default_factory=dict)

    def read(self, licenses: Iterable[License]) -> bool:
        """Read the entries of these licenses; False if a license of an order is in none of them.

        An imported license can be in none: if its file expired before a batch was completed.
        """
        is_complete = True
        for lic in licenses:
            pk = dynamo.partition(self.company, lic.order_id)
            if (pk, FIRST_PART) not in self.stored:
                found = dynamo.query(
                    TABLE, "pk = :pk", {"pk": pk}, consistent=True, select=("pk", *_SELECTED)
                )
                self.stored |= {(pk, item["sk"]): item for item in found}
            part = self._remove_from_order(lic)
            job, _, row = (lic.made_by or "").removeprefix("import ").partition("#")
            if row:
                self._remove_from_pages(lic, int(job), int(row), part)
            elif part is None:
                is_complete = False
        return is_complete

    def issued_after(self, lic: License) -> list[int]:
        """The licenses that were issued next to this one and after it; a bundle's members are."""
        pk = dynamo.partition(self.company, lic.order_id)
        for key, row in self.stored.items():
            for item in row.get("items", ()) if key[0] == pk else ():
                if lic.id in (ids := item["license_ids"]):
                    at = ids.index(lic.id)
                    return list(ids[at + 1 : at + 1 + MOST_MEMBERS])
        return []

    def writes(self) -> list[dict[str, Any]]:
        """The updates of all entries, for a transaction that fails if one of them has changed."""
        return [self._update(key) for key in self.changed]

    def settle(self) -> None:
        """Record that the updates are written, so that more licenses can be taken out."""
        self.stored |= self.changed
        self.changed = {}

    @property
    def changed_bytes(self) -> int:
        """An upper bound of the size of the entries to be updated."""
        return sum(dynamo.size_of({"Update": self.stored[key]}) for key in self.changed)

    def _remove_from_order(self, lic: License) -> str | None:
        """Take a license out of its order; returns the row that had it, or None."""
        pk = dynamo.partition(self.company, lic.order_id)
        part = next(
            (
                key[1]
                for key, item in self.stored.items()
                if key[0] == pk and key[1].startswith(_ROWS) and lic.id in ids_of(item)
            ),
            None,
        )
        if part is None:
            return None
        self._take_out((pk, part), lic.id)
        if part != FIRST_PART:
            first = self._changing((pk, FIRST_PART))
            first["added"] = first.get("added", 0) - 1
            first["added_at"] = max(dynamo.stamp(self.now), first.get("added_at", ""))
        for sk in (f"issued#{part}", f"sold#{lic.product_id}#{part}"):
            if (pk, sk) in self.stored:
                self._take_out((pk, sk), lic.id)
        return part

    def _remove_from_pages(self, lic: License, job: int, row: int, part: str | None) -> None:
        """Take an imported license off the page of its row, and off that of its product."""
        pk = f"{self.company}#job#{job}"
        page = self._find(pk, "page#", f"page#{row:010}", lic.id)
        if page is None:
            return
        self._take_out(page, lic.id)
        if "sold_n" in self.stored[page] or part is None:
            return
        order = self.stored[dynamo.partition(self.company, lic.order_id), part]
        first_row = order["rows_from"] if part == FIRST_PART else int(part.split("#")[2])
        prefix = f"sold#{first_row:010}#{lic.product_id}#"
        sold = self._find(pk, prefix, f"{prefix}~", lic.id)
        if sold is not None:
            self._take_out(sold, lic.id)

    def _find(self, pk: str, first: str, last: str, id: int) -> _Key | None:
        """The nearest page before `last` that has a license."""
        for key in self.stored:
            if key[0] == pk and first <= key[1] <= last and id in ids_of(self.stored[key]):
                return key
        found = dynamo.query(
            TABLE,
            "pk = :pk AND sk BETWEEN :first AND :last",
            {"pk": pk, "first": first, "last": last},
            forward=False,
            consistent=True,
            limit=1 if first == "page#" else None,
        )
        for item in found:
            if id in ids_of(item):
                self.stored[pk, item["sk"]] = item
                return pk, item["sk"]
            if first == "page#":
                break
        return None

    def _changing(self, key: _Key) -> dict[str, Any]:
        """The entry with this key, as it will be written."""
        return self.changed.setdefault(key, dict(self.stored[key]))

    def _take_out(self, key: _Key, id: int) -> None:
        after = self._changing(key)
        if "items" in after:
            after["items"] = [
                {**item, "license_ids": [each for each in item["license_ids"] if each != id]}
                for item in after["items"]
            ]
        if "ids" in after:
            after["ids"] = packed([each for each in unpacked(after["ids"]) if each != id])
        for name in _COUNTS:
            if name in after:
                after[name] -= 1
        after["removed"] = after.get("removed", 0) + 1
        if "updated_at" in after:
            before = datetime.fromisoformat(after["updated_at"])
            after["updated_at"] = max(self.now, before).isoformat()
        if key[1].startswith("rows#") and not after["n"]:
            # A row without licenses is in no list of its customer, who can be deleted.
            after |= {"customer_id": None, "customer_orders": None}

    def _update(self, key: _Key) -> dict[str, Any]:
        stored, after = self.stored[key], self.changed[key]
        changes = {
            name: value
            for name, value in after.items()
            if name not in stored or value != stored[name]
        }
        names = (*_COUNTS, "removed", *(["added"] if "added" in changes else []))
        compared = {name: stored.get(name) for name in names if name in (*stored, "removed")}
        return dynamo.update(TABLE, key, changes, compared)


def pages_without(
    env_name: str, pk: str, first: str, last: str, ids: Collection[int]
) -> list[dict[str, Any]]:
    """The updates that take orders or customers off the pages of an import between two keys."""
    condition = "pk = :pk AND sk BETWEEN :first AND :last"
    values = {"pk": pk, "first": first, "last": last}
    updates = []
    for item in dynamo.query(env_name, condition, values, consistent=True):
        listed = unpacked(item["ids"])
        left = [each for each in listed if each not in ids]
        if gone := len(listed) - len(left):
            removed = item.get("removed")
            after = {"ids": packed(left), "n": len(left), "removed": (removed or 0) + gone}
            before = {"n": item["n"], "removed": removed}
            updates.append(dynamo.update(env_name, (pk, item["sk"]), after, before))
    return updates


def import_of(made_by: str) -> int:
    """The number of the import that created a record."""
    return int(made_by.removeprefix("import ").partition("#")[0])

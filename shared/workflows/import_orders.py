"""Write the orders of a batch of license rows: a new order has its licenses in its own row.

Licenses for an order that exists are in a row of their own, `rows#<job>#<first row>#<customer>`. It
is written in one transaction with their number in the order's row, so that it is counted once. The
licenses of a row belong to the customer of the row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from shared.errors import Busy
from shared.orders import FIRST_PART
from shared.row_entries import Import, LicenseEntry
from shared.store import bulk, dynamo
from shared.store.license_index import issued_place
from shared.store.newest_first import page_item
from shared.store.order_index import customer_keys, order_page, placed_entry
from shared.store.orders import TABLE as ORDERS
from shared.store.orders import added_licenses
from shared.store.retry import ATTEMPTS, attempts
from shared.store.signed_http import Exchange
from shared.store.tombstones import is_deleted
from shared.values import record_id
from shared.workflows.batch import Batch, Found, SharedRecords, is_ours
from shared.workflows.pending_orders import BYTES

type Sold = dict[str, tuple[int, list[int]]]
"""By product code: the id of the product, and the ids of its licenses."""

type _Key = tuple[int, int | None]

_OWN_LICENSES = ("items", "n", "rows_from", "removed")
_OF_ORDER = ("listed_by", "added", "added_at")


@dataclass
class BatchOrders:
    """The orders of a batch's new licenses: by the id that rows name, and by customer."""

    job: Import
    pool: bulk.Pool
    done: Batch
    places: dict[int, Found]
    customers: dict[int, Found]
    first: dict[int, LicenseEntry] = field(default_factory=dict)
    """The first row of each order."""
    sold: dict[_Key, Sold] = field(default_factory=dict)
    item_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    listed: list[int] = field(default_factory=list)
    """The orders that this batch created and lists."""
    others: list[_Key] = field(default_factory=list)
    """The keys of `sold` whose licenses are not in the own row of their order."""

    @cached_property
    def began(self) -> str:
        return self.job.began.isoformat()

    def item_id(self, order_id: int, product_code: str) -> int:
        """The id of the item that has all licenses of a product that imports add to an order."""
        place = order_id, product_code
        known = self.item_ids.get(place)
        if known is None:
            known = record_id(self.job.company, "item", order_id, "import", product_code)
            self.item_ids[place] = known
        return known

    def records(self) -> SharedRecords:
        """The orders as these rows want them, to be written if they do not exist."""
        rows = {named: entry.record.row for named, entry in self.first.items()}
        return SharedRecords(ORDERS, self.places, rows, self._order)

    def put_first(self) -> None:
        """Give orders that existed the values of the file's first row, after `insert_missing`."""
        made = self.done.made.setdefault("orders", [])
        for named, entry in self.first.items():
            place = self.places[named]
            if place.found is not None and not is_ours(self.job, place.found):
                continue
            made.append(place.id)
            if place.found is None or place.found["listed_by"] == self.done.first_row:
                self.listed.append(place.id)
            if place.found is not None:
                self._put_earlier(place, self._order(named), entry.record.row)
        self.others = [each for each in self.sold if not self._put_own(*each)]

    def additions(self) -> Iterator[Exchange[None]]:
        """Add the licenses of other orders, and list the orders that this batch created."""
        yield from map(self._add_all, self._distinct())
        job, first_row = self.job, self.done.first_row
        if self.listed:
            page = order_page(
                job.company,
                job.number,
                job.began,
                first_row,
                self.listed,
                listed=not job.has_order_times,
            )
            yield bulk.put_larger(ORDERS, page_item(page), "n", self.pool.patience)
        if job.has_order_times:
            yield from map(self._list, bulk.batches(self._placed()))

    def _placed(self) -> Iterator[dict[str, Any]]:
        """The items that list the orders which this batch created."""
        listed = {*self.listed}
        for named in self.first:
            if self.places[named].id in listed:
                yield placed_entry(self.job.company, self.places[named].found or self._order(named))

    def _list(self, entries: Sequence[dict[str, Any]]) -> Exchange[None]:
        """Insert the items that list orders; one that exists may be of an earlier row, and stays.

        A write that replaces an order replaces its item too, in the same transaction.
        """
        yield from bulk.insert_all(ORDERS, bulk.inserts(ORDERS, entries), self.pool.patience)

    def _order(self, named: int) -> dict[str, Any]:
        """The record of an Order, made without a model, because a batch has thousands."""
        job, entry, id, began = self.job, self.first[named], self.places[named].id, self.began
        row = entry.order
        customer_id = self._customer_id(entry.customer_id)
        sold = self.sold[named, entry.customer_id]
        placed = began if row.created_at is None else row.created_at.isoformat()
        return {
            "id": id,
            "store_id": entry.store_id,
            "customer_id": customer_id,
            "type": None if row.type == "normal" else row.type,
            "is_test": row.is_test or None,
            "is_trial": row.is_trial or None,
            "download_id": row.download_id,
            "language": row.language,
            "campaign_params": row.campaign_params,
            "metadata": row.metadata,
            "made_by": job.maker(entry.record.row),
            "created_at": placed,
            "updated_at": placed,
            "listed_by": self.done.first_row,
            "rows_from": self.done.first_row,
            "pk": dynamo.partition(job.company, id),
            "sk": FIRST_PART,
            "items": self._items(id, sold),
            **self._keys(id, FIRST_PART, _count(sold), customer_id),
        }

    def _part(
        self,
        order: Mapping[str, Any],
        first_row: int,
        customer_id: int | None,
        items: list[dict[str, Any]],
        count: int,
    ) -> dict[str, Any]:
        """The row that adds the licenses of a batch and a customer to an order."""
        part = f"rows#{self.job.number}#{first_row:010}#{customer_id or 0}"
        return {
            "id": order["id"],
            "part": part,
            "store_id": order["store_id"],
            "customer_id": customer_id,
            "created_at": self.began,
            "updated_at": self.began,
            "pk": dynamo.partition(self.job.company, order["id"]),
            "sk": part,
            "items": items,
            **self._keys(order["id"], part, count, customer_id),
        }

    def _keys(
        self, order_id: int, part: str, count: int, customer_id: int | None
    ) -> dict[str, Any]:
        place = issued_place(self.job.began, order_id, part)
        if part == FIRST_PART and self.job.has_order_times:
            place = f"{place}#{FIRST_PART}"
        return customer_keys(self.job.company, place, count, customer_id)

    def _items(self, order_id: int, sold: Sold) -> list[dict[str, Any]]:
        return [
            {
                "id": self.item_id(order_id, product_code),
                "product_id": product_id,
                "product_code": product_code,
                "license_ids": ids,
            }
            for product_code, (product_id, ids) in sold.items()
        ]

    def _customer_id(self, named: int | None) -> int | None:
        return None if named is None else self.customers[named].id

    def _put_earlier(self, place: Found, wanted: dict[str, Any], row: int) -> None:
        """Replace an order that a later row of this job created.

        It keeps its licenses, unless it gets another customer: then they are moved to a row of
        their own, and the order gets those of this batch.
        """
        for _ in attempts():
            there = place.found
            if there is None or is_deleted(there):
                raise Busy  # no order is deleted while its import runs: this worker is too late
            is_same = there.get("customer_id") == wanted["customer_id"]
            is_late = int(there["made_by"].removeprefix(self.job.made)) > row
            # A run that saw fewer rows of this batch may have chosen the customer. It stays.
            if not is_late or (not is_same and there["rows_from"] == wanted["rows_from"]):
                return
            kept = _OF_ORDER + _OWN_LICENSES if is_same else _OF_ORDER
            after = wanted | {name: there[name] for name in kept if name in there}
            puts = []
            if self.job.has_order_times:
                puts.append(
                    dynamo.put(ORDERS, dynamo.to_item(placed_entry(self.job.company, after)))
                )
            if not is_same:
                customer_id, count = there.get("customer_id"), there["n"]
                part = self._part(there, there["rows_from"], customer_id, there["items"], count)
                part["removed"] = there.get("removed")
                after["added"] = there.get("added", 0) + count
                after.setdefault("added_at", dynamo.stamp(self.job.began))
                puts.append(dynamo.put(ORDERS, dynamo.to_item(part), "attribute_not_exists(pk)"))
            if dynamo.write([_replacement(after, there), *puts]):
                place.found = after
                return
            place.found = dynamo.get(ORDERS, (wanted["pk"], FIRST_PART))
        raise Busy

    def _put_own(self, named: int, customer: int | None) -> bool:
        """Complete the licenses in an order's own row; False if they belong in another row.

        The own row has the licenses of one batch and customer. An earlier run of this batch may
        have written it with fewer.
        """
        place, customer_id = self.places[named], self._customer_id(customer)
        sold = self.sold[named, customer]
        if place.found is None:
            return customer == self.first[named].customer_id
        for _ in attempts():
            there = place.found
            if (
                is_deleted(there)
                or not is_ours(self.job, there)
                or there["rows_from"] != self.done.first_row
                or there.get("customer_id") != customer_id
            ):
                return False
            if there["n"] >= _count(sold):
                return True
            after = there | {"items": self._items(place.id, sold), "n": _count(sold)}
            if dynamo.write([_replacement(after, there)]):
                place.found = after
                return True
            place.found = dynamo.get(ORDERS, (there["pk"], FIRST_PART)) or there
        raise Busy

    def _distinct(self) -> Iterator[Sequence[_Key]]:
        """The keys of `others` in groups that name each order once, as a transaction must."""
        waiting = self.others
        while waiting:
            taken: dict[int, _Key] = {}
            waiting = [each for each in waiting if taken.setdefault(each[0], each) is not each]
            yield from bulk.batches(taken.values())

    def _add_all(self, some: Sequence[_Key]) -> Exchange[None]:
        """Add licenses to several orders in one transaction, or else to each order by itself."""
        # The limit of 4 MB is that of the items, not of the request: updated rows count whole.
        stored = sum(dynamo.size_of({"Update": self.places[named].found}) for named, _ in some)
        if len(some) > 1 and stored <= BYTES:
            writes = [write for each in some for write in self._addition(*each)]
            if (yield from bulk.transact(ORDERS, writes, self.pool.patience)):
                return
        for each in some:
            yield from self._add(*each)

    def _add(self, named: int, customer: int | None) -> Exchange[None]:
        """Add licenses to an order, or those that an earlier run did not add."""
        part = self._part_of(named, customer)
        key = part["pk"], part["sk"]
        before: Mapping[str, Any] = {}
        for _ in range(ATTEMPTS):
            writes = self._addition(named, customer, before)
            if (yield from bulk.transact(ORDERS, writes, self.pool.patience)):
                return
            found = yield from bulk.get_all(ORDERS, [key], self.pool.patience)
            before = found.get(key, {})
            if before.get("n", 0) >= part["n"]:
                return
        raise Busy

    def _addition(
        self, named: int, customer: int | None, before: Mapping[str, Any] = MappingProxyType({})
    ) -> list[dict[str, Any]]:
        """The writes that add licenses to an order, to whose row `before` an earlier run did."""
        place, part = self.places[named], self._part_of(named, customer)
        part["removed"] = before.get("removed")
        condition, values = _numbers(before) if before else ("attribute_not_exists(pk)", {})
        put = dynamo.put(ORDERS, dynamo.to_item(part), condition, **values)
        count, at = part["n"] - before.get("n", 0), self.job.began
        return [put, added_licenses(self.job.company, place.id, count, at, after=_changed(place))]

    def _part_of(self, named: int, customer: int | None) -> dict[str, Any]:
        """The row of a key of `others`."""
        id, sold = self.places[named].id, self.sold[named, customer]
        order = {"id": id, "store_id": self.first[named].store_id}
        customer_id, first_row = self._customer_id(customer), self.done.first_row
        return self._part(order, first_row, customer_id, self._items(id, sold), _count(sold))


def _replacement(after: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """The put of an order's row, which fails if the row has changed."""
    numbers, values = _numbers(there)
    condition = f"made_by = :made AND {numbers} AND attribute_not_exists(added)"
    values["made"] = there["made_by"]
    if "added" in there:
        condition = f"made_by = :made AND {numbers} AND added = :added"
        values["added"] = there["added"]
    return dynamo.put(ORDERS, dynamo.to_item(after), condition, **values)


def _numbers(there: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The condition that a row has the licenses that were read, and its values."""
    if "removed" in there:
        return "n = :n AND removed = :removed", {"n": there["n"], "removed": there["removed"]}
    return "n = :n AND attribute_not_exists(removed)", {"n": there["n"]}


def _count(sold: Sold) -> int:
    return sum(len(ids) for _, ids in sold.values())


def _changed(place: Found) -> datetime | None:
    """When an order that existed was last changed."""
    if place.found is None:
        return None
    return datetime.fromisoformat(place.found.get("added_at") or place.found["updated_at"])

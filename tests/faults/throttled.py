"""A throttling DynamoDB: each write and read is charged to the buckets of `capacity`.

Units are AWS's: a write of a new item takes one per started KB, in the table and in each index
that has an entry of it ("Capacity unit consumption" in the Developer Guide; for indexes,
"Write Capacity Units" of "Using Global Secondary Indexes"); a transaction takes twice as many; a
conditional write that fails takes the units of the existing item.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.units import item_bytes
from tests.faults.capacity import Capacity, Charge
from tests.faults.dynamodb import Body, DynamoDB, Index, Item, Key, Refusal, Table

_SINGLE = {"partition": "ProvisionedThroughputExceededException", "table": "ThrottlingException"}
_STATEMENT = {"partition": "ProvisionedThroughputExceeded", "table": "ThrottlingError"}


class Packed(MutableMapping[Key, Item]):
    """Items as bytes, because a million dicts would not fit into memory."""

    def __init__(self, items: MutableMapping[Key, Item]) -> None:
        self._packed = {key: _packed(item) for key, item in items.items()}

    def __getitem__(self, key: Key) -> Item:
        item: Item = orjson.loads(self._packed[key])
        return item

    def __setitem__(self, key: Key, item: Item) -> None:
        self._packed[key] = _packed(item)

    def __delitem__(self, key: Key) -> None:
        del self._packed[key]

    def __contains__(self, key: object) -> bool:
        return key in self._packed

    def __iter__(self) -> Iterator[Key]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _packed(item: Item) -> bytes:
    """Copy the bytes, because orjson's result keeps its whole buffer allocated."""
    return memoryview(orjson.dumps(item)).tobytes()


class PackedTable(Table):
    """A table of packed items, without the history for lagging indexes."""

    def write(self, key: Key, item: Item | None) -> None:
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item


def packed(table: Table) -> PackedTable:
    items: Any = Packed(table.items)
    return PackedTable(table.names, table.indexes, items)


@dataclass
class ThrottledDynamoDB(DynamoDB):
    """The model of DynamoDB, with `capacity`."""

    capacity: Capacity = field(kw_only=True)

    def get_item(self, body: Body) -> Body:
        self._charge(self._reading(body["TableName"], body["Key"], body))
        return super().get_item(body)

    def batch_get_item(self, body: Body) -> Body:
        done: Body = {}
        left: Body = {}
        for name, keyed in body["RequestItems"].items():
            for key in keyed["Keys"]:
                fits = self._taken(self._reading(name, key, keyed)) is None
                part = (done if fits else left).setdefault(name, {**keyed, "Keys": []})
                part["Keys"].append(key)
        if not done:
            raise Refusal(_SINGLE["partition"])
        return super().batch_get_item({"RequestItems": done}) | {"UnprocessedKeys": left}

    def query(self, body: Body) -> Body:
        answer = super().query(body)
        name = body["TableName"]
        index = body.get("IndexName")
        items: list[Item] = answer["Items"]
        units = -(-sum(map(item_bytes, items)) // 4096) or 1
        resource = f"{name}/{index}" if index else name
        # In all queries of the product, the first value is the partition key.
        (partition, *_) = body["ExpressionAttributeValues"].values()
        half = 1 if body.get("ConsistentRead") else 0.5
        self._charge([Charge(resource, partition["S"], units * half, reads=True)])
        return answer

    def batch_write_item(self, body: Body) -> Body:
        done: Body = {}
        left: Body = {}
        for name, requests in body["RequestItems"].items():
            for request in requests:
                item = request["PutRequest"]["Item"]
                fits = self._taken(self._writing(name, self._table(name).key(item), item)) is None
                (done if fits else left).setdefault(name, []).append(request)
        if not done:
            raise Refusal(_SINGLE["partition"])
        return super().batch_write_item({"RequestItems": done}) | {"UnprocessedItems": left}

    def transact_write_items(self, body: Body) -> Body:
        parts = [next(iter(each.items())) for each in body["TransactItems"]]
        charges = [
            Charge(charge.resource, charge.key, 2 * charge.units)
            for kind, part in parts
            for charge in self._transacting(kind, part)
        ]
        if self._taken(charges):
            reasons = [{"Code": "ThrottlingError"}, *({"Code": "None"} for _ in parts[1:])]
            raise Refusal("TransactionCanceledException", CancellationReasons=reasons)
        return super().transact_write_items(body)

    def _insert(self, name: str, item: Item) -> Body:
        key = self._table(name).key(item)
        there = self._table(name).items.get(key)
        charges = self._writing(name, key, item) if there is None else [_in_table(name, key, there)]
        if what := self._taken(charges):
            return {"Error": {"Code": _STATEMENT[what]}, "TableName": name}
        return super()._insert(name, item)

    def _one(self, body: Body, key: Item, after: Item | None) -> None:
        name = body["TableName"]
        self._charge(self._writing(name, self._table(name).key(key), after))
        super()._one(body, key, after)

    def _reading(self, name: str, key: Item, how: Body) -> list[Charge]:
        table = self._table(name)
        place = table.key(key)
        item = table.items.get(place)
        units = -(-item_bytes(item) // 4096) if item else 1
        half = 1 if how.get("ConsistentRead") else 0.5
        return [Charge(name, place[0], units * half, reads=True)]

    def _writing(self, name: str, key: Key, after: Item | None) -> list[Charge]:
        table = self._table(name)
        before = table.items.get(key)
        larger = max((before or {}, after or {}), key=item_bytes)
        return [_in_table(name, key, larger), *_in_indexes(name, table, before, after)]

    def _transacting(self, kind: str, part: Body) -> list[Charge]:
        name, key = part["TableName"], self._key(part)
        if kind == "ConditionCheck":
            return [_in_table(name, key, self._table(name).items.get(key, {}))]
        return self._writing(name, key, self._after(kind, part))

    def _charge(self, charges: list[Charge]) -> None:
        if what := self._taken(charges):
            raise Refusal(_SINGLE[what])

    def _taken(self, charges: list[Charge]) -> str | None:
        return self.capacity.take(charges, self.now())


def charges_of(tables: dict[str, Table], names: set[str]) -> Iterator[Charge]:
    """Yield the units of writing each item of these tables once."""
    for name in names:
        table = tables[name]
        for key, item in table.items.items():
            yield _in_table(name, key, item)
            yield from _in_indexes(name, table, None, item)


def _in_table(name: str, key: Key, item: Item) -> Charge:
    return Charge(name, key[0], -(-item_bytes(item) // 1024) or 1)


def _in_indexes(
    name: str, table: Table, before: Item | None, after: Item | None
) -> Iterator[Charge]:
    for index_name, index in table.indexes.items():
        was, now = (_entry(table, index, item or {}) for item in (before, after))
        if was == now:
            continue
        moved = was and now and any(was[n] != now[n] for n in index.names)
        for entry in (was, now) if moved else (now or was,):
            if entry:
                units = -(-item_bytes(entry) // 1024)
                yield Charge(f"{name}/{index_name}", entry[index.names[0]]["S"], units)


def _entry(table: Table, index: Index, item: Item) -> Item:
    """Return an item's entry in an index; empty if the item is not in it."""
    if not all(name in item for name in index.names):
        return {}
    if index.holds is None:
        return item
    names = index.holds | set(index.names) | set(table.names)
    return {name: value for name, value in item.items() if name in names}

"""Tables of the model of DynamoDB: their items, and what may be stored in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.attribute_values import Item, check_keys, check_size, stored_item
from tests.faults.query import Index
from tests.faults.rules import invalid

type Key = tuple[str, ...]


@dataclass
class Table:
    """Items by key. `undone` has the item before each write, for reads of lagging indexes."""

    names: tuple[str, ...]
    indexes: Mapping[str, Index]
    items: dict[Key, Item] = field(default_factory=dict)
    undone: list[tuple[Key, Item | None]] = field(default_factory=list)

    def key(self, item: Mapping[str, Any]) -> Key:
        return tuple(item[name]["S"] for name in self.names)

    def key_given(self, key: Mapping[str, Any]) -> Key:
        """Return the key in a request; raises Refusal if it is invalid."""
        if key.keys() != set(self.names):
            raise invalid("key_schema", sorted(key))
        check_keys(stored_item(key), self.names, required=True)
        return self.key(key)

    def stored(self, item: Mapping[str, Any]) -> Item:
        """Return an item as stored; raises Refusal if it is invalid."""
        kept = stored_item(item)
        check_keys(kept, self.names, required=True)
        for index in self.indexes.values():
            check_keys(kept, index.names, required=False)
        check_size(kept)
        return kept

    def write(self, key: Key, item: Item | None) -> None:
        self.undone.append((key, self.items.get(key)))
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item

    def as_it_was(self, lag: int) -> dict[Key, Item]:
        """Return the items before the last `lag` writes."""
        items = dict(self.items)
        for key, before in reversed(self.undone[len(self.undone) - min(lag, len(self.undone)) :]):
            if before is None:
                items.pop(key, None)
            else:
                items[key] = before
        return items


def tables_of(template: Mapping[str, Any]) -> Iterator[tuple[str, Table]]:
    """Return every table of a template, empty, by its logical id."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            settings = resource["Properties"]
            indexes = {
                index["IndexName"]: Index(_names(index["KeySchema"]), _holds(index))
                for index in settings.get("GlobalSecondaryIndexes", ())
            }
            yield name, Table(_names(settings["KeySchema"]), indexes)


def _names(schema: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in schema)


def _holds(index: Mapping[str, Any]) -> frozenset[str] | None:
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    return frozenset(projection.get("NonKeyAttributes", ()))

"""Random parts of requests to DynamoDB: keys, items, and writes with conditions."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.tables import Table
from tests.models.expressions import NAMES, Writer, bad_value, value

type Body = dict[str, Any]

PARTITIONS, SORTS = ("a", "é"), ("0", "1", "10", "21", "b1", "é")
_FLAWED = 0.12
KB = 1024


@dataclass
class Parts:
    """Draws parts, one in eight of them with a mistake."""

    rng: random.Random
    tables: Mapping[str, Table]

    def table(self) -> tuple[str, Table]:
        return self.rng.choice(list(self.tables.items()))

    def flawed(self) -> bool:
        return self.rng.random() < _FLAWED

    def key(self, table: Table) -> Body:
        parts = (self.rng.choice(PARTITIONS), self.rng.choice(SORTS))
        return {name: {"S": part} for name, part in zip(table.names, parts, strict=False)}

    def any_key(self, table: Table) -> Body:
        """A key, which the service refuses now and then."""
        key = self.key(table)
        if not self.flawed():
            return key
        name = self.rng.choice(table.names)
        match self.rng.randrange(5):
            case 0:
                key[name] = {"S": ""}
            case 1:
                key[name] = {"N": "1"}
            case 2:
                del key[name]
            case 3:
                key["extra"] = {"S": "x"}
            case 4:
                key[name] = {"S": "k" * (2 * KB + 1 if name == table.names[0] else KB + 1)}
        return key

    def item(self, table: Table, key: Body, *, flawed: bool = True) -> Body:
        """An item: its key, the keys of some indexes, and some attributes."""
        item = {**key, **{n: value(self.rng) for n in self.rng.sample(NAMES, 3)}}
        for index in table.indexes.values():
            if self.rng.random() < 0.7:
                item |= self._index_key(table, index.names, key)
        if flawed and self.flawed():
            self._malform(item, table)
        return item

    def _index_key(self, table: Table, names: tuple[str, ...], key: Body) -> Body:
        """Sort keys of an index that no two items share, as in the product."""
        own = "/".join(str(next(iter(part.values()), "")) for part in key.values())[:100]
        parts = (self.rng.choice("xxxy"), f"{self.rng.choice('123')}#{own}")
        made = {name: {"S": part} for name, part in zip(names, parts, strict=True)}
        return {name: part for name, part in made.items() if name not in table.names}

    def _malform(self, item: Body, table: Table) -> None:
        indexed = [n for index in table.indexes.values() for n in index.names]
        indexed = [name for name in indexed if name not in table.names]
        match self.rng.randrange(3):
            case 0:
                item[self.rng.choice(NAMES)] = bad_value(self.rng)
            case 1 if indexed:
                item[self.rng.choice(indexed)] = self.rng.choice(({"S": ""}, {"N": "1"}))
            case 2:
                item["terms"] = {"L": [bad_value(self.rng)]}

    def conditional(self, part: Body, table: Table, *, odds: float = 0.6) -> Body:
        """The part with a condition or without one, and what its expressions name."""
        writer: Writer = part.pop("writer", None) or Writer(self.rng, table.names)
        if self.rng.random() < odds:
            text = writer.condition()
            part["ConditionExpression"] = writer.flaw(text) if self.flawed() else text
        return part | writer.given()

    def put(self) -> Body:
        name, table = self.table()
        item = self.item(table, self.any_key(table))
        return self.conditional({"TableName": name, "Item": item}, table)

    def update(self) -> Body:
        name, table = self.table()
        writer = Writer(self.rng, table.names)
        text = writer.update()
        if self.flawed():
            text = self._malformed_update(text, writer, table)
        part = {"TableName": name, "Key": self.any_key(table), "UpdateExpression": text}
        return self.conditional({**part, "writer": writer}, table)

    def _malformed_update(self, text: str, writer: Writer, table: Table) -> str:
        actions = ("SET", "REMOVE", "ADD")
        match self.rng.randrange(4):
            case 0 if "SET" not in text:
                return f"{text} SET {table.names[0]} = {writer.literal({'S': 'x'})}"
            case 1 if not any(action in text for action in actions[:1]):
                return f"{text} SET note = unheard"
            case 2 if "REMOVE" not in text:
                return f"{text} REMOVE missing, missing"
            case 3 if "ADD" not in text:
                return f"{text} ADD missing {writer.literal({'S': 'x'})}"
        return text

    def delete(self) -> Body:
        name, table = self.table()
        return self.conditional({"TableName": name, "Key": self.any_key(table)}, table)

    def check(self) -> Body:
        name, table = self.table()
        part: Body = {"TableName": name, "Key": self.any_key(table)}
        return self.conditional(part, table, odds=0.98)

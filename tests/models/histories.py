"""Random histories of requests to DynamoDB, on few keys, so that requests collide."""

import random
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from shared.store.dynamo import ITEM_BYTES
from tests.faults.attribute_values import stored_item
from tests.faults.tables import Table
from tests.models.expressions import NAMES, Writer
from tests.models.parts import KB, PARTITIONS, SORTS, Body, Parts

LENGTH = 40
_RUN = secrets.token_hex(4)
"""In tokens, which an emulator remembers longer than a run lasts."""


@dataclass(frozen=True)
class Step:
    """One request; of a walk, the first of as many as there are pages."""

    operation: str
    body: Body
    walk: bool = False


@dataclass
class History:
    """The steps that follow from a seed."""

    seed: int
    tables: Mapping[str, Table]
    lacks: frozenset[str] = frozenset()
    """Operations that the other service does not have."""
    sent: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"history {self.seed}")
        self.parts = Parts(self.rng, self.tables)

    def contents(self) -> dict[str, dict[str, Body]]:
        """What the tables hold at first: enough for a query to have an order and pages."""
        found: dict[str, dict[str, Body]] = {}
        for name, table in self.tables.items():
            found[name] = {}
            for parts in product(PARTITIONS, SORTS):
                key = {n: {"S": part} for n, part in zip(table.names, parts, strict=False)}
                if self.rng.random() < 0.6:
                    item = stored_item(self.parts.item(table, key, flawed=False))
                    found[name]["/".join(table.key(item))] = item
        return found

    def steps(self) -> Iterator[Step]:
        kinds = {
            self._put: 6,
            self._update: 6,
            self._delete: 2,
            self._get: 3,
            self._batch_get: 2,
            self._query: 6,
            self._transact: 7 * ("TransactWriteItems" not in self.lacks),
            self._again: "TransactWriteItems" not in self.lacks,
            self._batch_write: 2,
            self._insert: 3 * ("BatchExecuteStatement" not in self.lacks),
            self._limits: 1,
        }
        for _ in range(LENGTH):
            (make,) = self.rng.choices(list(kinds), list(kinds.values()))
            step = make()
            self.sent.append(step)
            yield step

    def _put(self) -> Step:
        return Step("PutItem", self.parts.put() | self._returned("NONE", "ALL_OLD"))

    def _update(self) -> Step:
        wanted = ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
        return Step("UpdateItem", self.parts.update() | self._returned(*wanted))

    def _delete(self) -> Step:
        return Step("DeleteItem", self.parts.delete() | self._returned("NONE", "ALL_OLD"))

    def _returned(self, *wanted: str) -> Body:
        return {"ReturnValues": self.rng.choice(wanted)} if self.rng.random() < 0.7 else {}

    def _get(self) -> Step:
        name, table = self.parts.table()
        key = self.parts.any_key(table)
        return Step("GetItem", {"TableName": name, "Key": key, **self._read(table)})

    def _read(self, table: Table) -> Body:
        """How items are read: consistently, whole or some attributes and a key."""
        writer = Writer(self.rng)
        body: Body = {"ConsistentRead": True}
        if self.rng.random() < 0.4:
            names = [table.names[0], *self.rng.sample(NAMES, 2)]
            if self.parts.flawed():
                names.append(self.rng.choice((names[0], names[1])))
            body["ProjectionExpression"] = ", ".join(writer.name(each) for each in names)
            if self.parts.flawed():
                body["ProjectionExpression"] += ", size"
        return body | writer.given()

    def _batch_get(self) -> Step:
        tables: Body = {}
        for name, table in self.rng.sample(list(self.tables.items()), self.rng.randint(1, 2)):
            keys = {str(key): key for key in (self.parts.key(table) for _ in range(4))}
            tables[name] = {"Keys": list(keys.values()), **self._read(table)}
            if self.parts.flawed():
                tables[name]["Keys"].append(tables[name]["Keys"][0])
        return Step("BatchGetItem", {"RequestItems": tables})

    def _query(self) -> Step:
        name, table = self.parts.table()
        index = self.rng.choice((None, *table.indexes))
        keys = table.indexes[index].names if index else table.names
        writer = Writer(self.rng)
        first = self.rng.choice(PARTITIONS if keys[0] in table.names else "xxxy")
        text = f"{writer.name(keys[0])} = {writer.literal({'S': first})}"
        if len(keys) == 2 and self.rng.random() < 0.7:
            text += f" AND {self._sort_condition(writer, keys[1])}"
        body: Body = {"TableName": name, "KeyConditionExpression": text}
        if index:
            body["IndexName"] = index
        if self.rng.random() < 0.8:
            body["ScanIndexForward"] = self.rng.random() < 0.5
        if self.rng.random() < 0.6:
            body["Limit"] = self.rng.randint(1, 4)
        if self.rng.random() < 0.3:
            wanted = self.rng.sample(keys, self.rng.randint(1, len(keys)))
            body["ProjectionExpression"] = ", ".join(writer.name(each) for each in wanted)
        if not index or self.parts.flawed():
            body["ConsistentRead"] = True
        walk = "Limit" in body
        if self.parts.flawed():
            walk = False
            self._malform_query(body, writer, table)
        return Step("Query", body | writer.given(), walk=walk)

    def _sort_condition(self, writer: Writer, name: str) -> str:
        bounds = sorted(self.rng.choices((*SORTS, "1#", "2#a", "3#~"), k=2))
        if self.parts.flawed():
            bounds.reverse()
        first, second = ({"S": bound} for bound in bounds)
        match self.rng.randrange(3):
            case 0:
                return f"begins_with({writer.name(name)}, {writer.literal(first)})"
            case 1:
                low, high = writer.literal(first), writer.literal(second)
                return f"{writer.name(name)} BETWEEN {low} AND {high}"
        operator = self.rng.choice(("=", "<", "<=", ">", ">="))
        return f"{writer.name(name)} {operator} {writer.literal(first)}"

    def _malform_query(self, body: Body, writer: Writer, table: Table) -> None:
        match self.rng.randrange(6):
            case 0:
                body["Limit"] = 0
            case 1:
                body["ExclusiveStartKey"] = self.parts.key(table) | {"extra": {"S": "x"}}
            case 2:
                body["IndexName"] = "no_such_index"
            case 3:
                body["KeyConditionExpression"] = f"note = {writer.literal({'S': 'x'})}"
                writer.names.clear()
                writer.values = {f":v{len(writer.values) - 1}": {"S": "x"}}
            case 4:
                key = self.parts.key(table)
                key[table.names[0]] = {"S": "elsewhere"}
                body["ExclusiveStartKey"] = key
                body.pop("IndexName", None)
            case 5:
                writer.values = {name: {"N": "1"} for name in writer.values}

    def _transact(self) -> Step:
        kinds = {
            "Put": self.parts.put,
            "Update": self.parts.update,
            "Delete": self.parts.delete,
            "ConditionCheck": self.parts.check,
        }
        parts: list[Body] = []
        taken: set[str] = set()
        for _ in range(self.rng.randint(1, 5)):
            kind = self.rng.choice(list(kinds))
            part = kinds[kind]()
            if self._place(part) in taken and not self.parts.flawed():
                continue
            taken.add(self._place(part))
            if self.rng.random() < 0.6:
                part = self._hopeful(kind, part)
            parts.append({kind: part})
        token = f"{_RUN}-{self.seed}-{len(self.sent)}"
        more = {"ClientRequestToken": token} if self.rng.random() < 0.5 else {}
        return Step("TransactWriteItems", {"TransactItems": parts, **more})

    def _place(self, part: Body) -> str:
        names = self.tables[part["TableName"]].names
        held = part["Key"] if "Key" in part else part["Item"]
        return str((part["TableName"], *(held.get(name) for name in names)))

    def _hopeful(self, kind: str, part: Body) -> Body:
        """The same part with a condition that is likely to hold, so that transactions pass."""
        kept = {name: held for name, held in part.items() if name in ("TableName", "Key", "Item")}
        (first, *_) = self.tables[part["TableName"]].names
        if kind == "Update":
            kept["UpdateExpression"] = "SET note = :now"
            kept["ExpressionAttributeValues"] = {":now": {"S": "now"}}
        if kind == "ConditionCheck":
            exists = self.rng.choice(("attribute_exists", "attribute_not_exists"))
            kept["ConditionExpression"] = f"{exists}({first})"
        return kept

    def _again(self) -> Step:
        """An earlier transaction, with its token; or another one with the token of an earlier."""
        tokens = [step for step in self.sent if "ClientRequestToken" in step.body]
        if not tokens:
            return self._transact()
        earlier = self.rng.choice(tokens)
        if self.rng.random() < 0.6:
            return earlier
        token = {"ClientRequestToken": earlier.body["ClientRequestToken"]}
        return Step("TransactWriteItems", self._transact().body | token)

    def _batch_write(self) -> Step:
        requests: list[Body] = []
        name, table = self.parts.table()
        taken: set[str] = set()
        for _ in range(self.rng.randint(1, 4)):
            key = self.parts.any_key(table)
            if str(key) in taken and not self.parts.flawed():
                continue
            taken.add(str(key))
            put = {"PutRequest": {"Item": self.parts.item(table, key)}}
            requests.append(put if self.rng.random() < 0.7 else {"DeleteRequest": {"Key": key}})
        return Step("BatchWriteItem", {"RequestItems": {name: requests}})

    def _insert(self) -> Step:
        statements: list[Body] = []
        taken: set[str] = set()
        for _ in range(self.rng.randint(1, 4)):
            name, table = self.parts.table()
            key = self.parts.key(table)
            if str((name, key)) in taken and not self.parts.flawed():
                continue
            taken.add(str((name, key)))
            item = self.parts.item(table, key)
            text = ",".join(f"'{each}':?" for each in item)
            statement = f'INSERT INTO "{name}" VALUE {{{text}}}'
            statements.append({"Statement": statement, "Parameters": list(item.values())})
        return Step("BatchExecuteStatement", {"Statements": statements})

    def _limits(self) -> Step:
        """A request that is one more than the service takes, or just as much."""
        name, table = self.parts.table()
        over = self.rng.random() < 0.5
        key = self.parts.key(table)
        match self.rng.randrange(3 if "TransactWriteItems" in self.lacks else 4):
            case 0:
                rest = (400 * KB + 1) if over else ITEM_BYTES
                rest -= sum(len(n) + len(part["S"].encode()) for n, part in key.items())
                item = key | {"note": {"S": "x" * (rest - len("note"))}}
                return Step("PutItem", {"TableName": name, "Item": item})
            case 1:
                keys = [self._numbered(table, number) for number in range(100 + over)]
                return Step("BatchGetItem", {"RequestItems": {name: {"Keys": keys}}})
            case 2:
                keys = [self._numbered(table, number) for number in range(25 + over)]
                requests = [{"DeleteRequest": {"Key": key}} for key in keys]
                return Step("BatchWriteItem", {"RequestItems": {name: requests}})
        parts = [
            {"Delete": {"TableName": name, "Key": self._numbered(table, number)}}
            for number in range(100 + over)
        ]
        return Step("TransactWriteItems", {"TransactItems": parts})

    def _numbered(self, table: Table, number: int) -> Body:
        return {name: {"S": f"n{number}"} for name in table.names}

"""DynamoDB in one process: the operations that the product uses, one at a time and whole.

A model, because moto copies every table for each transaction, keeps no `ClientRequestToken` and has
no PartiQL INSERT. It speaks the JSON of the wire; `test_models.py` compares it with moto, and
`tests/e2e/test_models.py` with the emulator, on random operations.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.faults.expressions import Expression, Unmodelled

type Item = dict[str, dict[str, Any]]
type Body = dict[str, Any]
type Key = tuple[str, ...]

_INSERT = re.compile(r'INSERT INTO "([^"]+)" VALUE \{(.*)\}')
_PAGE = 40
"""Items on a page of a query: real ones are cut at 1 MB, and who reads must go on either way."""
_TOKEN_SECONDS = 600


class Refusal(Exception):
    """An error answer of the service."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code)
        self.body = {
            "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
            "message": message,
            **more,
        }


@dataclass(frozen=True)
class Index:
    """A secondary index: keys and what else it holds; `None` is everything."""

    names: tuple[str, ...]
    holds: frozenset[str] | None


@dataclass
class Table:
    """Items by key; `undone` are what was at a place before each write, to look back with."""

    names: tuple[str, ...]
    indexes: Mapping[str, Index]
    items: dict[Key, Item] = field(default_factory=dict)
    undone: list[tuple[Key, Item | None]] = field(default_factory=list)

    def key(self, item: Mapping[str, Any]) -> Key:
        return tuple(item[name]["S"] for name in self.names)

    def write(self, key: Key, item: Item | None) -> None:
        self.undone.append((key, self.items.get(key)))
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item

    def as_it_was(self, lag: int) -> dict[Key, Item]:
        """The items before the last `lag` writes."""
        items = dict(self.items)
        for key, before in reversed(self.undone[len(self.undone) - min(lag, len(self.undone)) :]):
            if before is None:
                items.pop(key, None)
            else:
                items[key] = before
        return items


@dataclass(frozen=True)
class Write:
    """One change of one item, as it came to be."""

    table: str
    key: Key
    before: Item | None
    after: Item | None


def _nothing(*_: Any) -> None: ...


@dataclass
class DynamoDB:
    """The service. `between` is called between the parts of operations that are not atomic."""

    tables: dict[str, Table]
    now: Callable[[], float]
    lag: Callable[[], int] = lambda: 0
    between: Callable[[], None] = _nothing
    heard: Callable[[list[Write]], None] = _nothing
    seen: Callable[[str, Key], None] = _nothing
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def answer(self, operation: str, body: Body) -> Body:
        """What the service says; raises Refusal."""
        act = _OPERATIONS.get(operation)
        if act is None:
            raise Unmodelled(operation)
        return act(self, body)

    def get_item(self, body: Body) -> Body:
        item = self._read(body["TableName"], body["Key"])
        return {"Item": item} if item else {}

    def batch_get_item(self, body: Body) -> Body:
        asked = [
            (name, key) for name, keyed in body["RequestItems"].items() for key in keyed["Keys"]
        ]
        _distinct((name, orjson.dumps(key)) for name, key in asked)
        _at_most(100, asked)
        found: dict[str, list[Item]] = {name: [] for name in body["RequestItems"]}
        for name, key in asked:
            if item := self._read(name, key):
                found[name].append(item)
            self.between()
        return {"Responses": found, "UnprocessedKeys": {}}

    def put_item(self, body: Body) -> Body:
        self._one(body, body["Item"], dict(body["Item"]))
        return {}

    def update_item(self, body: Body) -> Body:
        before = self._table(body["TableName"]).items.get(self._key(body), {})
        after = _updated(before, body)
        self._one(body, body["Key"], after)
        match body.get("ReturnValues", "NONE"):
            case "ALL_NEW":
                return {"Attributes": after}
            case "UPDATED_NEW":
                changed = {n: v for n, v in after.items() if before.get(n) != v}
                return {"Attributes": changed}
        return {}

    def transact_write_items(self, body: Body) -> Body:
        operations = [next(iter(each.items())) for each in body["TransactItems"]]
        _at_most(100, operations)
        token = body.get("ClientRequestToken")
        asked = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
        if token in self.tokens and self.now() - self.tokens[token][1] < _TOKEN_SECONDS:
            if self.tokens[token][0] != asked:
                raise Refusal("IdempotentParameterMismatchException")
            return {}
        _distinct((part["TableName"], self._key(part)) for _, part in operations)
        reasons = [
            {"Code": "None"}
            if self._holds(part)
            else {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            for _, part in operations
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons [{codes}]"
            raise Refusal("TransactionCanceledException", message, CancellationReasons=reasons)
        self._apply(
            (part["TableName"], self._key(part), self._after(kind, part))
            for kind, part in operations
            if kind != "ConditionCheck"
        )
        if token:
            self.tokens[token] = asked, self.now()
        return {}

    def batch_write_item(self, body: Body) -> Body:
        puts = [
            (name, request["PutRequest"]["Item"])
            for name, requests in body["RequestItems"].items()
            for request in requests
        ]
        _at_most(25, puts)
        _distinct((name, self._table(name).key(item)) for name, item in puts)
        for name, item in puts:
            self._apply([(name, self._table(name).key(item), item)])
            self.between()
        return {"UnprocessedItems": {}}

    def batch_execute_statement(self, body: Body) -> Body:
        placed = [inserted(statement) for statement in body["Statements"]]
        _at_most(25, placed)
        _distinct((name, self._table(name).key(item)) for name, item in placed)
        return {"Responses": [self._insert(name, item) for name, item in placed]}

    def query(self, body: Body) -> Body:
        table, index = self._table(body["TableName"]), None
        names, items = table.names, table.items
        if "IndexName" in body:
            if body.get("ConsistentRead"):
                raise Refusal("ValidationException", "Consistent reads are not supported")
            index = table.indexes[body["IndexName"]]
            names, items = index.names, table.as_it_was(self.lag())
        order = (*names, *table.names)
        chosen = sorted(
            (
                item
                for item in items.values()
                if all(name in item for name in names)
                and Expression(body["KeyConditionExpression"], item, body).holds()
            ),
            key=lambda item: [item[name]["S"] for name in order],
            reverse=not body.get("ScanIndexForward", True),
        )
        if start := body.get("ExclusiveStartKey"):
            first = [start[name]["S"] for name in order]
            forward = body.get("ScanIndexForward", True)
            chosen = [
                item
                for item in chosen
                if (at := [item[name]["S"] for name in order]) != first and (at > first) == forward
            ]
        page = chosen[: min(body.get("Limit", _PAGE), _PAGE)]
        for item in page:
            self.seen(body["TableName"], table.key(item))
        answer: Body = {"Items": [_projected(item, index, order, body) for item in page]}
        answer["Count"] = answer["ScannedCount"] = len(page)
        if len(page) < len(chosen):
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in order}
        return answer

    def _read(self, name: str, key: Item) -> Item | None:
        table = self._table(name)
        self.seen(name, table.key(key))
        return table.items.get(table.key(key))

    def _insert(self, name: str, item: Item) -> Body:
        table = self._table(name)
        there = table.key(item) in table.items
        if not there:
            self._apply([(name, table.key(item), item)])
        self.between()
        error = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
        return {"Error": error, "TableName": name} if there else {"TableName": name}

    def _one(self, body: Body, key: Item, after: Item) -> None:
        if not self._holds({**body, "Key": key}):
            raise Refusal("ConditionalCheckFailedException", "The conditional request failed")
        name = body["TableName"]
        self._apply([(name, self._table(name).key(key), after)])

    def _apply(self, changes: Iterable[tuple[str, Key, Item | None]]) -> None:
        writes = [
            Write(name, key, self._table(name).items.get(key), after)
            for name, key, after in changes
        ]
        for write in writes:
            self._table(write.table).write(write.key, write.after)
        self.heard(writes)

    def _holds(self, part: Body) -> bool:
        condition = part.get("ConditionExpression")
        item = self._table(part["TableName"]).items.get(self._key(part), {})
        return condition is None or Expression(condition, item, part).holds()

    def _after(self, kind: str, part: Body) -> Item | None:
        if kind == "Put":
            return dict(part["Item"])
        if kind == "Delete":
            return None
        return _updated(self._table(part["TableName"]).items.get(self._key(part), {}), part)

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            raise Refusal("ResourceNotFoundException", "Requested resource not found")
        return self.tables[name]

    def _key(self, part: Body) -> Key:
        return self._table(part["TableName"]).key(part.get("Key") or part["Item"])


_OPERATIONS: dict[str, Callable[[DynamoDB, Body], Body]] = {
    "GetItem": DynamoDB.get_item,
    "BatchGetItem": DynamoDB.batch_get_item,
    "PutItem": DynamoDB.put_item,
    "UpdateItem": DynamoDB.update_item,
    "TransactWriteItems": DynamoDB.transact_write_items,
    "BatchWriteItem": DynamoDB.batch_write_item,
    "BatchExecuteStatement": DynamoDB.batch_execute_statement,
    "Query": DynamoDB.query,
}


def tables_of(template: Mapping[str, Any]) -> Iterator[tuple[str, Table]]:
    """Every table of a template, empty, by its logical id."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            settings = resource["Properties"]
            indexes = {
                index["IndexName"]: Index(_names(index["KeySchema"]), _holds(index))
                for index in settings.get("GlobalSecondaryIndexes", ())
            }
            yield name, Table(_names(settings["KeySchema"]), indexes)


def inserted(statement: Body) -> tuple[str, Item]:
    """The table and the item of an INSERT."""
    found = _INSERT.fullmatch(statement["Statement"])
    if found is None:
        raise Unmodelled(statement["Statement"])
    names = [name.removesuffix(":?").strip("'") for name in found[2].split(",")]
    return found[1], dict(zip(names, statement["Parameters"], strict=True))


def _updated(before: Item, part: Body) -> Item:
    return Expression(part["UpdateExpression"], {**part["Key"], **before}, part).updated()


def _projected(item: Item, index: Index | None, order: tuple[str, ...], body: Body) -> Item:
    if index is not None and index.holds is not None:
        item = {name: value for name, value in item.items() if name in index.holds | set(order)}
    if wanted := body.get("ProjectionExpression"):
        spelled = body.get("ExpressionAttributeNames", {})
        names = [spelled.get(name.strip(), name.strip()) for name in wanted.split(",")]
        return {name: item[name] for name in names if name in item}
    return item


def _names(schema: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in schema)


def _holds(index: Mapping[str, Any]) -> frozenset[str] | None:
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return None
    return frozenset(projection.get("NonKeyAttributes", ()))


def _at_most(most: int, parts: list[Any]) -> None:
    if not 1 <= len(parts) <= most:
        raise Refusal("ValidationException", f"Member must have length from 1 to {most}")


def _distinct(places: Iterable[Any]) -> None:
    seen = list(places)
    if len(set(seen)) < len(seen):
        raise Refusal("ValidationException", "Cannot include multiple operations on one item")

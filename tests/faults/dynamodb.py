"""A model of DynamoDB: the operations that the product uses, one at a time and atomic.

A model, because moto copies every table for each transaction, keeps no `ClientRequestToken` and has
no PartiQL INSERT. It reads and writes JSON, and rejects what the service rejects, by the
rules in `rules.py`. `test_models.py` compares it with moto on random operations, and
`tests/e2e/test_models.py` with the local emulator.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.faults.attribute_values import Item, item_bytes, stored_item
from tests.faults.conditions import Condition
from tests.faults.expressions import Change, check_expressions, updated
from tests.faults.operands import Names, Unmodelled
from tests.faults.parser import changes_of, condition_of
from tests.faults.query import Index, check_projection, check_query, page_of, projected, wanted_of
from tests.faults.requests import (
    MEMBERS,
    READ,
    Body,
    action_of,
    check_count,
    check_distinct,
    check_known,
    check_returned,
    inserted,
    request_of,
    returned,
)
from tests.faults.rules import Refusal, invalid
from tests.faults.tables import Key, Table, tables_of

__all__ = ["Body", "DynamoDB", "Index", "Item", "Key", "Refusal", "Table", "Write", "tables_of"]


_TOKEN_SECONDS = 600
_TRANSACTION_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Write:
    """One change of one item."""

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
        """Return the service's response; raises Refusal."""
        act = _OPERATIONS.get(operation)
        if act is None:
            raise Unmodelled(operation)
        check_known(operation, body, MEMBERS[operation])
        answered: Body = getattr(self, act)(body)  # of a subclass, if it has its own
        return answered

    def get_item(self, body: Body) -> Body:
        check_projection(body)
        item = self._read(body["TableName"], body["Key"])
        return {"Item": wanted_of(item, body)} if item else {}

    def batch_get_item(self, body: Body) -> Body:
        for name, keyed in body["RequestItems"].items():
            check_known(f"BatchGetItem {name}", keyed, {"Keys"} | READ)
            check_projection(keyed)
        requested = [
            (name, key) for name, keyed in body["RequestItems"].items() for key in keyed["Keys"]
        ]
        check_count(100, requested)
        check_distinct((name, self._table(name).key_given(key)) for name, key in requested)
        found: dict[str, list[Item]] = {name: [] for name in body["RequestItems"]}
        for name, key in requested:
            if item := self._read(name, key):
                found[name].append(wanted_of(item, body["RequestItems"][name]))
            self.between()
        return {"Responses": found, "UnprocessedKeys": {}}

    def put_item(self, body: Body) -> Body:
        check_returned(body, "NONE", "ALL_OLD")
        return self._alone("Put", body)

    def update_item(self, body: Body) -> Body:
        check_returned(body, "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
        return self._alone("Update", body)

    def delete_item(self, body: Body) -> Body:
        check_returned(body, "NONE", "ALL_OLD")
        return self._alone("Delete", body)

    def transact_write_items(self, body: Body) -> Body:
        check_count(100, body["TransactItems"])
        operations = [action_of(each) for each in body["TransactItems"]]
        token = body.get("ClientRequestToken")
        if token is not None and not 1 <= len(token) <= 36:
            raise invalid("token_length", token)
        for kind, part in operations:
            self._check(kind, part)
        check_distinct((part["TableName"], self._key(part)) for _, part in operations)
        digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
        if token in self.tokens and self.now() - self.tokens[token][1] < _TOKEN_SECONDS:
            if self.tokens[token][0] != digest:
                raise Refusal("IdempotentParameterMismatchException")
            return {}
        self._apply(self._transacted(operations))
        if token:
            self.tokens[token] = digest, self.now()
        return {}

    def batch_write_item(self, body: Body) -> Body:
        requests = [
            (name, *request_of(request))
            for name, requests in body["RequestItems"].items()
            for request in requests
        ]
        check_count(25, requests)
        changes: list[tuple[str, Key, Item | None]] = []
        for name, kind, sent in requests:
            table = self._table(name)
            item = table.stored(sent) if kind == "PutRequest" else None
            changes.append((name, table.key(item) if item else table.key_given(sent), item))
        check_distinct((name, key) for name, key, _ in changes)
        for change in changes:
            self._apply([change])
            self.between()
        return {"UnprocessedItems": {}}

    def batch_execute_statement(self, body: Body) -> Body:
        check_count(25, body["Statements"])
        placed = [inserted(statement) for statement in body["Statements"]]
        keys = [
            (name, orjson.dumps([item.get(part) for part in self._table(name).names]))
            for name, item in placed
        ]
        check_distinct(keys, "duplicate_statement")
        return {"Responses": [self._insert(name, item) for name, item in placed]}

    def query(self, body: Body) -> Body:
        table, index = self._table(body["TableName"]), None
        if "IndexName" in body:
            index = table.indexes.get(body["IndexName"])
            if index is None:
                raise invalid("index_unknown", body["IndexName"])
        check_query(body, table.names, index)
        items = table.as_it_was(self.lag()) if index else table.items
        page, last = page_of(items.values(), body, table.names, index)
        for item in page:
            self.seen(body["TableName"], table.key(item))
        answer: Body = {"Items": [projected(item, body, table.names, index) for item in page]}
        answer["Count"] = answer["ScannedCount"] = len(page)
        return answer | ({"LastEvaluatedKey": last} if last else {})

    def _read(self, name: str, key: Item) -> Item | None:
        table = self._table(name)
        place = table.key_given(key)
        self.seen(name, place)
        return table.items.get(place)

    def _insert(self, name: str, item: Item) -> Body:
        table = self._table(name)
        try:
            item = table.stored(item)
        except Refusal as refusal:
            error = {"Code": "ValidationError", "Message": refusal.body["message"]}
            return {"Error": error, "TableName": name}
        there = table.key(item) in table.items
        if not there:
            self._apply([(name, table.key(item), item)])
        self.between()
        error = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
        return {"Error": error, "TableName": name} if there else {"TableName": name}

    def _alone(self, kind: str, body: Body) -> Body:
        """Execute a write that is a request of its own."""
        self._check(kind, body)
        table, key = self._table(body["TableName"]), self._key(body)
        before = table.items.get(key)
        after = self._after(kind, body) if self._holds(body) else before
        self._one(body, body["Item"] if kind == "Put" else body["Key"], after)
        attributes = returned(body, before or {}, after or {})
        return {"Attributes": attributes} if attributes else {}

    def _one(self, body: Body, key: Item, after: Item | None) -> None:
        if not self._holds(body):
            raise Refusal("ConditionalCheckFailedException", "The conditional request failed")
        name = body["TableName"]
        self._apply([(name, self._table(name).key(key), after)])

    def _transacted(self, operations: list[tuple[str, Body]]) -> list[tuple[str, Key, Item | None]]:
        """Return the changes of a transaction; raises Refusal with the reasons of its parts."""
        changes: list[tuple[str, Key, Item | None]] = []
        reasons: list[dict[str, str]] = []
        for kind, part in operations:
            reason = {"Code": "None"}
            if not self._holds(part):
                message = "The conditional request failed"
                reason = {"Code": "ConditionalCheckFailed", "Message": message}
            elif kind != "ConditionCheck":
                try:
                    changes.append((part["TableName"], self._key(part), self._after(kind, part)))
                except Refusal as refusal:
                    reason = {"Code": "ValidationError", "Message": refusal.body["message"]}
            reasons.append(reason)
        codes = [reason["Code"] for reason in reasons]
        if set(codes) != {"None"}:
            message = f"Transaction cancelled, please refer cancellation reasons {codes}"
            raise Refusal("TransactionCanceledException", message, CancellationReasons=reasons)
        if sum(item_bytes(after) for _, _, after in changes if after) > _TRANSACTION_BYTES:
            raise invalid("transaction_size")
        return changes

    def _check(self, kind: str, part: Body) -> None:
        """Raise Refusal for a write that is invalid for any content of the table."""
        table = self._table(part["TableName"])
        conditions: tuple[Condition, ...] = ()
        changes: tuple[Change, ...] = ()
        if text := part.get("ConditionExpression"):
            conditions = (condition_of(text),)
        elif kind == "ConditionCheck":
            raise invalid("condition_required")
        if kind == "Update":
            changes = changes_of(part["UpdateExpression"])
        given = Names.of(part)
        stored_item(given.values)
        check_expressions(given, conditions=conditions, changes=changes)
        if {change.target.name(given) for change in changes} & set(table.names):
            raise invalid("key_update")
        if kind == "Put":
            table.stored(part["Item"])
        else:
            table.key_given(part["Key"])

    def _apply(self, changes: Iterable[tuple[str, Key, Item | None]]) -> None:
        writes = [
            Write(name, key, self._table(name).items.get(key), after)
            for name, key, after in changes
        ]
        for write in writes:
            self._table(write.table).write(write.key, write.after)
        self.heard(writes)

    def _holds(self, part: Body) -> bool:
        text = part.get("ConditionExpression")
        item = self._table(part["TableName"]).items.get(self._key(part), {})
        return text is None or condition_of(text).holds(item, Names.of(part))

    def _after(self, kind: str, part: Body) -> Item | None:
        table = self._table(part["TableName"])
        if kind == "Delete":
            return None
        if kind == "Put":
            return table.stored(part["Item"])
        item = {**part["Key"], **table.items.get(self._key(part), {})}
        changes = changes_of(part["UpdateExpression"])
        return table.stored(updated(changes, item, Names.of(part)))

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            raise Refusal("ResourceNotFoundException", "Requested resource not found")
        return self.tables[name]

    def _key(self, part: Body) -> Key:
        return self._table(part["TableName"]).key(part.get("Key") or part["Item"])


_OPERATIONS = {
    "GetItem": "get_item",
    "BatchGetItem": "batch_get_item",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "TransactWriteItems": "transact_write_items",
    "BatchWriteItem": "batch_write_item",
    "BatchExecuteStatement": "batch_execute_statement",
    "Query": "query",
}

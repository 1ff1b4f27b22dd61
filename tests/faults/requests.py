"""Requests to DynamoDB as the model reads them: their members, their parts and their counts."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.faults.attribute_values import Item
from tests.faults.operands import Names, Unmodelled
from tests.faults.parser import changes_of
from tests.faults.rules import invalid

type Body = dict[str, Any]

_INSERT = re.compile(r'INSERT INTO "([^"]+)" VALUE \{(.*)\}')
_GIVEN = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
READ = {"ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
_CONDITIONAL = {"TableName", "ConditionExpression"} | _GIVEN
MEMBERS: dict[str, set[str]] = {
    "GetItem": {"TableName", "Key"} | READ,
    "BatchGetItem": {"RequestItems"},
    "PutItem": {"Item", "ReturnValues"} | _CONDITIONAL,
    "UpdateItem": {"Key", "UpdateExpression", "ReturnValues"} | _CONDITIONAL,
    "DeleteItem": {"Key", "ReturnValues"} | _CONDITIONAL,
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "BatchWriteItem": {"RequestItems"},
    "BatchExecuteStatement": {"Statements"},
    "Query": {
        "TableName",
        "IndexName",
        "KeyConditionExpression",
        "ProjectionExpression",
        "ScanIndexForward",
        "ConsistentRead",
        "Limit",
        "ExclusiveStartKey",
    }
    | _GIVEN,
}
"""The members of each request that the model knows; any other raises Unmodelled."""
ACTIONS: dict[str, set[str]] = {
    "Put": {"Item"} | _CONDITIONAL,
    "Update": {"Key", "UpdateExpression"} | _CONDITIONAL,
    "Delete": {"Key"} | _CONDITIONAL,
    "ConditionCheck": {"Key"} | _CONDITIONAL,
}


def inserted(statement: Body) -> tuple[str, Item]:
    """The table and the item of an INSERT."""
    found = _INSERT.fullmatch(statement["Statement"])
    if found is None:
        raise Unmodelled(statement["Statement"])
    names = [name.removesuffix(":?").strip("'") for name in found[2].split(",")]
    return found[1], dict(zip(names, statement["Parameters"], strict=True))


def check_known(what: str, part: Mapping[str, Any], members: set[str]) -> None:
    if unknown := part.keys() - members:
        raise Unmodelled(f"{what}: {sorted(unknown)}")


def action_of(part: Body) -> tuple[str, Body]:
    """The kind and the body of one part of a transaction."""
    if len(part) != 1:
        raise invalid("one_action", sorted(part))
    ((kind, body),) = part.items()
    check_known(kind, body, ACTIONS[kind])
    return kind, body


def request_of(request: Body) -> tuple[str, Item]:
    """Return the kind of a request in a batch, and its item or key."""
    ((kind, body),) = request.items()
    return kind, body["Item"] if kind == "PutRequest" else body["Key"]


def check_returned(body: Body, *allowed: str) -> None:
    if body.get("ReturnValues", "NONE") not in allowed:
        raise invalid("return_values", body["ReturnValues"])


def returned(body: Body, before: Item, after: Item) -> Item:
    """The attributes that a write returns."""
    wanted = body.get("ReturnValues", "NONE")
    source = {"ALL_OLD": before, "UPDATED_OLD": before, "NONE": {}}.get(wanted, after)
    if not wanted.startswith("UPDATED"):
        return source
    given = Names.of(body)
    names = [change.target.name(given) for change in changes_of(body["UpdateExpression"])]
    return {name: source[name] for name in names if name in source}


def check_count(most: int, parts: list[Any]) -> None:
    if not 1 <= len(parts) <= most:
        raise invalid("member_length", len(parts))


def check_distinct(places: Iterable[Any], rule: str = "duplicate_item") -> None:
    seen = list(places)
    if len(set(seen)) < len(seen):
        raise invalid(rule)

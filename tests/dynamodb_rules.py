"""What DynamoDB refuses in a Query and moto answers: moto refuses it too, once this is imported.

It stands where moto takes the request, so no client, fault or wiretap can go around it. The
messages are DynamoDB's own, as dynalite and the dynamodb-conformance suite recorded them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.responses import DynamoHandler

_BETWEEN = re.compile(r"(?i)\bBETWEEN\s+(:\w+)\s+AND\s+(:\w+)")
_EQUAL = re.compile(r"([#\w]+)\s*(<=|>=|=|<|>)\s*(:\w+)")
_BEGINS = re.compile(r"(?i)begins_with\s*\(\s*([#\w]+)\s*,\s*(:\w+)\s*\)")
_COMPARE = {
    "=": lambda held, bound: held == bound,
    "<": lambda held, bound: held < bound,
    "<=": lambda held, bound: held <= bound,
    ">": lambda held, bound: held > bound,
    ">=": lambda held, bound: held >= bound,
}


def query_fault(body: Mapping[str, Any], keys: Mapping[str, str]) -> str | None:
    """Why DynamoDB would refuse a Query; None if it would answer.

    `keys` are the names of all key attributes of table and index, with their types. `body` is the
    request as it is on the wire.
    """
    condition = body.get("KeyConditionExpression", "")
    values = body.get("ExpressionAttributeValues", {})
    for name, value in values.items():
        if name in condition and value in ({"S": ""}, {"B": ""}):
            return (
                "One or more parameter values are not valid. The AttributeValue for a key "
                f"attribute cannot contain an empty string value. Key: {name}"
            )
    for low, high in _BETWEEN.findall(condition):
        if _plain(values[low]) > _plain(values[high]):
            return (
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be "
                f"greater than or equal to lower bound; lower bound operand: {values[low]}, "
                f"upper bound operand: {values[high]}"
            )
    start = body.get("ExclusiveStartKey")
    if start is None:
        return None
    if {name: next(iter(value)) for name, value in start.items()} != dict(keys):
        return "The provided starting key is invalid"
    if not all(_outside(start, condition, values, body.get("ExpressionAttributeNames", {}))):
        return "The provided starting key does not match the range key predicate"
    return None


def _outside(
    start: Mapping[str, Any],
    condition: str,
    values: Mapping[str, Any],
    names: Mapping[str, str],
) -> Iterator[bool]:
    """Whether a starting key keeps to each part of the condition."""

    def held(name: str) -> Any:
        return _plain(start[names.get(name, name)])

    for low, high in _BETWEEN.findall(condition):
        attribute = re.search(rf"([#\w]+)\s+(?i:BETWEEN)\s+{low}\b", condition)
        assert attribute, condition
        yield _plain(values[low]) <= held(attribute[1]) <= _plain(values[high])
    for name, sign, value in _EQUAL.findall(condition):
        yield _COMPARE[sign](held(name), _plain(values[value]))
    for name, value in _BEGINS.findall(condition):
        yield held(name).startswith(_plain(values[value]))


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    return float(held) if kind == "N" else held


def _keys_of(handler: DynamoHandler) -> dict[str, str]:
    body = handler.body
    table = handler.dynamodb_backend.get_table(body["TableName"])
    schemas = [table.schema]
    if index := body.get("IndexName"):
        schemas.append(table.get_index(index).schema)
    kinds = {each["AttributeName"]: each["AttributeType"] for each in table.attr}
    names = {each["AttributeName"] for schema in schemas for each in schema}
    return {name: kinds[name] for name in names}


def refuse_what_dynamodb_refuses() -> None:
    """From here on moto's Query has DynamoDB's rules; calling it again changes nothing."""
    asked = DynamoHandler.query
    if getattr(asked, "strict", False):
        return

    def query(handler: DynamoHandler) -> Any:
        if fault := query_fault(handler.body, _keys_of(handler)):
            raise MockValidationException(fault)
        return asked(handler)

    query.strict = True  # type: ignore[attr-defined]  # a mark of ours
    DynamoHandler.query = query  # type: ignore[method-assign]  # as said above

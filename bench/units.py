"""Count write units from the bodies of requests."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

_INSERT = re.compile(r'INSERT INTO "([^"]+)" VALUE \{(.*)\}')
_INDEXES = {
    "ORDERS": (("listed", "created"), ("customer_orders", "created"), ("sold", "created")),
}
"""The keys of each table's indexes: an item that has both is in the index, for a unit more."""

type Item = dict[str, Any]


def units_of(kept: list[tuple[str, str]], rows: int) -> dict[str, Any]:
    """Write units and requests for each row, and the largest license in bytes."""
    units: Counter[str] = Counter()
    largest = 0
    for operation, body in kept:
        for table, item in _written(operation, json.loads(body)):
            size = item_bytes(item)
            keys = _INDEXES.get(table, ())
            units[table] += -(-size // 1024) + sum(a in item and b in item for a, b in keys)
            largest = max(largest, size if table == "LICENSES" else 0)
    return {
        "write_units_per_row": units.total() / rows,
        "write_units_by_table": {table: count / rows for table, count in units.items()},
        "largest_license_bytes": largest,
        "write_requests_per_row": len(kept) / rows,
    }


def item_bytes(item: Item) -> int:
    """The size of an item as DynamoDB documents it."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _written(operation: str, body: Any) -> Iterator[tuple[str, Item]]:
    match operation:
        case "BatchExecuteStatement":
            for statement in body["Statements"]:
                table, text = _INSERT.fullmatch(statement["Statement"]).groups()  # type: ignore[union-attr]  # ours
                names = [name.removesuffix(":?").strip("'") for name in text.split(",")]
                yield table, dict(zip(names, statement["Parameters"], strict=True))
        case "BatchWriteItem":
            for table, requests in body["RequestItems"].items():
                yield from ((table, request["PutRequest"]["Item"]) for request in requests)
        case "PutItem":
            yield body["TableName"], body["Item"]
        case "UpdateItem":
            yield body["TableName"], body["Key"]


def _value_bytes(value: Item) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return (len(held.strip("-0.")) + 1) // 2 + 1
        case "B":
            return len(held) * 3 // 4
        case "L":
            return 3 + sum(1 + _value_bytes(part) for part in held)
        case "M":
            return 3 + len(held) + item_bytes(held)
    return 1

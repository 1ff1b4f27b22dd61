"""Tables with tens of thousands of items, read as DynamoDB reads them; moto has all others.

Moto looks at every item of a table for each query, copies what it finds, and cuts its pages by the
size of whole items; here indexes are sorted, and pages are cut by what an index holds. What is here
can be read only.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.models import dynamodb_backends

from bench.units import item_bytes
from shared.store.dynamo import client
from tests.wiretap import answer, instead_of_moto

type Item = dict[str, dict[str, Any]]
type Key = tuple[str, ...]

_CONDITION = re.compile(
    r"\w+ = (?P<partition>:\w+)(?: AND \w+ BETWEEN (?P<low>:\w+) AND (?P<high>:\w+))?"
)
_PAGE = 1024 * 1024
"""Query: "a single Query operation can retrieve a maximum of 1 MB of data"."""
_BATCH = 16 * 1024 * 1024
"""BatchGetItem: "a single operation can retrieve up to 16 MB of data"."""


@dataclass
class BigTable:
    """Items by key, and the keys of each index in its order with the bytes that an entry has.

    `items` may create an item when it is read.
    """

    keys: tuple[str, ...]
    get: Callable[[Key], Item | None]
    indexes: Mapping[str | None, tuple[str, str]]
    entries: dict[tuple[str | None, str], list[tuple[str, int, Item]]] = field(default_factory=dict)
    """By index and partition: sort key, bytes, entry; in order."""

    def add(self, index: str | None, entry: Item) -> None:
        """Put an entry into an index; None is the table itself."""
        partition, sort = self.indexes[index]
        place = index, entry[partition]["S"]
        self.entries.setdefault(place, []).append((entry[sort]["S"], item_bytes(entry), entry))

    def sort(self) -> None:
        for entries in self.entries.values():
            entries.sort(key=lambda entry: entry[0])

    def query(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = _CONDITION.fullmatch(body["KeyConditionExpression"])
        assert found, body["KeyConditionExpression"]
        index, values = body.get("IndexName"), body["ExpressionAttributeValues"]
        partition, sort = self.indexes[index]
        names = dict.fromkeys((partition, sort, *self.keys))
        low = values[found["low"]]["S"] if found["low"] else ""
        high = values[found["high"]]["S"] if found["high"] else "\x7f"
        entries = self.entries.get((index, values[found["partition"]]["S"]), [])
        if not body.get("ScanIndexForward", True):
            entries = entries[::-1]
        matching = [entry for entry in entries if low <= entry[0] <= high]
        if start := body.get("ExclusiveStartKey"):
            places = [entry[2] for entry in matching]
            passed = next(n for n, item in enumerate(places) if _is_at(item, start))
            matching = matching[passed + 1 :]
        return _page(matching, body, list(names))


def _stored(tables: Mapping[str, BigTable], name: str, key: Item) -> Item | None:
    """An item of a big table, or of another one, which moto has."""
    if name in tables:
        return tables[name].get(tuple(part["S"] for part in key.values()))
    (backend,) = dynamodb_backends[DEFAULT_ACCOUNT_ID].values()
    found = backend.get_item(name, key)
    attributes: Item | None = found.to_json()["Attributes"] if found else None
    return attributes


def _is_at(item: Item, key: Item) -> bool:
    return all(item[name] == value for name, value in key.items())


def _page(
    matching: list[tuple[str, int, Item]], body: Mapping[str, Any], names: list[str]
) -> dict[str, Any]:
    taken: list[Item] = []
    size = 0
    for _, more, item in matching[: body.get("Limit", len(matching))]:
        size += more
        if taken and size > _PAGE:
            break
        taken.append(item)
    result: dict[str, Any] = {"Items": [_projected(item, body) for item in taken]}
    if len(taken) < len(matching):
        result["LastEvaluatedKey"] = {name: taken[-1][name] for name in names}
    return result


def _projected(item: Item, request: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in request:
        return item
    names = request["ExpressionAttributeNames"]
    wanted = [names[name.strip()] for name in request["ProjectionExpression"].split(",")]
    return {name: item[name] for name in wanted if name in item}


@contextmanager
def big_tables(tables: Mapping[str, BigTable]) -> Iterator[None]:
    """Serves reads of these tables, by their names, for a while."""

    def batch_get(body: Mapping[str, Any]) -> dict[str, Any]:
        requests = body["RequestItems"]
        assert sum(len(request["Keys"]) for request in requests.values()) <= 100
        responses: dict[str, list[Item]] = {name: [] for name in requests}
        unread: dict[str, Any] = {}
        size = 0
        for name, request in requests.items():
            left = list(request["Keys"])
            while left and size <= _BATCH:
                key = left.pop(0)
                if item := _stored(tables, name, key):
                    size += item_bytes(item)
                    responses[name].append(_projected(item, request))
            if left:
                unread[name] = {**request, "Keys": left}
        return {"Responses": responses, "UnprocessedKeys": unread}

    def take(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        assert isinstance(request.body, str | bytes)
        body = json.loads(request.body)
        if tables.keys() & body.get("RequestItems", {}).keys():
            assert operation == "BatchGetItem"
            return answer(request, 200, batch_get(body))
        if body.get("TableName") not in tables:
            return botocore_stubber("before-send", request)
        assert operation == "Query", operation
        return answer(request, 200, tables[body["TableName"]].query(body))

    with instead_of_moto(client().meta.events, "dynamodb", take):
        yield

"""Bulk writes and reads: conditional inserts by PartiQL, puts, and batch gets.

An INSERT writes a record if its key does not exist, for one write unit; a request has 25 of them.
Serializing, validating and copying records in the SDK would cost more CPU than everything else, so
the bodies of requests are built here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import batched
from typing import Any

import orjson
from botocore.exceptions import ClientError

from shared.errors import Busy
from shared.store import dynamo
from shared.store.patience import Patience
from shared.store.retry import ATTEMPTS, THROTTLED, TRANSIENT
from shared.store.sender import Sender
from shared.store.signed_http import Exchange, client, send

__all__ = ["client"]
BATCH = 25

type Statement = bytes
"""One PartiQL statement with its parameters, as JSON."""


def insert_of(env_name: str, names: tuple[str, ...]) -> bytes:
    """The text of an INSERT of a record with these attributes, up to its parameters."""
    return _insert_of(dynamo.table(env_name), names)


@lru_cache(maxsize=1000)
def _insert_of(table: str, names: tuple[str, ...]) -> bytes:
    tuple_ = ",".join(f"'{name}':?" for name in names)
    text = f'INSERT INTO "{table}" VALUE {{{tuple_}}}'
    return b'{"Statement":' + orjson.dumps(text) + b',"Parameters":['


def inserts(env_name: str, records: Iterable[Mapping[str, Any]]) -> list[Statement]:
    table, items = dynamo.table(env_name), map(dynamo.to_item, records)
    return [
        _insert_of(table, tuple(item)) + orjson.dumps([*item.values()])[1:] + b"}" for item in items
    ]


def insert_all(
    env_name: str, statements: Sequence[Statement], patience: Patience
) -> Exchange[list[bool]]:
    """Insert records with distinct keys: for each, whether it was written or its key existed.

    Only throttled statements are sent again, until they are accepted or `patience` ends.
    """
    written = [False] * len(statements)
    waiting = list(range(len(statements)))
    request = patience.request(env_name)
    while waiting:
        yield from request.begin(len(waiting))
        body = b'{"Statements":[' + b",".join([statements[n] for n in waiting]) + b"]}"
        answers = (yield from send("BatchExecuteStatement", body, request))["Responses"]
        codes = [answer["Error"]["Code"] if "Error" in answer else None for answer in answers]
        for n, code, answer in zip(waiting, codes, answers, strict=True):
            written[n] = code is None
            if code is not None and code != "DuplicateItem" and code not in TRANSIENT:
                raise RuntimeError(f"PartiQL INSERT: {code} {answer['Error'].get('Message')}")
        patience.progressed = patience.progressed or None in codes
        waiting = [n for n, code in zip(waiting, codes, strict=True) if code in TRANSIENT]
        throttled = sum(code in THROTTLED for code in codes)
        yield from request.answered(throttled=throttled, failed=len(waiting) - throttled)
    return written


def put_larger(
    env_name: str, item: dynamo.Item, counter: str, patience: Patience
) -> Exchange[None]:
    """Write a page unless the stored one has the same or a larger `counter`.

    Of a page from which deleted records were `removed`, it counts what is left. Then the write
    needs the numbers that were read, because a write that arrives late has these records.
    """
    names, values = {"#n": counter, "#removed": "removed"}, {":n": item[counter]}
    condition = "attribute_not_exists(pk) OR (#n < :n AND attribute_not_exists(#removed))"
    for _ in range(ATTEMPTS):
        body = {
            "Item": item,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if (yield from write("PutItem", env_name, body, patience)):
            return
        key = dynamo.key_in(item)
        stored = (yield from get_all(env_name, [key], patience))[key]
        if "removed" not in stored or stored[counter] >= int(item[counter]["N"]):
            return
        numbers = {":n": stored[counter], ":removed": stored["removed"]}
        item, values = item | {"removed": {"N": str(stored["removed"])}}, dynamo.to_item(numbers)
        condition = "#n = :n AND #removed = :removed"
    raise Busy


def write(
    operation: str, env_name: str, body: Mapping[str, Any], patience: Patience
) -> Exchange[bool]:
    """Send a write of one item, with the parameters of the SDK; False if its condition failed.

    A retry can fail the condition because the lost first attempt was executed.
    """
    request = patience.request(env_name)
    yield from request.begin(1)
    content = orjson.dumps({"TableName": dynamo.table(env_name), **body})
    try:
        yield from send(operation, content, request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    yield from request.answered(throttled=0)
    return True


def transact(env_name: str, operations: Sequence[Any], patience: Patience) -> Exchange[bool]:
    """Write all operations or none, in one transaction; False if a condition failed.

    Conflicts with other transactions are retried. A retry can fail the condition because the lost
    first attempt was executed.
    """
    request = patience.request(f"{env_name} transactions")
    yield from request.begin(len(operations))
    content = orjson.dumps({"TransactItems": operations})
    while True:
        try:
            yield from send("TransactWriteItems", content, request)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            if "ConditionalCheckFailed" in codes:
                return False
            if not codes or codes - TRANSIENT:
                raise
            yield from request.throttled()
            continue
        yield from request.answered(throttled=0)
        return True


def get_all(
    env_name: str, keys: Sequence[dynamo.Key], patience: Patience
) -> Exchange[dict[dynamo.Key, dict[str, Any]]]:
    """Read at most 100 keys consistently: the items that exist. Binary values stay base64."""
    name = dynamo.table(env_name)
    found: dict[dynamo.Key, dict[str, Any]] = {}
    waiting: list[Any] = [dynamo.key_of(key) for key in keys]
    request = patience.request(f"{env_name} reads")
    while waiting:
        yield from request.begin(len(waiting))
        body = orjson.dumps({"RequestItems": {name: {"ConsistentRead": True, "Keys": waiting}}})
        answer = yield from send("BatchGetItem", body, request)
        for item in answer["Responses"].get(name, ()):
            found[dynamo.key_in(item)] = dynamo.from_item(item)
        waiting = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
        yield from request.answered(throttled=len(waiting))
    return found


@dataclass(frozen=True, slots=True)
class Pool:
    """The resources that write a batch: a sender of its own, and the worker's patience."""

    sender: Sender
    patience: Patience

    def run(self, exchanges: Iterable[Exchange[Any]]) -> list[Any]:
        """Run exchanges concurrently; their results, in order."""
        return list(self.sender.each(lambda exchange: exchange, exchanges))

    def each[T, R](self, act: Callable[[T], Exchange[R]], work: Iterable[T]) -> Iterator[R]:
        """Run `act` for all of `work` concurrently; the results are in order."""
        return self.sender.each(act, work)


def batches[T](values: Iterable[T], size: int = BATCH) -> Iterator[tuple[T, ...]]:
    """Split `values` into lists of at most `size`."""
    return batched(values, size, strict=False)

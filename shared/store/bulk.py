"""Many records at a time: conditional inserts by PartiQL, and plain puts of what is ours alone.

An INSERT writes one record if nothing is at its place, for one write unit, 25 to a request. What
the SDK would do with each record (serialize, validate, copy) costs more than everything else, so
a request's body is written here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import lru_cache
from itertools import batched
from typing import Any

import orjson
from botocore.exceptions import ClientError

from shared.store import dynamo
from shared.store.patience import Patience
from shared.store.retry import THROTTLED, TRANSIENT
from shared.store.signed import client, send

__all__ = ["client"]
THREADS = 16
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


def insert(env_name: str, item: dynamo.Item) -> Statement:
    """An INSERT of an item."""
    values = orjson.dumps(list(item.values()))[1:-1]
    return insert_of(env_name, tuple(item)) + values + b"]}"


def insert_all(env_name: str, statements: Sequence[Statement], patience: Patience) -> list[bool]:
    """Whether each record was written; False where something is at its place already.

    No two may be for one place. Statements that were throttled are sent again, and only those,
    until they are accepted or `patience` ends.
    """
    written = [False] * len(statements)
    waiting = list(range(len(statements)))
    request = patience.request(env_name)
    while waiting:
        request.begin(len(waiting))
        body = b'{"Statements":[' + b",".join([statements[n] for n in waiting]) + b"]}"
        answers = send("BatchExecuteStatement", body, request)["Responses"]
        codes = [answer["Error"]["Code"] if "Error" in answer else None for answer in answers]
        for n, code, answer in zip(waiting, codes, answers, strict=True):
            written[n] = code is None
            if code is not None and code != "DuplicateItem" and code not in TRANSIENT:
                raise RuntimeError(f"PartiQL INSERT: {code} {answer['Error'].get('Message')}")
        patience.progressed = patience.progressed or None in codes
        waiting = [n for n, code in zip(waiting, codes, strict=True) if code in TRANSIENT]
        throttled = sum(code in THROTTLED for code in codes)
        request.answered(throttled=throttled, failed=len(waiting) - throttled)
    return written


def put_larger(env_name: str, item: dynamo.Item, counter: str, patience: Patience) -> None:
    """Write an item, unless one whose `counter` is as large or larger is at its place already."""
    body = {
        "TableName": dynamo.table(env_name),
        "Item": item,
        "ConditionExpression": "attribute_not_exists(pk) OR #n < :n",
        "ExpressionAttributeNames": {"#n": counter},
        "ExpressionAttributeValues": {":n": item[counter]},
    }
    request = patience.request(env_name)
    request.begin(1)
    try:
        send("PutItem", orjson.dumps(body), request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    request.answered(throttled=0)


def get_all(
    env_name: str, keys: Sequence[dynamo.Key], patience: Patience
) -> dict[dynamo.Key, dict[str, Any]]:
    """The items that exist of at most 100 keys, read consistently. Bytes stay base64."""
    name = dynamo.table(env_name)
    found: dict[dynamo.Key, dict[str, Any]] = {}
    waiting: list[Any] = [dynamo.key_of(key) for key in keys]
    request = patience.request(f"{env_name} reads")
    while waiting:
        request.begin(len(waiting))
        body = orjson.dumps({"RequestItems": {name: {"ConsistentRead": True, "Keys": waiting}}})
        answer = send("BatchGetItem", body, request)
        for item in answer["Responses"].get(name, ()):
            found[dynamo.key_in(item)] = dynamo.from_item(item)
        waiting = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", [])
        request.answered(throttled=len(waiting))
    return found


@dataclass(frozen=True, slots=True)
class Pool:
    """The threads of one worker, and the patience that they share."""

    executor: Executor
    patience: Patience


def each[T, R](pool: Executor, act: Callable[[T], R], work: Iterable[T]) -> Iterator[R]:
    """`act` on all of `work` in the pool's threads, in order, never far ahead of the results.

    When one fails, those that have not begun are dropped, and the others waited for.
    """
    waiting: list[Future[R]] = []
    try:
        for part in work:
            waiting.append(pool.submit(act, part))
            if len(waiting) >= 2 * THREADS:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()
        for future in waiting:
            if not future.cancelled():
                future.exception()


def batches[T](values: Iterable[T], size: int = BATCH) -> Iterator[tuple[T, ...]]:
    """`values`, at most `size` at a time."""
    return batched(values, size, strict=False)

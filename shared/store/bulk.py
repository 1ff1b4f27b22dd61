"""Many records at a time: conditional inserts by PartiQL, and plain puts of what is ours alone.

An INSERT writes one record if nothing is at its place, for one write unit, 25 to a request. What
the SDK would do with each record (serialize, validate, copy) costs more than everything else, so
a request's body is written here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import batched
from typing import Any

import orjson

from shared.errors import Busy
from shared.store import dynamo
from shared.store.signed import client, send

__all__ = ["client"]
THREADS = 16
BATCH = 25
_TRIES = 10
_AGAIN = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)

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


def insert_all(statements: Sequence[Statement]) -> list[bool]:
    """Whether each record was written; False where something is at its place already.

    No two may be for one place. Statements that were throttled are sent again, and only those.
    Raises Busy if that does not end.
    """
    written = [False] * len(statements)
    waiting = list(range(len(statements)))
    for attempt in range(_TRIES):
        body = b'{"Statements":[' + b",".join([statements[n] for n in waiting]) + b"]}"
        answers = send("BatchExecuteStatement", body)["Responses"]
        again = []
        for n, answer in zip(waiting, answers, strict=True):
            code = answer["Error"]["Code"] if "Error" in answer else None
            if code is None:
                written[n] = True
            elif code in _AGAIN:
                again.append(n)
            elif code != "DuplicateItem":
                raise RuntimeError(f"PartiQL INSERT: {code} {answer['Error'].get('Message')}")
        if not again:
            return written
        waiting = again
        dynamo.wait(attempt)
    raise Busy


def put_all(env_name: str, items: Sequence[dynamo.Item]) -> None:
    """Write items over whatever is at their places, which only we write to."""
    waiting: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
    for attempt in range(_TRIES):
        body = orjson.dumps({"RequestItems": {dynamo.table(env_name): waiting}})
        left = send("BatchWriteItem", body)["UnprocessedItems"]
        if not left:
            return
        (waiting,) = left.values()
        dynamo.wait(attempt)
    raise Busy


def get_all(env_name: str, keys: Sequence[dynamo.Key]) -> dict[dynamo.Key, dict[str, Any]]:
    """The items that exist of at most 100 keys, read consistently. Bytes stay base64."""
    name = dynamo.table(env_name)
    found: dict[dynamo.Key, dict[str, Any]] = {}
    asked: Any = {name: {"ConsistentRead": True, "Keys": [dynamo.key_of(key) for key in keys]}}
    for attempt in range(_TRIES):
        answer = send("BatchGetItem", orjson.dumps({"RequestItems": asked}))
        for item in answer["Responses"].get(name, ()):
            found[dynamo.key_in(item)] = dynamo.from_item(item)
        asked = answer.get("UnprocessedKeys")
        if not asked:
            return found
        dynamo.wait(attempt)
    raise Busy


def each[T, R](pool: ThreadPoolExecutor, act: Callable[[T], R], work: Iterable[T]) -> Iterator[R]:
    """`act` on all of `work` in the pool's threads, in order, never far ahead of the results."""
    waiting: list[Future[R]] = []
    for part in work:
        waiting.append(pool.submit(act, part))
        if len(waiting) >= 2 * THREADS:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def batches[T](values: Iterable[T], size: int = BATCH) -> Iterator[tuple[T, ...]]:
    """`values`, at most `size` at a time."""
    return batched(values, size, strict=False)

"""Many records at a time: conditional inserts by PartiQL, and plain puts of what is ours alone.

An INSERT writes one record if nothing is at its place, for one write unit, 25 to a request. What
the SDK would do with each record (serialize, validate, copy) costs more than everything else, so
a request's body is written here and handed to botocore whole; signing, retries and connections
stay botocore's.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

import botocore.session
import orjson
from botocore.config import Config

from shared.errors import Busy
from shared.store import dynamo

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

_held = threading.local()


@cache
def client() -> Any:
    """A client whose request bodies are ours."""
    config = Config(
        connect_timeout=1,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=THREADS,
        parameter_validation=False,
    )
    made = botocore.session.get_session().create_client("dynamodb", config=config)
    made.meta.events.register("before-call.dynamodb", _hand_over)
    return made


def insert_of(env_name: str, names: Sequence[str]) -> bytes:
    """The text of an INSERT of a record with these attributes, up to its parameters."""
    tuple_ = ",".join(f"'{name}':?" for name in names)
    text = f'INSERT INTO "{dynamo.table(env_name)}" VALUE {{{tuple_}}}'
    return b'{"Statement":' + orjson.dumps(text) + b',"Parameters":['


def insert(env_name: str, item: dynamo.Item) -> Statement:
    """An INSERT of an item."""
    values = orjson.dumps(list(item.values()))[1:-1]
    return insert_of(env_name, list(item)) + values + b"]}"


def insert_all(statements: Sequence[Statement]) -> list[bool]:
    """Whether each record was written; False where something is at its place already.

    No two may be for one place. Statements that were throttled are sent again, and only those.
    Raises Busy if that does not end.
    """
    written = [False] * len(statements)
    waiting = list(range(len(statements)))
    for attempt in range(_TRIES):
        body = b'{"Statements":[' + b",".join([statements[n] for n in waiting]) + b"]}"
        answers = _send("batch_execute_statement", body, Statements=[])["Responses"]
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
        left = _send("batch_write_item", body, RequestItems={})["UnprocessedItems"]
        if not left:
            return
        (waiting,) = left.values()
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


def batches[T](values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """`values` in lists of at most `size`."""
    batch: list[T] = []
    for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _send(operation: str, body: bytes, **arguments: Any) -> Any:
    _held.body = body
    return getattr(client(), operation)(**arguments)


def _hand_over(params: dict[str, Any], **_: Any) -> None:
    params["body"] = _held.body

"""Workers of imports that may still write rows: one item each in the table Imports.

A worker registers before it checks that its job still runs, and releases after its last report. So
once a job has stopped and no worker is registered, every row that was written has been reported.
The sweeper deletes the item of a worker that died, after its invocation must have ended.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.store import dynamo
from shared.store.import_jobs import TABLE

_ENDED = timedelta(minutes=15)
_MARGIN = timedelta(seconds=10)
"""Margin for requests in flight when an invocation ends, and for clock differences."""


def register(company: str, number: int, worker: str, until: datetime) -> None:
    """Record that a worker may write rows of a job until its invocation ends."""
    pk, sk = _key(company, number, worker)
    item = {"pk": pk, "sk": sk, "until": dynamo.stamp(until + _MARGIN)}
    dynamo.client().put_item(TableName=dynamo.table(TABLE), Item=dynamo.to_item(item))


def release(company: str, number: int, worker: str) -> None:
    """Record that a worker writes no more rows."""
    key = dynamo.key_of(_key(company, number, worker))
    dynamo.client().delete_item(TableName=dynamo.table(TABLE), Key=key)


def any_registered(company: str, number: int) -> bool:
    """Whether a worker may still write rows of a job.

    The clock does not matter here: a worker whose clock is behind may outlive its `until`.
    """
    return any(_registered(company, number))


def may_write(company: str, number: int, now: datetime) -> bool:
    """Whether a worker may still write rows of a job that has ended.

    A worker that died stays registered. Some minutes after its invocation must have ended, by any
    clock, it does not count.
    """
    ended = dynamo.stamp(now - _ENDED)
    return any(item["until"] > ended for item in _registered(company, number))


def release_expired(company: str, number: int, now: datetime) -> None:
    """Release the workers of a job whose invocations must have ended."""
    for item in _registered(company, number):
        if item["until"] <= dynamo.stamp(now):
            key = dynamo.key_of((item["pk"], item["sk"]))
            dynamo.client().delete_item(TableName=dynamo.table(TABLE), Key=key)


def _registered(company: str, number: int) -> Iterator[dict[str, Any]]:
    condition = "pk = :partition AND begins_with(sk, :worker)"
    values = {"partition": dynamo.partition(company, number), "worker": "worker#"}
    return dynamo.query(TABLE, condition, values, consistent=True)


def _key(company: str, number: int, worker: str) -> tuple[str, str]:
    return dynamo.partition(company, number), f"worker#{worker}"

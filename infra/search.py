"""The search index: what the streams of its tables pass on to the function that keeps it.

Each of the streams has two readers, this function and the publisher of events: AWS advises
against more, since readers of a shard share its throughput.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.data import Data
from infra.function import Function, add_failed_queue
from infra.streams import read_stream

BATCH = 200
"""Records per invocation; about 1,200 entries, which take 50 requests, 20 at a time."""


def _of(*names: str, sk: Sequence[Any], **images: Any) -> dict[str, Any]:
    """The pattern of changes with one of these names, and such a sort key."""
    return {"eventName": [*names], "dynamodb": {"Keys": {"sk": {"S": [*sk]}}, **images}}


def _after(**attributes: Any) -> dict[str, Any]:
    """The pattern of changes after which the record has these attributes."""
    return {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": attributes}}


def _before(**attributes: Any) -> dict[str, Any]:
    """The pattern of changes before which the record had these attributes."""
    return {"eventName": ["MODIFY", "REMOVE"], "dynamodb": {"OldImage": attributes}}


_EXISTS = {"S": [{"exists": True}]}
_STORED = {"BOOL": [{"exists": True}]}

FILTERS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "Customers": (_of("INSERT", "MODIFY", "REMOVE", sk=[{"prefix": "customer#"}]),),
    "Orders": (
        _of("INSERT", "REMOVE", sk=["order"]),
        _of("MODIFY", sk=["order"], NewImage={"deleted_at": _EXISTS}),
    ),
    "Licenses": (
        _after(validity_period=_EXISTS),
        _after(enabled=_STORED),
        _before(validity_period=_EXISTS),
        _before(enabled=_STORED),
    ),
}
"""By table, the changes that invoke the function. The id of an order never changes, so an order
that gets more licenses does not invoke it. A license has entries if it ends on a day or is
disabled; `enabled` is stored only if it is false."""


class Search(Construct):
    """The readers of the streams, and the queue `failed` of changes that can't be indexed."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey | None,
        data: Data,
        function: Function,
    ) -> None:
        super().__init__(scope, construct_id)
        self.failed = add_failed_queue(self, key=key)
        for store in (data.customers, data.orders, data.licenses):
            filters = FILTERS[store.table.node.id]
            read_stream(self, store, function, filters, self.failed, batch=BATCH)

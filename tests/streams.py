"""The streams of the tables in moto: each change of an item, as Lambda passes it to a function.

moto has streams too, but not of transactions and of PartiQL. Here the tables are compared before
and after each request, so a transaction is reported whole or not at all.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import EventPattern

from shared.store import dynamo
from tests.moto_tables import local_template

type Record = dict[str, Any]
type Images = dict[tuple[str, str], dict[str, Any]]

STREAMS = ("ORDERS_TABLE", "CUSTOMERS_TABLE", "LICENSES_TABLE", "IMPORTS_TABLE")
_READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan"})
SECONDS = 1_790_000_000


@dataclass
class Streams:
    """The records of all streams, in the order of the writes."""

    records: list[Record] = field(default_factory=list)
    images: dict[str, Images] = field(default_factory=dict)

    def note(self, request: str | None = None) -> None:
        """Report what has changed since the last time, in all tables or in those of a request."""
        for env_name in STREAMS:
            name = dynamo.table(env_name)
            if request is not None and name not in request:
                continue
            before, now = self.images.get(name, {}), _images(name)
            for key in {**before, **now}:
                if before.get(key) != now.get(key):
                    self.records.append(self._record(name, before.get(key), now.get(key)))
            self.images[name] = now

    def _record(self, table: str, before: Any, after: Any) -> Record:
        image = after or before
        about = {
            "ApproximateCreationDateTime": SECONDS + len(self.records),
            "Keys": {name: image[name] for name in ("pk", "sk") if name in image},
            "SequenceNumber": str(len(self.records)),
            "OldImage": before and _as_sent(before),
            "NewImage": after and _as_sent(after),
        }
        kind = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
        return {
            "eventName": kind,
            "eventSourceARN": f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}/stream/1",
            "dynamodb": {name: value for name, value in about.items() if value is not None},
        }


@contextmanager
def streaming(patch: pytest.MonkeyPatch) -> Iterator[Streams]:
    """Report every change of an item from now on."""
    streams = Streams()
    for env_name in STREAMS:
        streams.images[dynamo.table(env_name)] = _images(dynamo.table(env_name))
    carry_out = BotocoreStubber.process_request

    def noted(self: Any, request: Any) -> Any:
        answer = carry_out(self, request)
        service, _dot, operation = _text(request.headers.get("X-Amz-Target", "")).partition(".")
        if service.startswith("DynamoDB") and operation not in _READS:
            streams.note(_text(request.body))
        return answer

    with patch.context() as patched:
        patched.setattr(BotocoreStubber, "process_request", noted)
        yield streams


def passes(record: Record, function: str = "PublishEvents") -> bool:
    """Whether a filter of the template passes a record on to a function."""
    table = record["eventSourceARN"].split("/")[1]
    sent: Any = record
    return any(
        _pattern(pattern).matches_event(sent) for pattern in patterns(function).get(table, [])
    )


@cache
def _pattern(text: str) -> EventPattern:
    return EventPattern.load(text)


@cache
def patterns(function: str = "PublishEvents") -> dict[str, list[str]]:
    """The patterns of a function's event source mappings, by table."""
    return {
        each["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]: [
            found["Pattern"] for found in each["Properties"]["FilterCriteria"]["Filters"]
        ]
        for each in local_template()["Resources"].values()
        if each["Type"] == "AWS::Lambda::EventSourceMapping"
        and function in str(each["Properties"]["FunctionName"])
    }


def _images(table: str) -> Images:
    (backend,) = dynamodb_backends[DEFAULT_ACCOUNT_ID].values()
    items = backend.tables[table].all_items()
    return {
        (json.dumps(attrs["pk"]), json.dumps(attrs.get("sk"))): attrs
        for attrs in (item.to_json()["Attributes"] for item in items)
    }


def _as_sent(image: dict[str, Any]) -> dict[str, Any]:
    """An image as JSON, in which bytes are Base64."""
    sent: dict[str, Any] = json.loads(
        json.dumps(image, default=lambda held: base64.b64encode(held).decode())
    )
    return sent


def _text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text

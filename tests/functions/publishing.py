"""The publisher of events, and the bus, which hears everything and can reject entries."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions import publish_events
from shared.store import event_bus
from shared.workflows.publish_events import forget_names
from tests.streams import Record, Streams, passes
from tests.wiretap import answer, instead_of_moto


@dataclass
class Bus:
    """The events that the bus has accepted, and how it treats the next requests."""

    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    """The number of entries of each request."""
    rejecting: list[set[int]] = field(default_factory=list)
    """For each of the next requests, the entries that it rejects."""
    is_down: bool = False
    stream: Streams = field(default_factory=Streams)
    """The streams whose records become the events."""

    def take(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        body: Any = request.body
        entries = json.loads(body)["Entries"]
        assert len(entries) <= 10
        assert len(body) < 256 * 1024
        self.requests.append(len(entries))
        rejected = set(range(len(entries))) if self.is_down else set()
        if self.rejecting:
            rejected = self.rejecting.pop(0)
        results: list[dict[str, str]] = []
        for index, entry in enumerate(entries):
            if index in rejected:
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "later"})
                continue
            results.append({"EventId": str(len(self.events))})
            assert (entry["EventBusName"], entry["Source"]) == ("bus", "keywright")
            detail = json.loads(entry["Detail"])
            assert entry["DetailType"] == detail["type"]
            self.events.append(detail)
        return answer(request, 200, {"FailedEntryCount": len(rejected), "Entries": results})

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@contextmanager
def open_bus(patch: pytest.MonkeyPatch) -> Iterator[Bus]:
    """A bus without subscribers."""
    patch.setenv("EVENT_BUS", "bus")
    patch.setenv("API_URL", "https://api.test")
    forget_names()
    bus = Bus()
    with instead_of_moto(event_bus.client().meta.events, "eventbridge", bus.take):
        yield bus
    forget_names()


def deliver(records: Sequence[Record], size: int = 100) -> None:
    """Invoke the function as Lambda does, with what the filters pass on, until all is done."""
    waiting = [record for record in records if passes(record)]
    while waiting:
        batch, rest = waiting[:size], waiting[size:]
        waiting = failures(batch) + rest


def failures(batch: Sequence[Record]) -> list[Record]:
    """The records of a batch that are left, after an invocation with all of them."""
    found = publish_events.handler({"Records": [*batch]}, LambdaContext())["batchItemFailures"]
    if not found:
        return []
    (failed,) = found
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    return [*batch[numbers.index(failed["itemIdentifier"]) :]]

"""Between botocore and moto: the requests to AWS, and the faults that a network can add.

Faults are injected where the network is, below botocore's own retries, so handlers, store and
retries run as they are.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from bench.units import item_bytes
from shared.store.dynamo import client
from tests.emulated import carry_out


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


type Fault = Callable[[AWSPreparedRequest], AWSResponse | None]


@dataclass
class Wiretap:
    """Every call of the DynamoDB client, in order, and the faults that wait for one of them."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[tuple[str, int], Fault] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    def on(self, operation: str, fault: Fault, *, nth: int = 1) -> None:
        """Add a fault to the `nth` call of an operation from now on."""
        self.faults[operation, self.counted[operation] + nth] = fault

    def bodies(self, operation: str) -> list[dict[str, Any]]:
        return [body for name, body in self.calls if name == operation]

    def take(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        operation = _text(request.headers["X-Amz-Target"]).partition(".")[2]
        self.calls.append((operation, json.loads(_text(request.body))))
        self.counted[operation] += 1
        fault = self.faults.pop((operation, self.counted[operation]), None)
        answer = fault(request) if fault else None
        return answer or carry_out(request)


@contextmanager
def tapped(operation: str = "", fault: Fault | None = None, *, nth: int = 1) -> Iterator[Wiretap]:
    """Listen to the client for a while; a `fault` is added to the `nth` call of `operation`."""
    tap = Wiretap()
    if fault:
        tap.on(operation, fault, nth=nth)
    with instead_of_moto(client().meta.events, "dynamodb", tap.take):
        yield tap


@contextmanager
def instead_of_moto(events: Any, service: str, handler: Callable[..., Any]) -> Iterator[None]:
    """Replace moto for a client, by the client's events.

    A handler that comes before moto is not enough: botocore calls every handler even when the first
    has answered, so moto would carry out what the handler refused.
    """
    name = f"before-send.{service}.*"
    events.unregister("before-send", botocore_stubber)
    events.register_first(name, handler)
    try:
        yield
    finally:
        events.unregister(name, handler)
        events.register("before-send", botocore_stubber)


def answer_lost(request: AWSPreparedRequest) -> AWSResponse | None:
    """The call is carried out, and nobody hears of it."""
    carry_out(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def failed(request: AWSPreparedRequest) -> AWSResponse | None:
    """The service fails before it does anything."""
    return _refusal(request, 500, "InternalServerError")


def throttled(request: AWSPreparedRequest) -> AWSResponse | None:
    """The service is throttled."""
    return _refusal(request, 400, "ThrottlingException")


def conflict(request: AWSPreparedRequest) -> AWSResponse | None:
    """Another transaction holds one of the items."""
    return _refusal(
        request,
        400,
        "TransactionCanceledException",
        CancellationReasons=[{"Code": "TransactionConflict", "Message": "conflict"}],
    )


def held_by_transaction(request: AWSPreparedRequest) -> AWSResponse | None:
    """A transaction holds the item of a single write."""
    return _refusal(request, 400, "TransactionConflictException")


def killed_before(request: AWSPreparedRequest) -> AWSResponse | None:
    raise Killed


def killed_after(request: AWSPreparedRequest) -> AWSResponse | None:
    carry_out(request)
    raise Killed


def meanwhile(act: Callable[[], Any]) -> Fault:
    """Something else happens just before the call goes out."""

    def fault(request: AWSPreparedRequest) -> AWSResponse | None:
        act()
        return None

    return fault


def write_units(body: dict[str, Any]) -> int:
    """What a TransactWriteItems costs in its tables: 2 units for each started KB of a record.

    A check costs as much as a write of what it looks at; all that are made here look at less
    than 1 KB.
    """
    units = 0
    for operation in body["TransactItems"]:
        (part,) = operation.values()
        units += 2 * -(-item_bytes(part.get("Item", {"pk": {"S": "x"}})) // 1024)
    return units


def _text(sent: Any) -> str:
    return sent.decode() if isinstance(sent, bytes) else str(sent)


def _refusal(request: AWSPreparedRequest, status: int, code: str, **more: Any) -> AWSResponse:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return answer(request, status, {"__type": kind, **more})


def answer(request: AWSPreparedRequest, status: int, body: dict[str, Any]) -> AWSResponse:
    """An answer of DynamoDB, as it comes from the network."""
    sent = json.dumps(body).encode()

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield sent

    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, Raw())  # type: ignore[arg-type]  # as moto does

"""A call of AWS, and the faults that can be injected into it.

Faults are injected at the network, below botocore's retries and below those of
`shared.store.signed_http`, so both run as they are.
"""

import io
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProtocolError

from tests.faults.dynamodb import Body, DynamoDB
from tests.faults.rules import Refusal
from tests.faults.s3 import S3, Sent, refused

ANYWHERE = (
    "unreachable",
    "refused",
    "failed",
    "throttled",
    "killed before",
    "killed after",
    "answer lost",
    "reset",
    "failed but applied",
    "applied late",
)
"""Faults of every call."""
_OF_OPERATION = {
    "TransactWriteItems": ("conflict",),
    "PutItem": ("conflict",),
    "UpdateItem": ("conflict",),
    "BatchGetItem": ("unprocessed",),
    "BatchWriteItem": ("unprocessed", "half applied"),
    "BatchExecuteStatement": ("throttled statements", "conflict of statements", "half applied"),
    "GetObject": ("cut", "flipped", "broken off"),
}
_READS = {"GetItem", "BatchGetItem", "Query", "GetObject", "HeadObject", "DescribeExecution"}
_READS |= {"ListObjectsV2", "ListObjectVersions"}
_OF_WRITES = {"killed after", "failed but applied", "applied late"}
"""Faults of writes only; a read with one of these would be an unanswered read."""
_ALIKE = (("unreachable", "refused", "failed"), ("answer lost", "reset", "failed but applied"))
"""Faults with the same effect, after which a caller does the same but for the time of its wait."""
_ALIKE_OF_READS = (("unreachable", "refused", "failed", "throttled", "answer lost", "reset"),)
_UNAPPLIED = frozenset(("unreachable", "refused", "failed", "throttled"))
"""Faults after which nothing was applied and the caller can repeat the call."""
_SECONDS = {"unreachable": 1, "answer lost": 5, "applied late": 5}
"""Seconds until the caller gets an error, by fault."""


@dataclass
class Call:
    """One request of one actor."""

    number: int
    service: str
    operation: str
    request: AWSPreparedRequest
    carry_out: Callable[[Body], AWSResponse]
    rng: random.Random
    goes_on: bool
    """Whether the same process made the call before: if that was a write, then to be killed before
    this call is to be killed after that one; if it was a read, then before that one.
    """

    @property
    def body(self) -> Body:
        sent: Any = self.request.body
        body: Body = orjson.loads(sent) if sent else {}
        return body

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the faults that this call can have."""
        anywhere: tuple[str, ...] = ANYWHERE
        if self.operation in _READS:
            anywhere = tuple(name for name in ANYWHERE if name not in _OF_WRITES)
        return anywhere + self.own_faults

    @property
    def distinct_faults(self) -> tuple[str, ...]:
        """Return one of each kind of faults; which one depends on the number of the call."""
        left = set(self.faults) - ({"killed before"} if self.goes_on else set())
        for alike in _ALIKE_OF_READS if self.operation in _READS else _ALIKE:
            left -= {*alike} - {alike[self.number % len(alike)]}
        return tuple(name for name in self.faults if name in left)

    @property
    def unapplied(self) -> frozenset[str]:
        """Return the faults after which a repetition gets the answer that this call would get."""
        return frozenset(*_ALIKE_OF_READS) if self.operation in _READS else _UNAPPLIED

    def repeats(self, other: "Call | None") -> bool:
        """Return whether this is the next call after the other, and the SDK's repetition of it."""
        if other is None or self.number != other.number + 1:
            return False
        attempt = self.request.headers.get("amz-sdk-request", "")
        is_first = not attempt or attempt in ("attempt=1", b"attempt=1")
        return not is_first and self.request.body == other.request.body

    @property
    def own_faults(self) -> tuple[str, ...]:
        """Return the faults that only calls of this operation can have."""
        return _OF_OPERATION.get(self.operation, ())

    def meet(self, fault: str | None, later: Callable[[Callable[[], Any]], None]) -> AWSResponse:
        """Return the response to the call, or raise an error of the connection."""
        match fault:
            case None:
                return self.carried_out()
            case "unreachable" | "refused":
                raise self._no_connection(fault)
            case "failed":
                return self._error(500, "InternalServerError")
            case "throttled":
                return self._throttled()
            case "answer lost":
                self.carried_out()
                raise self._timeout()
            case "reset":
                self.carried_out()
                raise self._reset()
            case "failed but applied":
                self.carried_out()
                return self._error(500, "InternalServerError")
            case "applied late":
                later(self.carried_out)
                raise self._timeout()
            case "conflict":
                return self._conflict()
            case "cut" | "flipped" | "broken off":
                return self._corrupted(fault)
        return self._partly(fault)

    def seconds(self, fault: str | None) -> int:
        return _SECONDS.get(fault or "", 0)

    def carried_out(self) -> AWSResponse:
        return self.carry_out(self.body if self.service != "s3" else {})

    def _partly(self, fault: str) -> AWSResponse:
        """Execute some parts of an operation that is not atomic."""
        body = self.body
        if self.operation == "BatchExecuteStatement":
            return self._some_statements(body, fault)
        (name, parts), *_ = body["RequestItems"].items()
        entries = parts["Keys"] if self.operation == "BatchGetItem" else parts
        done, left = _split(entries, self.rng)
        some: Any = parts | {"Keys": done} if self.operation == "BatchGetItem" else done
        rest: Any = parts | {"Keys": left} if self.operation == "BatchGetItem" else left
        if not done:
            return self._throttled()
        answer = self.carry_out({**body, "RequestItems": {**body["RequestItems"], name: some}})
        if fault == "half applied":
            raise self._timeout()
        result = orjson.loads(answer.content)
        result["UnprocessedKeys" if "Responses" in result else "UnprocessedItems"] = (
            {name: rest} if left else {}
        )
        return answer_of(self.request, 200, orjson.dumps(result))

    def _some_statements(self, body: Body, fault: str) -> AWSResponse:
        statements = body["Statements"]
        chosen = [self.rng.random() < 0.5 for _ in statements]
        done = [each for each, yes in zip(statements, chosen, strict=True) if yes]
        result = orjson.loads(self.carry_out({**body, "Statements": done}).content) if done else {}
        if fault == "half applied":
            raise self._timeout()
        code = "TransactionConflict" if fault == "conflict of statements" else "ThrottlingError"
        answers = iter(result.get("Responses", ()))
        result["Responses"] = [
            next(answers) if yes else {"Error": {"Code": code}} for yes in chosen
        ]
        return answer_of(self.request, 200, orjson.dumps(result))

    def _corrupted(self, fault: str) -> AWSResponse:
        """Return an S3 response whose body is truncated, altered or interrupted."""
        answer = self.carried_out()
        data = answer.content
        if answer.status_code >= 300 or not data:
            return answer_of(self.request, answer.status_code, data, dict(answer.headers))
        at = self.rng.randrange(len(data))
        if fault == "flipped":
            data = data[:at] + bytes([data[at] ^ 1 << self.rng.randrange(7)]) + data[at + 1 :]
        raw = _Broken(data[:at]) if fault == "broken off" else None
        if fault == "cut":
            data = data[:at]
        return answer_of(self.request, answer.status_code, data, dict(answer.headers), raw)

    def _throttled(self) -> AWSResponse:
        if self.service == "s3":
            return self._error(503, "SlowDown")
        return self._error(400 if self.service == "dynamodb" else 429, "ThrottlingException")

    def _conflict(self) -> AWSResponse:
        if self.operation != "TransactWriteItems":
            return self._error(400, "TransactionConflictException")
        reasons = [{"Code": "None"} for _ in self.body["TransactItems"]]
        self.rng.choice(reasons)["Code"] = "TransactionConflict"
        return self._error(400, "TransactionCanceledException", CancellationReasons=reasons)

    def _error(self, status: int, code: str, **more: Any) -> AWSResponse:
        if self.service == "s3":
            sent = refused(status, code)
            return answer_of(self.request, status, sent.body, dict(sent.headers))
        body = {"__type": f"com.amazonaws#{code}", "message": "", **more}
        return answer_of(self.request, status, orjson.dumps(body))

    def _no_connection(self, fault: str) -> Exception:
        if fault == "unreachable":
            return ConnectTimeoutError(endpoint_url=self.request.url)
        return EndpointConnectionError(endpoint_url=self.request.url, error=fault)

    def _timeout(self) -> Exception:
        return ReadTimeoutError(endpoint_url=self.request.url)

    def _reset(self) -> Exception:
        return ConnectionClosedError(endpoint_url=self.request.url)


def dynamodb_response(service: DynamoDB, call: AWSPreparedRequest, body: Body) -> AWSResponse:
    """Return DynamoDB's response to a request."""
    try:
        return answer_of(call, 200, orjson.dumps(service.answer(target(call), body)))
    except Refusal as refusal:
        return answer_of(call, 400, orjson.dumps(refusal.body))


def s3_response(service: S3, call: AWSPreparedRequest) -> AWSResponse:
    """Return S3's response to a request."""
    sent: Sent = service.answer(call)
    return answer_of(call, sent.status, sent.body, dict(sent.headers))


def description(answer: AWSResponse) -> str:
    """Return a short text of an error response, for the journal."""
    text = answer.content.decode()
    found = re.search(r"#(\w+)|<Code>(\w+)", text)
    reasons = re.findall(r'"Code": "(\w+)"', text)
    return " ".join([str(answer.status_code), (found[1] or found[2]) if found else "", *reasons])


def target(request: AWSPreparedRequest) -> str:
    """Return the operation that a JSON request names."""
    named: Any = request.headers["X-Amz-Target"]
    text: str = named.decode() if isinstance(named, bytes) else named
    return text.partition(".")[2]


def answer_of(
    request: AWSPreparedRequest,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    raw: io.BytesIO | None = None,
) -> AWSResponse:
    """Return a response as it comes from the network."""
    given: Any = headers or {"Content-Type": "application/x-amz-json-1.0"}
    sent: Any = raw or _Raw(body)
    return AWSResponse(request.url, status, given, sent)


class _Raw(io.BytesIO):
    """A body with the interface of urllib3's."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        while part := self.read(65536):
            yield part


class _Broken(_Raw):
    """A body whose connection breaks."""

    def read(self, size: int | None = -1) -> bytes:
        if part := super().read(size):
            return part
        raise ProtocolError("Connection broken")


def _split[T](parts: list[T], rng: random.Random) -> tuple[list[T], list[T]]:
    chosen = [rng.random() < 0.5 for _ in parts]
    return (
        [part for part, yes in zip(parts, chosen, strict=True) if yes],
        [part for part, yes in zip(parts, chosen, strict=True) if not yes],
    )

"""Lambda and Step Functions as imports use them: recorded requests and configured responses.

They replace the network, so botocore's own client is used as it is with AWS.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from shared.store.executions import client
from tests.wiretap import instead_of_moto

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Keywright-prod-Imports"
EXPORT_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Keywright-prod-Exports"


def execution_arn(name: str) -> str:
    """The ARN of an execution of MACHINE, as Step Functions makes it."""
    return f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}"


@dataclass
class Engine:
    """The requests to both services, in order, and the responses to give."""

    invoked: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    """Error codes to respond with, by operation of Step Functions."""
    status: str = "RUNNING"
    """Of every execution."""

    @property
    def announced(self) -> list[tuple[str, str]]:
        """Key and version of the objects that ImportCsv was invoked for."""
        objects = [event["Records"][0]["s3"]["object"] for event in self.invoked]
        return [(unquote_plus(each["key"]), each["versionId"]) for each in objects]

    @property
    def operations(self) -> list[str]:
        """The operations of Step Functions that were called."""
        return [operation for operation, _ in self.calls]

    def invoke(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        assert "/functions/import-csv/invocations" in request.url
        assert request.headers["X-Amz-Invocation-Type"] in (b"Event", "Event")
        self.invoked.append(_sent(request))
        return _answer(request, 202, b"")

    def step(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        sent = _sent(request)
        self.calls.append((operation, sent))
        if code := self.refusals.get(operation):
            return _answer(request, 400, json.dumps({"__type": code, "message": "no"}).encode())
        answers = {
            "DescribeExecution": {"status": self.status, "executionArn": "arn", "startDate": 1},
            "StartExecution": {"executionArn": execution_arn(sent.get("name", "")), "startDate": 1},
            "RedriveExecution": {"redriveDate": 1},
            "StopExecution": {"stopDate": 1},
        }
        return _answer(request, 200, json.dumps(answers[operation]).encode())


@contextmanager
def running_engine() -> Iterator[Engine]:
    """The two services, for a while."""
    engine = Engine()
    with ExitStack() as stack:
        for service, answer in (("lambda", engine.invoke), ("stepfunctions", engine.step)):
            # The product's client of a service is made once a run, since that takes long.
            events = client(service).meta.events
            stack.enter_context(instead_of_moto(events, "*", answer))
        yield engine


def _sent(request: AWSPreparedRequest) -> dict[str, Any]:
    assert isinstance(request.body, str | bytes)
    sent: dict[str, Any] = json.loads(request.body)
    return sent


def _answer(request: AWSPreparedRequest, status: int, body: bytes) -> AWSResponse:
    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield body

    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, Raw())  # type: ignore[arg-type]  # as moto does

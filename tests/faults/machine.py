"""Simulate what runs imports: S3's events, asynchronous invocations and the state machine.

From the template: an event is tried three times, a step six times, and two chunks run at once.
From AWS: an event may arrive twice, late, out of order or never, a call continues after its caller
has given up, and stopping an execution does not stop its running calls.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import batched
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions import import_csv
from tests.engine import execution_arn
from tests.faults.s3 import Version
from tests.faults.wire import answer_of
from tests.faults.world import Actor, NoFaults, World

CONCURRENCY = 2
_TRIES = {"event": 3, "step": 6}


def context(milliseconds: int) -> Any:
    """Return a Lambda context with this remaining time."""
    return SimpleNamespace(
        aws_request_id="request-1", get_remaining_time_in_millis=lambda: milliseconds
    )


class Ended(Exception):
    """The execution has ended."""


@dataclass
class Execution:
    """One execution of the state machine, and its progress, from which it can be redriven."""

    name: str
    input: str
    status: str = "RUNNING"
    planned: dict[str, Any] | None = None
    over: set[tuple[str, int]] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    @property
    def arn(self) -> str:
        return execution_arn(self.name)


@dataclass
class Machine:
    """Lambda and Step Functions of one simulation."""

    world: World
    executions: dict[str, Execution] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Every event, to be delivered again later."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """The input of every step that ran."""

    def __post_init__(self) -> None:
        self.world.s3.heard = self._uploaded
        self.world.services |= {"lambda": self._invoke, "sfn": self._step}

    def call(self, event: dict[str, Any]) -> Actor:
        """Start one invocation of the function."""
        rng, faultless = self.world.rng, isinstance(self.world.fault_plan, NoFaults)
        left = 900_000 if faultless or rng.random() < 0.9 else 1000
        skew = 0 if faultless else rng.choice((0, 0, 0, -7, 7, -3600, 3600))
        name = f"import-csv {event.get('step') or next(iter(event))}"
        return self.world.spawn(
            name,
            lambda: import_csv.handler(event, context(left)),
            company=_company_of(event),
            skew=skew,
        )

    def deliver(self, event: dict[str, Any], delay: int = 0) -> Actor:
        """Invoke the function asynchronously: three attempts, then the event is dropped."""

        def deliver() -> None:
            for _ in range(delay):
                self.world.wait()
            for _ in range(_TRIES["event"]):
                if self._awaited(self.call(event)).error is None:
                    return
                self.world.pass_time(60)

        return self.world.spawn("an event", deliver)

    def _uploaded(self, key: str, version: Version) -> None:
        if not key.endswith((".csv", ".CSV")):
            return
        size = len(version.data or b"")
        stored = {"key": quote_plus(key), "size": size, "versionId": version.id}
        record = {"s3": {"bucket": {"name": "uploads"}, "object": stored}}
        self._tell({"Records": [record]})

    def _tell(self, event: dict[str, Any]) -> None:
        """Deliver an event at least once; with faults also never, which the sweeper repairs."""
        self.events.append(event)
        rng = self.world.rng
        copies = 1
        if not isinstance(self.world.fault_plan, NoFaults):
            copies = rng.choice((0, 1, 1, 1, 1, 1, 2, 2, 3))
        for _ in range(copies):
            self.deliver(event, rng.choice((0, 0, 1, 40)))

    def _invoke(self, _: str, request: AWSPreparedRequest) -> AWSResponse:
        self.deliver(_sent(request))
        return answer_of(request, 202, b"")

    def _step(self, operation: str, request: AWSPreparedRequest) -> AWSResponse:
        act: Callable[[dict[str, Any]], dict[str, Any] | str] = {
            "StartExecution": self._start,
            "RedriveExecution": self._redrive,
            "StopExecution": self._stop,
            "DescribeExecution": self._describe,
        }[operation]
        result = act(_sent(request))
        if isinstance(result, str):
            body = {"__type": result, "message": result}
            return answer_of(request, 400, orjson.dumps(body))
        return answer_of(request, 200, orjson.dumps(result))

    def _start(self, request: dict[str, Any]) -> dict[str, Any] | str:
        known = self.executions.get(request["name"])
        if known and (known.status != "RUNNING" or known.input != request["input"]):
            return "ExecutionAlreadyExists"
        if known is None:
            known = self.executions[request["name"]] = Execution(request["name"], request["input"])
            self._go_on(known)
        return {"executionArn": known.arn, "startDate": self.world.time}

    def _redrive(self, request: dict[str, Any]) -> dict[str, Any] | str:
        execution = self._found(request)
        if execution is None:
            return "ExecutionDoesNotExist"
        if request["clientToken"] not in execution.tokens:
            if execution.status in ("RUNNING", "SUCCEEDED") or self.world.rng.random() < 0.3:
                return "ExecutionNotRedrivable"
            execution.tokens.add(request["clientToken"])
            execution.status = "RUNNING"
            self._go_on(execution)
        return {"redriveDate": self.world.time}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any] | str:
        execution = self._found(request)
        if execution is None:
            return "ExecutionDoesNotExist"
        if execution.status == "RUNNING":
            self._end(execution, "ABORTED")
        return {"stopDate": self.world.time}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any] | str:
        execution = self._found(request)
        if execution is None:
            return "ExecutionDoesNotExist"
        return {"status": execution.status, "executionArn": execution.arn, "startDate": 1}

    def _found(self, request: dict[str, Any]) -> Execution | None:
        return self.executions.get(request["executionArn"].removeprefix(execution_arn("")))

    def _go_on(self, execution: Execution) -> None:
        def run() -> None:
            try:
                self._run(execution)
            except Ended:
                if execution.status == "RUNNING":
                    self._end(execution, "FAILED")
            else:
                execution.status = "SUCCEEDED"

        self.world.spawn(f"execution {execution.name}", run)

    def _end(self, execution: Execution, status: str) -> None:
        execution.status = status
        detail = {
            "executionArn": execution.arn,
            "name": execution.name,
            "status": status,
            "input": execution.input,
            "stopDate": int(self.world.time * 1000),
        }
        self._tell({"detail": detail})

    def _run(self, execution: Execution) -> None:
        named = orjson.loads(execution.input)
        if execution.planned is None:
            execution.planned = self._task(execution, {"step": "plan", **named})
        passes = execution.planned["passes"]
        if passes[0] == "validate":
            self._map(execution, "validate")
            if self._task(execution, {"step": "decide", **named})["go"] == "write":
                self._map(execution, "write")
        elif passes[0] == "write":
            self._map(execution, "write")
        self._task(execution, {"step": "finish", **named})

    def _map(self, execution: Execution, which: str) -> None:
        planned = execution.planned or {}
        manifest = orjson.loads(self.world.s3.read(planned["manifest_key"]) or b"[]")
        names = {"company": planned["company"], "number": planned["number"]}
        if not isinstance(self.world.fault_plan, NoFaults):
            self.world.rng.shuffle(manifest)
        for some in batched(manifest, CONCURRENCY, strict=False):
            ranges = [
                self.world.spawn(f"range {chunk['first_row']}", self._range(execution, event))
                for chunk in some
                if (which, chunk["first_row"]) not in execution.over
                for event in [{"step": "chunk", "pass": which, **names, "chunk": chunk}]
            ]
            if any(self._awaited(each).error for each in ranges):
                raise Ended

    def _range(self, execution: Execution, event: dict[str, Any]) -> Callable[[], None]:
        def run() -> None:
            state = {**event, "done_rows": 0, "done": False}
            while not state["done"]:
                state = self._task(execution, state)
            execution.over.add((event["pass"], event["chunk"]["first_row"]))

        return run

    def _task(self, execution: Execution, event: dict[str, Any]) -> dict[str, Any]:
        """Run one state of the machine; returns its output or raises Ended."""
        self.steps.append(event)
        rng, faultless = self.world.rng, isinstance(self.world.fault_plan, NoFaults)
        for _ in range(_TRIES["step"]):
            if execution.status != "RUNNING":
                raise Ended
            call = self.call(event)
            given_up = not faultless and rng.random() < 0.05
            patience = rng.randrange(40) if given_up else None
            self._awaited(call, patience)
            if call.done and call.error is None:
                if execution.status != "RUNNING":
                    raise Ended
                answer: dict[str, Any] = call.result
                return answer
            self.world.pass_time(2)
        raise Ended

    def _awaited(self, actor: Actor, patience: int | None = None) -> Actor:
        """Return the actor when it is done, or when the caller's timeout ends."""
        while not actor.done and patience != 0:
            self.world.wait()
            patience = None if patience is None else patience - 1
        return actor


def _company_of(event: dict[str, Any]) -> str | None:
    if "Records" in event:
        key: str = event["Records"][0]["s3"]["object"]["key"]
        return key.partition("%2F")[0]
    if "detail" in event:
        company: str = orjson.loads(event["detail"]["input"])["company"]
        return company
    return str(event["company"])


def _sent(request: AWSPreparedRequest) -> dict[str, Any]:
    sent: Any = request.body
    body: dict[str, Any] = orjson.loads(sent)
    return body

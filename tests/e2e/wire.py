"""A proxy between the deployed functions and AWS that injects network faults.

microburst knows AWS's requests and answers. Functions are sent through it by their configuration,
as an operator could set it after a deploy: nothing in the product or its template knows of it.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from infra.local.stack import LocalStack
from tests.e2e.remote import behind

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "reset": {"reset": True},
    "failed": {"error": {"status": 500}},
    "throttled": {"error": {}},
    "answer lost": {"response": {"abort_bytes": 0}},
    "answer cut": {"response": {"truncate_frac": 0.5}},
    # With a header that can't be sent the proxy fails when AWS has answered already.
    "failed when done": {"response": {"set_headers": {"X": "\n"}}},
}
"""What can happen to a request. The first three keep it from AWS; the others only its response."""
_CODES = {
    ("failed", "dynamodb"): "InternalServerError",
    ("failed", "s3"): "InternalError",
    ("throttled", "dynamodb"): "ThrottlingException",
    ("throttled", "s3"): "SlowDown",
}
_PATIENCE = 60
"""Seconds in which the proxy starts, and reads what AWS's services are like."""


@dataclass(frozen=True)
class Wire:
    """The proxy: its rules for requests, and the requests that it saw."""

    url: str

    @contextmanager
    def meeting(self, *faults: Mapping[str, Any]) -> Iterator[None]:
        """For a while, requests meet the first of `faults` that is for them, and are seen."""
        self._call("DELETE", "fired")
        self._call("POST", "rules", json=[*faults, {"service": "*", "latency": 0}])
        try:
            yield
        finally:
            self._call("POST", "rules", json=[])

    def seen(self, *, faulty: bool) -> Counter[str]:
        """How many requests of which operation met a fault, or met none."""
        *_, everything = self._call("GET", "rules")
        return Counter(
            f"{each['service']}.{each['operation']}"
            for each in self._call("GET", "fired", params={"limit": 5000})
            if (each["rule_id"] != everything["id"]) is faulty
        )

    def _call(self, method: str, path: str, **request: Any) -> Any:
        url = f"{self.url}/_microburst/{path}"
        answer = httpx.request(method, url, trust_env=False, timeout=_PATIENCE, **request)
        return answer.raise_for_status().json()


def fault(what: str, operation: str, **when: Any) -> dict[str, Any]:
    """A fault for requests of `service.Operation`, always unless `when` says `times` or so."""
    service, _, name = operation.partition(".")
    rule = {"service": service, "operation": name, **FAULTS[what], **when}
    if "error" in rule:
        rule["error"] = {**rule["error"], "code": _CODES.get((what, service), "ServiceException")}
    return rule


@contextmanager
def running_proxy(upstream: str, *, port: int, log: Path) -> Iterator[Wire]:
    """A proxy that forwards everything unchanged until it gets rules."""
    command = [sys.executable, "-m", "microburst", "--upstream", upstream, "--port", str(port)]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as proxy:
        try:
            wire = Wire(f"http://127.0.0.1:{port}")
            _wait_for(wire)
            yield wire
        finally:
            proxy.terminate()


def _wait_for(wire: Wire) -> None:
    """The proxy reads the descriptions of all services before the first request passes."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            httpx.get(wire.url, trust_env=False, timeout=_PATIENCE)
            return
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.1)


@contextmanager
def sent_through(wire: Wire, stack: LocalStack, *modules: str) -> Iterator[None]:
    """The functions of these modules call AWS over the wire, for as long as the block runs."""
    # The emulator may take minutes to stop many workers; a later request finds it done.
    config = Config(read_timeout=8, retries={"total_max_attempts": 30})
    client: Any = boto3.client("lambda", config=config, **behind(stack))
    found = functions(stack, *modules)

    def configure(**more: str) -> None:
        for each in found:
            variables = {**each["Environment"]["Variables"], **more}
            variables = {name: value for name, value in variables.items() if value}
            client.update_function_configuration(
                FunctionName=each["FunctionName"], Environment={"Variables": variables}
            )

    configure(AWS_ENDPOINT_URL=wire.url)
    try:
        yield
    finally:
        configure(AWS_ENDPOINT_URL="")


def functions(stack: LocalStack, *modules: str) -> list[dict[str, Any]]:
    """The deployed functions of these modules."""
    handlers = {f"functions.{module}.handler" for module in modules}
    client: Any = boto3.client("lambda", **behind(stack))
    pages = client.get_paginator("list_functions").paginate()
    found = [each for page in pages for each in page["Functions"] if each["Handler"] in handlers]
    assert len(found) == len(handlers)
    return found


def swept(stack: LocalStack) -> dict[str, int]:
    """Run the sweep now; what it has done."""
    client: Any = boto3.client("lambda", **behind(stack))
    (sweep,) = functions(stack, "sweep")
    answer = client.invoke(FunctionName=sweep["FunctionName"], Payload=b"{}")
    result: dict[str, int] = json.load(answer["Payload"])
    assert "FunctionError" not in answer, result
    return result

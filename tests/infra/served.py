"""A stage that is served in this process: the real handlers where httpx expects the network."""

import importlib
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from email import policy
from email.message import MIMEPart
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import httpx
import pytest
import requests

from functions import import_csv
from infra.api import ROUTES, route_keys
from infra.cli.main import main
from shared.store import uploads
from shared.store.dynamo import table
from tests.functions.import_files import Context
from tests.gateway import EXPECTED, Gateway
from tests.http_event import send

API = "api.test"
TABLES = ("ACCESS", "CATALOG", "CUSTOMERS", "ORDERS", "LICENSES", "IMPORTS", "EVENTS", "SEARCH")
_STEPS = ("run", "results")
_GATEWAY = Gateway(
    {key: name for name, routes in ROUTES.items() for key in route_keys(routes, slash="")}, EXPECTED
)


@dataclass
class Served(httpx.BaseTransport):
    """Answer as the API and S3 do, except for the next request if `instead` is set."""

    requests: list[httpx.Request] = field(default_factory=list)
    instead: list[httpx.Response | Exception] = field(default_factory=list)
    later: dict[tuple[str, str], list[httpx.Response | None]] = field(default_factory=dict)
    """The same by method and path; None lets the API answer."""
    invoked: list[dict[str, Any]] = field(default_factory=list)
    """Asynchronous invocations, of which the steps in `_STEPS` run after the request."""
    lose_answer: bool = False
    """Carry the next request out, and tell nothing of it."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if self.instead:
            instead = self.instead.pop(0)
            if isinstance(instead, Exception):
                raise instead
            return instead
        waiting = self.later.get((request.method, request.url.path))
        if waiting and (answer := waiting.pop(0)) is not None:
            return answer
        with redirect_stdout(io.StringIO()):  # what functions print is not the command's
            is_api = request.url.host == API
            answer = self._from_api(request) if is_api else self._from_s3(request)
        if self.lose_answer:
            self.lose_answer = False
            raise httpx.ReadTimeout("lost", request=request)
        return answer

    def paths(self) -> list[str]:
        """The requests to the API, as method and path."""
        return [f"{each.method} {each.url.path}" for each in self.requests if each.url.host == API]

    def _from_api(self, request: httpx.Request) -> httpx.Response:
        name = _GATEWAY.target(request.method, request.url.path)
        reply = send(
            importlib.import_module(f"functions.{name}").handler,
            request.method,
            request.url.path,
            body=request.content or None,
            query=request.url.query.decode(),
            headers=dict(request.headers) | {"host": API},
        )
        for event in [each for each in self.invoked if each.get("step") in _STEPS]:
            self.invoked.remove(event)
            import_csv.handler(event, Context())
        return httpx.Response(reply.status, headers=_kept(reply.headers), text=reply.text)

    def _from_s3(self, request: httpx.Request) -> httpx.Response:
        """What a link is for; what comes whole, or is completed, is imported at once."""
        if request.method == "GET":
            key = request.url.path.lstrip("/")
            found = uploads.client().get_object(Bucket=uploads.bucket(), Key=key)
            return httpx.Response(200, content=found["Body"].read())
        if "uploadId" in request.url.params:
            return self._of_upload(request)
        parts = _parts(request)
        key = parts["key"].decode()
        put = uploads.client().put_object(Bucket=uploads.bucket(), Key=key, Body=parts["file"])
        _tell(key, len(parts["file"]), put["VersionId"])
        return httpx.Response(204)

    def _of_upload(self, request: httpx.Request) -> httpx.Response:
        """A part of a multipart upload, its completion or its end: moto takes it as it is."""
        sent = requests.request(request.method, str(request.url), data=request.content, timeout=5)
        if request.method == "POST" and sent.ok:
            key = request.url.path.lstrip("/")
            found = uploads.client().head_object(Bucket=uploads.bucket(), Key=key)
            _tell(key, found["ContentLength"], found["VersionId"])
        kept = {name: sent.headers[name] for name in ("ETag",) if name in sent.headers}
        return httpx.Response(sent.status_code, headers=kept, content=sent.content)


def _tell(key: str, size: int, version: str) -> None:
    stored = {"key": quote_plus(key), "size": size, "versionId": version}
    notice = {"s3": {"bucket": {"name": uploads.bucket()}, "object": stored}}
    import_csv.handler({"Records": [notice]}, Context())


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "content-length"}


def _parts(request: httpx.Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser(policy=policy.HTTP).parsebytes(head + request.content)
    return {part["content-disposition"].params["name"]: _bytes(part) for part in form.iter_parts()}


def _bytes(part: MIMEPart) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def deploy(name: str = "test", *, resources: dict[str, Any] | None = None) -> None:
    """Have CloudFormation tell of a stage as it does of ours."""
    outputs = {f"{each.capitalize()}Table": table(f"{each}_TABLE") for each in TABLES}
    outputs |= {"ApiUrl": f"https://{API}", "UploadsBucket": uploads.bucket()}
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, **(resources or {})},
        "Outputs": {output: {"Value": value} for output, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName=f"Keywright-{name}", TemplateBody=json.dumps(template)
    )


@dataclass(frozen=True)
class Keywright:
    """The command, as an operator runs it on the stage `test`."""

    out: pytest.CaptureFixture[str]
    folder: Path
    """For the files that it reads."""

    def run(self, *words: str | Path, status: int = 0) -> str:
        """Run the command and return its output; it must end with the status."""
        ended = main([*map(str, words), "--stage", "test"])
        printed = self.out.readouterr()
        assert ended == status, printed.out + printed.err
        return printed.out + printed.err

    def run_json(self, *words: str | Path, status: int = 0) -> Any:
        """Run the command with `--json` and return its output."""
        return json.loads(self.run(*words, "--json", status=status))

    def order(self, **order: Any) -> Any:
        """Create an order from a file, and return the answer."""
        file = self.folder / "order.json"
        file.write_text(json.dumps(order))
        return self.run_json("orders", "create", file)

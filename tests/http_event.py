"""Events as API Gateway sends them to a handler, and responses as a client reads them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client gets."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)

    def ok(self, status: int = 200) -> Any:
        """The body, parsed, of an answer that must have this status."""
        assert self.status == status, self.text
        return self.json()

    def refused(self, status: int = 400) -> Any:
        """The problem, parsed, of a request that must be refused with this status."""
        return self.ok(status)


def http_event(
    method: str,
    path: str,
    *,
    body: Any = None,
    query: str = "",
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An event in payload format 2.0; bytes travel as Base64, what is not text as JSON."""
    sent = {"host": "api.test", "x-forwarded-proto": "https"}
    if key is not None:
        sent["authorization"] = f"Api-Key {key}"
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    is_base64 = isinstance(body, bytes)
    if is_base64:
        body = base64.b64encode(body).decode()
    elif body is not None and not isinstance(body, str):
        body = json.dumps(body)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {
            "apiId": "api",
            "domainName": "api.test",
            "stage": "$default",
            "requestId": "request-1",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1"},
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


def send(handler: Any, method: str, path: str, **request: Any) -> Reply:
    """Sends a request straight into a handler; the arguments are those of `http_event`."""
    context = SimpleNamespace(
        function_name="test",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:test",
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: 25_000,
    )
    answer = handler(http_event(method, path, **request), context)
    text = answer["body"]
    if answer["isBase64Encoded"]:
        text = base64.b64decode(text).decode()
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return Reply(answer["statusCode"], headers, text)

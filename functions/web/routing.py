"""From an API Gateway HTTP API event to the function that serves its path, and back to an answer.

Powertools has a resolver for this, whose import takes 80 ms of each cold start, most of it for
asyncio and services that are not used here.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(slots=True)
class Response:
    """An answer on its way out."""

    status: int
    content_type: str | None
    body: str | bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        """As API Gateway takes it; bytes travel as Base64."""
        body, is_bytes = self.body, isinstance(self.body, bytes)
        if isinstance(body, bytes):
            body = base64.b64encode(body).decode()
        kind = {"Content-Type": self.content_type} if self.content_type else {}
        return {
            "statusCode": self.status,
            "headers": {**kind, **self.headers},
            "body": body,
            "isBase64Encoded": is_bytes,
        }

    def without_body(self) -> "Response":
        """The answer to HEAD: the headers of the answer to GET, with the length of its body."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        length = {"Content-Length": str(len(body))} if body else {}
        return Response(self.status, self.content_type, "", {**self.headers, **length})


class Route[T](NamedTuple):
    """A path such as `/orders/<id>/`, with one method; its last slash may be left out."""

    method: str
    pattern: re.Pattern[str]
    served: T

    @classmethod
    def of(cls, method: str, path: str, served: T) -> "Route[T]":
        text = re.escape(path.rstrip("/")).replace("<", "(?P<").replace(">", ">[^/]+)")
        return cls(method, re.compile(f"{text}/?"), served)


def path_of(event: Mapping[str, Any]) -> str:
    """The path of a request, without the name of the API's stage."""
    path: str = event["rawPath"]
    stage = event["requestContext"].get("stage", "$default")
    return path if stage == "$default" else path.removeprefix(f"/{stage}")


def find[T](routes: list[Route[T]], method: str, path: str) -> tuple[T, dict[str, str]] | None:
    """What serves a request, with the ids in its path; a path without ids goes before."""
    found = [
        (route, match)
        for route in routes
        if route.method == method and (match := route.pattern.fullmatch(path))
    ]
    if not found:
        return None
    route, match = min(found, key=lambda each: each[0].pattern.groups)
    return route.served, match.groupdict()

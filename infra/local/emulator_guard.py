"""Run MiniStack without access for web pages: `python emulator_guard.py`, in its environment.

The emulator accepts any credentials and sends `Access-Control-Allow-Origin: *` to any page. A web
page in a browser on this machine could read license keys and run code as a Lambda function. The
guard rejects requests that another origin may have sent: by `Origin`; by `Host`, which DNS
rebinding can't forge; and by `Sec-Fetch-Site`, which browsers also send with a GET of an image or a
form that has no `Origin`. Tools send neither `Origin` nor `Sec-Fetch-Site`.

Only the standard library and MiniStack can be imported here.
"""

import importlib
import os
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partialmethod
from typing import Any

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]
type Headers = Iterable[tuple[bytes, bytes]]

NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Host names of this machine; only pages of this machine can have them as their host."""
OWN_PAGES = ("same-origin", "none")
"""Allowed values of `Sec-Fetch-Site`: same origin, or an address that the user entered."""
KEY_CONDITION = re.compile(
    r"\w+ = (?P<pk>:\w+)"
    r"( AND (begins_with\((?P<start_of>\w+), (?P<start>:\w+)\)"
    r"|(?P<between>\w+) BETWEEN (?P<first>:\w+) AND (?P<last>:\w+)))?"
)
"""The key conditions of our queries, whose keys are strings."""
SILENCE = 0.001
"""Seconds without a log line after which an invocation's log is complete."""
_ANY_ORIGIN = (b"access-control-allow-origin", b"*")


class Guard:
    """An ASGI application that rejects requests of other origins and forwards all others."""

    def __init__(self, application: Application, *, port: int) -> None:
        self._application = application
        self._hosts = tuple(f"{name}:{port}" for name in NAMES)
        if port == 80:  # browsers and most tools omit the default port
            self._hosts += NAMES
        self._origins = tuple(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif reason := self.refusal(scope["headers"]):
            await _refuse(scope, receive, send, reason)
        else:
            await self._application(scope, receive, _without_any_origin(send))

    def refusal(self, headers: Headers) -> str | None:
        """Return why a request is rejected, or None; header names are in lower case."""
        hosts = _values(headers, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return f"Host must be one of {', '.join(self._hosts)}; it is {_shown(hosts)}."
        origins = _values(headers, b"origin")
        if any(origin.lower() not in self._origins for origin in origins):
            return (
                f"Web pages of another origin may not use this emulator: Origin is "
                f"{_shown(origins)}, not one of {', '.join(self._origins)}."
            )
        sites = _values(headers, b"sec-fetch-site")
        if any(site.lower() not in OWN_PAGES for site in sites):
            return (
                f"Web pages of another origin may not use this emulator: Sec-Fetch-Site is "
                f"{_shown(sites)}. To open this address, enter it in the browser's address bar."
            )
        return None


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]


def _shown(values: list[str]) -> str:
    return ascii(", ".join(values)[:200]) if values else "missing"


async def _refuse(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    """Answer 403 with the reason; a websocket is rejected before it is accepted."""
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})  # the server answers 403
            return
        kind = "websocket.http.response"
    body = f"{reason}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": f"{kind}.start", "status": 403, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _without_any_origin(send: Send) -> Send:
    """Remove `Access-Control-Allow-Origin: *`: pages of this origin need no CORS."""

    async def send_closed(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", ())
                if (name.lower(), value.strip()) != _ANY_ORIGIN
            ]
            message = {**message, "headers": kept}
        await send(message)

    return send_closed


def collect_logs_sooner(worker: type) -> None:
    """Have MiniStack's class of Lambda workers wait less for more log lines of an invocation.

    A function writes its log before its response, so the lines are in the pipe when the response
    arrives. MiniStack waits 5 ms of silence nevertheless, which was a third of an order's time.
    """
    wait = vars(worker)["_drain_stderr_bounded"]
    worker._drain_stderr_bounded = partialmethod(wait, idle_confirm=SILENCE)  # type: ignore[attr-defined]  # noqa: SLF001  # it has no setting


def compare_keys_directly(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack's evaluation of conditions, with a shortcut for the keys of a query.

    DynamoDB reads only the items of a query. MiniStack compares all items of the partition, and
    parses the condition for each of them: 0.2 ms per item, seconds for a search in 100,000
    customers. A condition takes the shortcut after MiniStack itself has accepted it.
    """
    accepted: dict[str, re.Match[str]] = {}

    def evaluated(
        text: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression"
    ) -> Any:
        found = accepted.get(text) if slot == "KeyConditionExpression" else None
        if found:
            if name := found["start_of"]:
                return item[name]["S"].startswith(values[found["start"]]["S"])
            if name := found["between"]:
                first, last = values[found["first"]]["S"], values[found["last"]]["S"]
                return first <= item[name]["S"] <= last
            return True  # the items are those of the partition
        result = evaluate(text, item, values, names, slot=slot)
        if slot == "KeyConditionExpression" and (found := KEY_CONDITION.fullmatch(text)):
            accepted[text] = found
        return result

    return evaluated


def main() -> None:
    """Serve MiniStack on GATEWAY_PORT as `python -m ministack` does, but behind the guard."""
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    collect_logs_sooner(vars(runtime)["Worker"])
    dynamodb = vars(importlib.import_module("ministack.services.dynamodb"))
    dynamodb["_evaluate_condition"] = compare_keys_directly(dynamodb["_evaluate_condition"])
    ministack = importlib.import_module("ministack.app")
    application = vars(ministack)["app"]
    vars(ministack)["app"] = Guard(application, port=int(os.environ["GATEWAY_PORT"]))
    vars(ministack)["main"]()


if __name__ == "__main__":
    main()

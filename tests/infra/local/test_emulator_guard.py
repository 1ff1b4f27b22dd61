"""The local emulator serves this machine's tools and its own pages, and no other web page."""

import asyncio
from typing import Any

import pytest

from infra.local.emulator_guard import (
    SILENCE,
    Guard,
    Message,
    Receive,
    Scope,
    Send,
    collect_logs_sooner,
    compare_keys_directly,
)

HOST = (b"host", b"127.0.0.1:4566")
OPEN = (b"Access-Control-Allow-Origin", b"*")


class Emulator:
    """The server behind the guard: it answers every request, of every origin."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.reached += 1
        if scope["type"] == "http":
            headers = [(b"content-type", b"text/plain"), OPEN]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"KEY-1"})


def call(
    *headers: tuple[bytes, bytes], kind: str = "http", port: int = 4566, **scope: Any
) -> tuple[Emulator, list[Message]]:
    """Send one request through the guard: what it reached, and what was answered."""
    emulator, sent = Emulator(), list[Message]()

    async def receive() -> Message:
        return {"type": f"{kind}.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(emulator, port=port)
    asyncio.run(guard({"type": kind, "headers": list(headers), **scope}, receive, send))
    return emulator, sent


@pytest.mark.parametrize(
    "host", [b"127.0.0.1:4566", b"localhost:4566", b"[::1]:4566", b"LOCALHOST:4566"]
)
@pytest.mark.parametrize(
    "more",
    [
        (),
        ((b"origin", b"http://127.0.0.1:4566"),),
        ((b"origin", b"http://localhost:4566"), (b"sec-fetch-site", b"same-origin")),
        ((b"sec-fetch-site", b"none"),),
    ],
    ids=["tool", "own page", "own page that says so", "address bar"],
)
def test_tools_and_own_pages_reach_the_emulator(
    host: bytes, more: tuple[tuple[bytes, bytes], ...]
) -> None:
    emulator, (start, body) = call((b"host", host), *more)

    assert emulator.reached == 1
    assert start["status"] == 200
    assert body["body"] == b"KEY-1"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "Host must be one of 127.0.0.1:4566, localhost:4566, [::1]:4566; it is missing."),
        ([(b"host", b"evil.example:4566")], "it is 'evil.example:4566'."),
        ([(b"host", b"127.0.0.1")], "it is '127.0.0.1'."),
        ([(b"host", b"127.0.0.1:4567")], "it is '127.0.0.1:4567'."),
        ([(b"host", b"127.0.0.1:4566.evil.example")], "it is '127.0.0.1:4566.evil.example'."),
        ([(b"host", b"uploads.localhost:4566")], "it is 'uploads.localhost:4566'."),
        ([HOST, (b"host", b"evil.example")], "it is '127.0.0.1:4566, evil.example'."),
        ([HOST, (b"origin", b"http://evil.example")], "Origin is 'http://evil.example'"),
        ([HOST, (b"origin", b"null")], "Origin is 'null'"),
        ([HOST, (b"origin", b"")], "Origin is ''"),
        ([HOST, (b"origin", b"http://127.0.0.1:3000")], "Origin is 'http://127.0.0.1:3000'"),
        ([HOST, (b"origin", b"https://127.0.0.1:4566")], "Origin is 'https://127.0.0.1:4566'"),
        ([HOST, (b"Origin", b"http://evil.example")], "Origin is 'http://evil.example'"),
        (
            [HOST, (b"origin", b"http://127.0.0.1:4566"), (b"origin", b"http://evil.example")],
            "Origin is 'http://127.0.0.1:4566, http://evil.example'",
        ),
        ([HOST, (b"sec-fetch-site", b"cross-site")], "Sec-Fetch-Site is 'cross-site'"),
        ([HOST, (b"sec-fetch-site", b"same-site")], "Sec-Fetch-Site is 'same-site'"),
        ([HOST, (b"origin", b"\xff\r\n")], r"Origin is '\xff'"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_page_is_refused_with_one_sentence(
    headers: list[tuple[bytes, bytes]], reason: str, method: str
) -> None:
    emulator, (start, body) = call(*headers, method=method)

    assert emulator.reached == 0
    assert start["status"] == 403
    assert reason in body["body"].decode()
    assert not [name for name, _ in start["headers"] if b"access-control" in name.lower()]


def test_no_answer_is_for_every_origin() -> None:
    _, (start, _) = call(HOST)

    assert start["headers"] == [(b"content-type", b"text/plain")]


def test_a_foreign_websocket_is_refused_before_it_is_accepted() -> None:
    foreign = (b"origin", b"http://evil.example")

    emulator, (start, body) = call(
        HOST, foreign, kind="websocket", extensions={"websocket.http.response": {}}
    )
    assert emulator.reached == 0
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert b"Origin is 'http://evil.example'" in body["body"]

    emulator, (closed,) = call(HOST, foreign, kind="websocket")
    assert emulator.reached == 0
    assert closed == {"type": "websocket.close", "code": 1008}


def test_an_own_websocket_and_the_start_of_the_server_pass() -> None:
    assert call(HOST, kind="websocket")[0].reached == 1
    assert call(kind="lifespan")[0].reached == 1


@pytest.mark.parametrize("host", [b"localhost", b"localhost:80"])
def test_the_default_port_may_be_left_out(host: bytes) -> None:
    emulator, _ = call((b"host", host), (b"origin", b"http://localhost"), port=80)

    assert emulator.reached == 1


def test_the_emulator_waits_one_millisecond_for_more_lines_of_a_log() -> None:
    class Worker:
        """As MiniStack's: `invoke` reads the log of an invocation with the default waits."""

        def invoke(self) -> dict[str, float]:
            return self._drain_stderr_bounded()

        def _drain_stderr_bounded(
            self, first_line_wait: float = 0.05, idle_confirm: float = 0.005
        ) -> dict[str, float]:
            return {"first": first_line_wait, "silence": idle_confirm}

    collect_logs_sooner(Worker)

    assert Worker().invoke() == {"first": 0.05, "silence": SILENCE}


KEYS = [{"pk": {"S": "a"}, "sk": {"S": sk}} for sk in ("ab", "abc", "b", "c")]
VALUES = {f":{name}": {"S": name} for name in ("a", "ab", "b")}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("pk = :a", ["ab", "abc", "b", "c"]),
        ("pk = :a AND begins_with(sk, :ab)", ["ab", "abc"]),
        ("pk = :a AND sk BETWEEN :ab AND :b", ["ab", "abc", "b"]),
    ],
)
def test_the_keys_of_a_query_are_parsed_once(condition: str, found: list[str]) -> None:
    evaluated: list[str] = []

    def evaluate(text: str, *_: Any, slot: str) -> bool:
        evaluated.append(text)
        return True

    direct = compare_keys_directly(evaluate)

    matching = [
        key["sk"]["S"]
        for key in KEYS
        if direct(condition, key, VALUES, {}, slot="KeyConditionExpression")
    ]

    assert matching == found
    assert evaluated == [condition]


def test_other_conditions_and_those_that_are_refused_are_left_to_the_emulator() -> None:
    def evaluate(text: str, *_: Any, slot: str) -> bool:
        if slot == "KeyConditionExpression":
            raise ValueError(text)
        return False

    direct = compare_keys_directly(evaluate)

    for _ in range(2):
        with pytest.raises(ValueError, match="pk = :a"):
            direct("pk = :a", KEYS[0], VALUES, {}, slot="KeyConditionExpression")
        assert direct("pk = :a", KEYS[0], VALUES, {}) is False

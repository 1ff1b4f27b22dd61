"""Concurrent requests over real sockets: only failed ones are retried."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from shared.errors import Busy
from shared.store import connections, patience, signed_http
from shared.store.patience import Patience
from shared.store.sender import CONNECTIONS, Sender
from shared.store.signed_http import Exchange
from tests.shared.store import bad_server as bad
from tests.shared.store.bad_server import Server

BODY = b'{"Statements":["' + b"x" * 24_000 + b'"]}'
SECONDS = 0.8
GOOD: dict[str, Any] = {"Responses": [{}]}


@pytest.fixture(params=["tcp", "tls"])
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Server]:
    """A server on this machine, to which all requests go."""
    contexts: tuple[ssl.SSLContext, ssl.SSLContext] | tuple[None, None] = None, None
    if request.param == "tls":
        contexts = bad.certificate(tmp_path)
    server = Server(tls=contexts[0])
    line = signed_http.Line(
        url=f"http://127.0.0.1:{server.port}/",
        region="us-east-1",
        credentials=Credentials("id", "secret"),
        events=SimpleNamespace(emit=lambda *_, **__: []),
        certificates=contexts[1],
    )
    monkeypatch.setattr(signed_http, "client", lambda: line)
    monkeypatch.setattr(patience, "pause", lambda *_: 0.001)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", SECONDS)
    yield server
    server.close()


@pytest.fixture
def sender(server: Server) -> Iterator[Sender]:
    sender = Sender()
    yield sender
    sender.close()


def exchange(body: bytes = BODY) -> Exchange[Any]:
    worker = Patience(lambda: 900_000, lambda: None)
    return signed_http.send("BatchExecuteStatement", body, worker.request("TABLE"))


def send(sender: Sender, times: int = 1) -> list[Any]:
    return list(sender.each(lambda _: exchange(), range(times)))


RETRIED = [
    bad.reset,
    bad.hang_up,
    bad.cut,
    bad.reset_midway,
    bad.failing,
    bad.html,
    bad.throttling,
    bad.corrupt,
    bad.no_checksum,
    bad.not_http,
    bad.silent,
]


@pytest.mark.parametrize("fault", RETRIED, ids=lambda fault: fault.__name__)
def test_a_request_that_got_no_whole_answer_is_sent_again(
    server: Server, sender: Sender, fault: bad.Respond
) -> None:
    server.script = [fault, fault]

    assert send(sender) == [GOOD]
    assert server.requests == 3


@pytest.mark.parametrize("fault", RETRIED, ids=lambda fault: fault.__name__)
def test_a_fault_of_one_request_does_not_touch_the_others(
    server: Server, sender: Sender, fault: bad.Respond
) -> None:
    server.script = [bad.good, bad.good, fault, bad.good]

    assert send(sender, 20) == [GOOD] * 20
    assert server.requests == 21


@pytest.mark.parametrize(
    "answer",
    [bad.good, bad.chunked, bad.in_pieces, bad.closing, bad.http_1_0, bad.closing_idle],
    ids=lambda answer: answer.__name__,
)
def test_an_answer_is_understood_however_it_comes(
    server: Server, sender: Sender, answer: bad.Respond
) -> None:
    server.script = [answer] * 4

    answers = []
    for _ in range(4):
        answers += send(sender)
        time.sleep(0.05)  # a connection may be closed while it is idle

    assert answers == [GOOD] * 4
    assert server.requests == 4


def test_connections_are_kept_and_never_more_than_allowed(server: Server, sender: Sender) -> None:
    send(sender, 100)
    send(sender, 100)

    assert server.requests == 200
    assert server.connections <= CONNECTIONS


def test_one_after_the_other_takes_one_connection(server: Server, sender: Sender) -> None:
    for _ in range(5):
        send(sender)

    assert server.connections == 1


def test_a_response_without_a_request_is_ignored(server: Server, sender: Sender) -> None:
    server.script = [bad.answering_twice]
    send(sender)
    time.sleep(0.1)

    assert send(sender, 2) == [GOOD, GOOD]


def test_a_server_that_reads_slowly_gets_all_of_a_request(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than socket buffers hold, so that a write stops in the middle."""
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 10)
    server.read_size, server.read_delay = 500_000, 0.001
    body = b'{"Statements":["' + b"x" * 5_000_000 + b'"]}'

    (answer,) = sender.each(exchange, [body])

    assert (answer, server.requests) == (GOOD, 1)


def test_a_refusal_is_raised_at_once(server: Server, sender: Sender) -> None:
    server.script = [bad.refusing]

    with pytest.raises(ClientError, match=r"ValidationException.*no"):
        send(sender)

    assert server.requests == 1


@pytest.mark.parametrize("fault", [bad.failing, bad.reset, bad.corrupt])
def test_a_request_that_fails_six_times_in_a_row_is_busy(
    server: Server, sender: Sender, fault: bad.Respond
) -> None:
    server.script = [fault] * 7

    with pytest.raises(Busy):
        send(sender)

    assert server.requests == patience.FAILURES


def test_a_server_that_is_not_there_is_busy(server: Server, sender: Sender) -> None:
    server.close()

    with pytest.raises(Busy):
        send(sender)


def test_when_one_raises_the_answers_in_flight_are_waited_for_and_the_sender_goes_on(
    server: Server, sender: Sender
) -> None:
    def act(n: int) -> Exchange[int]:
        started.append(n)
        yield from exchange()
        if n == 3:
            raise LookupError
        ended.append(n)
        return n

    started: list[int] = []
    ended: list[int] = []
    results: list[int] = []
    with pytest.raises(LookupError):
        results.extend(sender.each(act, range(1_000)))

    assert results == [*range(len(results))]
    assert len(started) <= 3 * CONNECTIONS, "nothing begins after that"
    assert len(started) - CONNECTIONS <= server.requests <= len(started)
    assert 3 not in ended
    before = server.requests
    assert send(sender, 3) == [GOOD] * 3
    assert server.requests == before + 3


def test_results_come_in_order_and_none_is_far_ahead(server: Server, sender: Sender) -> None:
    def numbers() -> Iterator[int]:
        for n in range(200):
            taken.append(n)
            yield n

    def act(n: int) -> Exchange[int]:
        if n % 7 == 0:
            yield 0.002
        yield from exchange()
        return n

    taken: list[int] = []
    for at, result in enumerate(sender.each(act, numbers())):
        assert result == at
        assert len(taken) <= at + 2 * CONNECTIONS + 1


def test_pauses_do_not_hold_up_other_requests(server: Server, sender: Sender) -> None:
    def act(n: int) -> Exchange[int]:
        yield 0.2
        yield from exchange()
        return n

    began = time.monotonic()

    assert list(sender.each(act, range(20))) == [*range(20)]
    assert time.monotonic() - began < 1.5


def test_a_deadline_passes_over_the_requests_that_are_answered(
    server: Server, sender: Sender
) -> None:
    server.script = [bad.silent, *[bad.good] * 500]
    began = time.monotonic()

    assert send(sender, 30) == [GOOD] * 30
    assert SECONDS <= time.monotonic() - began < 4


def test_an_untrusted_certificate_is_refused(
    server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TCP it is the server that has none."""
    monkeypatch.setitem(vars(signed_http.client()), "certificates", ssl.create_default_context())

    with pytest.raises(Busy):
        send(sender)

    assert server.requests == 0

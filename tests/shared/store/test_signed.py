"""Requests that we sign and send ourselves: as botocore would, and no worse when it goes wrong."""

import socket
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from shared.errors import Busy
from shared.store import signed
from shared.store.patience import Patience

MOMENT = "20260102T030405Z"
BODY = '{"note":"Peña"}'.encode()


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, no_wait: None) -> Iterator["Server"]:
    """A server on this machine, to which the line leads."""
    server = Server()
    line = signed.Line(
        url=f"http://{server.host}/",
        host=server.host,
        region="us-east-1",
        credentials=Credentials("id", "secret"),
        events=SimpleNamespace(emit=lambda *_, **__: []),
        certificates=None,
    )
    monkeypatch.setattr(signed, "client", lambda: line)
    yield server
    line.hang_up()
    server.listener.close()


class Server:
    """Answers with what it is told to, one answer to a request; None hangs up."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.answers: list[tuple[int, bytes] | None] = []
        self.checksum: int | None = None
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                while self._answered(connection):
                    pass

    def _answered(self, connection: socket.socket) -> bool:
        asked = b""
        while not asked.endswith(BODY):
            part = connection.recv(65536)
            if not part:
                return False
            asked += part
        if (answer := self.answers.pop(0)) is None:
            return False
        status, body = answer
        head = f"HTTP/1.1 {status} Told\r\nContent-Length: {len(body)}\r\n"
        if self.checksum is not None:
            head += f"x-amz-crc32: {self.checksum}\r\n"
        head += "\r\n"
        connection.sendall(head.encode() + body)
        return True


def send(milliseconds: int = 900_000) -> Any:
    patience = Patience(lambda: milliseconds, lambda: None)
    return signed.send("BatchGetItem", BODY, patience.request("TABLE"))


@pytest.mark.parametrize("token", [None, "session/token=="])
def test_a_request_is_signed_as_botocore_signs_it(
    token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Credentials("id", "secret", token)
    theirs = AWSRequest(
        "POST",
        "https://dynamodb.eu-west-1.amazonaws.com/",
        data=BODY,
        headers={
            "X-Amz-Target": "DynamoDB_20120810.BatchGetItem",
            "Content-Type": "application/x-amz-json-1.0",
        },
    )
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: at)
    SigV4Auth(keys, "dynamodb", "eu-west-1").add_auth(theirs)

    ours = signed.signed_headers(
        "BatchGetItem",
        BODY,
        host="dynamodb.eu-west-1.amazonaws.com",
        region="eu-west-1",
        keys=keys.get_frozen_credentials(),
        moment=MOMENT,
    )

    assert theirs.headers["X-Amz-Date"] == MOMENT
    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours.get("x-amz-security-token") == token


def test_one_connection_serves_many_requests(server: Server) -> None:
    server.answers = [(200, b'{"n":1}'), (200, b'{"n":2}')]

    told = [send() for _ in server.answers[:]]

    assert (told, server.connections) == ([{"n": 1}, {"n": 2}], 1)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        (500, b'{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}'),
        (503, b"<html>"),
        (400, b'{"__type":"x#ProvisionedThroughputExceededException"}'),
    ],
)
def test_a_fault_of_the_network_or_the_service_is_met_by_sending_again(
    server: Server, fault: Any
) -> None:
    server.answers = [fault, fault, (200, b"{}")]

    assert send() == {}


def test_an_answer_that_is_cut_or_changed_on_its_way_is_asked_for_again(server: Server) -> None:
    whole = b'{"Responses":{},"UnprocessedKeys":{}}'
    server.checksum = zlib.crc32(whole)
    server.answers = [(200, whole[:18]), (200, whole[:-1] + b"]"), (200, whole)]

    assert send() == {"Responses": {}, "UnprocessedKeys": {}}


def test_a_refusal_is_raised_at_once(server: Server) -> None:
    server.answers = [(400, b'{"__type":"x#ValidationException","message":"no"}')]

    with pytest.raises(ClientError, match=r"ValidationException.*no"):
        send()


def test_a_service_that_fails_six_times_in_a_row_is_busy(server: Server) -> None:
    server.answers = [(500, b'{"__type":"x#InternalServerError"}')] * 7

    with pytest.raises(Busy):
        send()

    assert len(server.answers) == 1

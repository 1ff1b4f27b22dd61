"""The reads of a search, over sockets; tests/functions/test_search.py has all else of the index."""

from collections.abc import Iterator
from threading import Barrier
from types import SimpleNamespace

import pytest
from botocore.credentials import Credentials

from shared.errors import Busy
from shared.search import BUCKETS, Kind
from shared.store import search_index, signed_http
from shared.store.search_index import Matches, matches_of
from shared.store.sender import Sender
from tests.shared.store import bad_server as bad
from tests.shared.store.bad_server import Server, Stream

WORDS: dict[Kind, str] = {"customer": "ana", "order": "ana"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    line = signed_http.Line(
        url=f"http://127.0.0.1:{server.port}/",
        region="us-east-1",
        credentials=Credentials("id", "secret"),
        events=SimpleNamespace(emit=lambda *_, **__: []),
        certificates=None,
    )
    monkeypatch.setattr(signed_http, "client", lambda: line)
    monkeypatch.setenv("SEARCH_TABLE", "search")
    sender = Sender()
    monkeypatch.setattr(search_index, "_sender", lambda: sender)
    yield server
    sender.close()
    server.close()


def test_the_buckets_of_all_kinds_are_read_at_the_same_time(server: Server) -> None:
    together = Barrier(2 * BUCKETS, timeout=5)

    def respond(stream: Stream) -> bool:
        together.wait()
        stream.send(bad.message(content=b'{"Items":[]}'))
        return True

    server.script += [respond] * 2 * BUCKETS

    found = matches_of("acme", WORDS, limit=60)

    assert found == dict.fromkeys(WORDS, Matches([], is_complete=True))
    assert server.requests == 2 * BUCKETS


def test_reads_that_stay_throttled_end_as_busy(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "_READ_SECONDS", 0.2)
    server.script = [bad.throttling] * 1000

    with pytest.raises(Busy):
        matches_of("acme", WORDS, limit=60)

"""Whether the emulator that runs is open to web pages, as earlier versions started it."""

import fcntl
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.local import stack
from infra.local.emulator import Emulator
from infra.local.steps import OpsError


@contextmanager
def running(home: Path, *, is_guarded: bool) -> Iterator[Emulator]:
    """Something that answers in the place of an emulator, and holds its lock."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            refused = is_guarded and self.headers["Origin"] is not None
            self.send_response(403 if refused else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing on the terminal."""

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server,
        (home / "emulator.lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = {"pid": 0, "port": server.server_port}
        (home / "emulator.json").write_text(json.dumps(record))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Emulator(home)
        server.shutdown()


@pytest.mark.parametrize("is_guarded", [True, False])
def test_an_emulator_that_answers_a_foreign_page_is_not_guarded(
    tmp_path: Path, is_guarded: bool
) -> None:
    with running(tmp_path, is_guarded=is_guarded) as emulator:
        assert emulator.port is not None
        assert emulator.is_guarded is is_guarded


def test_an_emulator_that_does_not_run_is_not_guarded(tmp_path: Path) -> None:
    assert not Emulator(tmp_path).is_guarded


def test_nothing_is_deleted_from_a_folder_that_users_share(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "other.json").write_text("{}")

    with pytest.raises(OpsError, match="Other users share"):
        stack.clean(tmp_path)

    assert (tmp_path / "other.json").exists()

"""A stack, deployed by `cdk deploy`, for tests over HTTP."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from infra.cli import stages
from infra.cli.main import main
from infra.local.emulator import Emulator
from infra.local.stack import LocalStack, up
from tests.e2e.remote import Operate, RemoteShop, Tables, opened
from tests.e2e.wire import Wire, running_proxy, sent_through

FIRST = (
    "test_events",
    "test_activity",
    "test_search",
    "test_home",
    "test_wire",
    "test_orders",
    "test_interrupted",
    "test_burst",
)
"""Their tests read streams of the emulator, which are late after large imports, or whole tables,
which is quick while the tables are small.
"""
LAST = ("test_import_lists", "test_imports")
"""Their tests fill the tables."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: _turn(item.path.stem))


def _turn(module: str) -> int:
    return FIRST.index(module) if module in FIRST else len(FIRST) + (module in LAST)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack has its state."""
    if running := os.environ.get("KEYWRIGHT_STACK"):
        return Path(running).resolve().parent
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(home: Path) -> Iterator[LocalStack]:
    """A new stack next to any that runs, or the one that KEYWRIGHT_STACK's file describes."""
    if running := os.environ.get("KEYWRIGHT_STACK"):
        described: LocalStack = json.loads(Path(running).read_text())
        yield described
        return
    try:
        yield up(home, port=_free_port())
    finally:
        Emulator(home).stop(keep=False)


@pytest.fixture(scope="session")
def keys(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Operate:
    """Runs the operators' command `keywright keys … --stage local` and gives what it prints."""
    described = tmp_path_factory.mktemp("operator") / "stack.json"
    described.write_text(json.dumps(stack))

    def run(*arguments: str) -> Any:
        printed = StringIO()
        with (
            patch.object(stages, "LOCAL_STACK", described),
            patch.dict(os.environ),
            redirect_stdout(printed),
        ):
            status = main(["keys", *arguments, "--stage", "local", "--json"])
        assert status == 0, printed.getvalue()
        return json.loads(printed.getvalue())

    return run


@pytest.fixture(scope="session")
def http(stack: LocalStack) -> Iterator[httpx.Client]:
    """Connections to the API, and no more than a client may expect of it."""
    limits = httpx.Limits(max_connections=40)
    with httpx.Client(base_url=stack["api_url"], timeout=60, limits=limits) as client:
        yield client


@pytest.fixture(scope="session")
def shop(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company that nobody else has, with products."""
    return opened(http, keys, "acme", stocked=True)


@pytest.fixture(scope="session")
def other_shop(http: httpx.Client, keys: Operate) -> RemoteShop:
    """Another company, with the same products."""
    return opened(http, keys, "globex", stocked=True)


@pytest.fixture(scope="session")
def tables(stack: LocalStack) -> Tables:
    return Tables(stack)


@pytest.fixture(scope="session")
def proxy(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A wire to AWS that nobody uses yet."""
    log = tmp_path_factory.mktemp("wire") / "proxy.log"
    with running_proxy(stack["aws_endpoint_url"], port=_free_port(), log=log) as wire:
        yield wire


@pytest.fixture(scope="module")
def wire(stack: LocalStack, proxy: Wire) -> Iterator[Wire]:
    """What places orders and imports uses it; what shows them does not.

    No longer than needed: a body of more than a MiB does not pass the proxy.
    """
    with sent_through(proxy, stack, "create_order", "start_import", "import_csv"):
        yield proxy


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

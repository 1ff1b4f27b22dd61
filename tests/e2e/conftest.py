"""A whole stack, deployed by `cdk deploy`, for tests that speak HTTP to it."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.ops.stack import LocalStack, down, up


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A new one beside whatever runs already, or the one that KEYWRIGHT_STACK's file describes."""
    if running := os.environ.get("KEYWRIGHT_STACK"):
        described: LocalStack = json.loads(Path(running).read_text())
        yield described
        return
    home = tmp_path_factory.mktemp("stack")
    try:
        yield up(home, port=_free_port())
    finally:
        down(home)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

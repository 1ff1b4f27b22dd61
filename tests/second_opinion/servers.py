"""Start emulators on free ports, and stop them at the end."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local.steps import OpsError, tail
from tests.second_opinion.environments import HOME, node_tool, python_tool

_HOST = "127.0.0.1"
_PATIENCE = 30


@contextmanager
def roto() -> Iterator[str]:
    """roto-aws: DynamoDB and S3, in memory. Yields where it listens."""
    command, port = python_tool("roto", "roto-server"), free_port()
    arguments = ("--ephemeral", "--host", _HOST, "--port", str(port))
    with _running("roto", [command, *arguments], port) as url:
        yield url


@contextmanager
def dynalite() -> Iterator[str]:
    """dynalite: DynamoDB without transactions, in memory. Yields where it listens."""
    command, port = node_tool("dynalite"), free_port()
    at_once = ("--createTableMs", "0", "--deleteTableMs", "0", "--updateTableMs", "0")
    arguments = ("--host", _HOST, "--port", str(port), *at_once)
    with _running("dynalite", [command, *arguments], port) as url:
        yield url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(name: str, command: Sequence[str | Path], port: int) -> Iterator[str]:
    log = HOME / f"{name}.server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=HOME)
    try:
        _wait(process, port, log)
        yield f"http://{_HOST}:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((_HOST, port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise OpsError(f"{log.stem} did not start.\n{tail(log)}")
        time.sleep(0.05)

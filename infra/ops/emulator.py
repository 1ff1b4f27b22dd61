"""MiniStack, the AWS emulator: an environment of its own, one process in the background.

It runs behind `emulator_guard.py`, which keeps web pages out.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from infra.asset import UV
from infra.ops.private import make_private_folder
from infra.ops.steps import OpsError, run, tail
from infra.stamp import BUILD, ROOT, digest, stamped

REGION = "us-east-1"
ACCOUNT = "000000000000"
HOST = "127.0.0.1"
PATIENCE = 120
"""Seconds to wait for a start or a stop; a stop writes the whole state to disk."""
_PATIENCE_WITHOUT_STATE = 5
_GUARD = Path(__file__).with_name("emulator_guard.py")


def endpoint(port: int) -> str:
    return f"http://{HOST}:{port}"


def aws_environment(port: int) -> dict[str, str]:
    """What AWS tools need to speak to the emulator and to nothing else."""
    return _environment() | {
        "AWS_ENDPOINT_URL": endpoint(port),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _environment() -> dict[str, str]:
    """This process's environment with the roads to a real AWS account closed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"NO_PROXY": f"{HOST},localhost", "no_proxy": f"{HOST},localhost"}


class Emulator:
    """The emulator whose state, log and process id live under `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "emulator.log"
        self._record = home / "emulator.json"
        self._lock = home / "emulator.lock"

    @property
    def port(self) -> int | None:
        """The port that it answers on, or None when it does not run."""
        if not self._alive():
            return None
        port = int(json.loads(self._record.read_text())["port"])
        return port if _healthy(port) else None

    @property
    def guarded(self) -> bool:
        """Whether the emulator that runs refuses web pages; earlier versions started it open."""
        foreign = {"Origin": "http://example.com"}
        return self.port is not None and not _healthy(self.port, foreign)

    def start(self, port: int) -> None:
        """Start it on a free port and wait until it answers."""
        if self._alive():
            raise OpsError("An emulator runs, but does not answer. `make down`, then try again.")
        _refuse_taken(port)
        python = _python(self.home)
        for folder in (self.home, *(self.home / name for name in ("state", "s3", "tmp"))):
            make_private_folder(folder)
        pid = self._spawn(python, port)
        self._record.write_text(json.dumps({"pid": pid, "port": port}))
        deadline = time.monotonic() + PATIENCE
        while not _healthy(port):
            if not self._alive() or time.monotonic() > deadline:
                self.stop()
                raise OpsError(f"The emulator did not start.\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self, *, keep: bool = True) -> bool:
        """Stop it, and let it write its state if that is wanted; whether there was one to stop."""
        if not self._alive():
            return False
        pid = json.loads(self._record.read_text())["pid"]
        deadline = time.monotonic() + (PATIENCE if keep else _PATIENCE_WITHOUT_STATE)
        while self._alive():
            late = time.monotonic() > deadline
            # It hears only the first SIGTERM until its state is written. Then the next one ends it,
            # where its threads would wait for minutes for functions that still try to reach it.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
            if late and keep:
                raise OpsError(f"It did not stop, so it was killed.\n{tail(self.log)}")
            time.sleep(0.05)
        return True

    def _spawn(self, python: Path, port: int) -> int:
        """Through a shell that ends at once, so that nobody has to wait for what it leaves.

        What the emulator writes holds license keys, so only its user may read it. `-P` keeps the
        modules beside the guard out of the emulator's imports.
        """
        command = f'umask 077; exec 3>&1 >&2; "{python}" -P "{_GUARD}" 3>&- & echo $! >&3'
        with self.log.open("w") as log, self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shell = subprocess.run(
                ["/bin/sh", "-c", command],
                cwd=self.home,
                env=_environment() | self._settings(port),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[lock.fileno()],
                start_new_session=True,
                check=True,
            )
        return int(shell.stdout)

    def _alive(self) -> bool:
        """Its process holds a lock for as long as it lives, which no reused process id can."""
        if not self._record.exists():
            return False
        with self._lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _settings(self, port: int) -> dict[str, str]:
        return {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "IOT_MTLS_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.home / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.home / "s3"),
            "TMPDIR": str(self.home / "tmp"),
        }


def _python(home: Path) -> Path:
    """The interpreter of the emulator's own environment, made from `uv.lock` when that changed."""
    environment = BUILD / "emulator"
    wanted = digest(ROOT / "uv.lock", ROOT / "pyproject.toml")
    with stamped(BUILD / "emulator.stamp", wanted) as stale:
        if stale:
            run(
                UV,
                "sync",
                "--frozen",
                "--only-group=emulator",
                f"--python={sys.executable}",
                log=home / "setup.log",
                cwd=ROOT,
                env=os.environ | {"UV_PROJECT_ENVIRONMENT": str(environment)},
            )
    return environment / "bin" / "python"


def _healthy(port: int, headers: dict[str, str] | None = None) -> bool:
    url = f"{endpoint(port)}/_ministack/health"
    try:
        return httpx.get(url, headers=headers, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise OpsError(f"Port {port} is taken. Choose another one, such as: PORT={port + 1}")

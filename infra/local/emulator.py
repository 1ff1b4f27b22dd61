"""The AWS emulator MiniStack: a background process in its own Python environment.

It runs behind `emulator_guard.py`, which rejects requests of web pages.
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
from infra.local.private import make_private_folder
from infra.local.steps import OpsError, run, tail
from infra.stamp import BUILD, ROOT, build_once, digest

REGION = "us-east-1"
ACCOUNT = "000000000000"
HOST = "127.0.0.1"
PATIENCE = 120
"""Seconds to wait for a start or a stop; a stop writes all data to disk."""
_PATIENCE_WITHOUT_STATE = 5
_GUARD = Path(__file__).with_name("emulator_guard.py")


def endpoint(port: int) -> str:
    """Return the endpoint URL of AWS in the emulator."""
    return f"http://{HOST}:{port}"


def aws_environment(port: int) -> dict[str, str]:
    """Return an environment in which AWS tools use the emulator and never a real account."""
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
    """Return the environment without any setting that leads to a real AWS account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {"NO_PROXY": f"{HOST},localhost", "no_proxy": f"{HOST},localhost"}


class Emulator:
    """The emulator whose data, log and process id are in the folder `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "emulator.log"
        self._record = home / "emulator.json"
        self._lock = home / "emulator.lock"

    @property
    def port(self) -> int | None:
        """The port that it answers on, or None if it is not running."""
        if not self._is_alive():
            return None
        port = int(json.loads(self._record.read_text())["port"])
        return port if _healthy(port) else None

    @property
    def is_guarded(self) -> bool:
        """Whether the running emulator rejects web pages; earlier versions had no guard."""
        foreign = {"Origin": "http://example.com"}
        return self.port is not None and not _healthy(self.port, foreign)

    def start(self, port: int) -> None:
        """Start the emulator on a free port and wait until it answers. Raises OpsError."""
        if self._is_alive():
            raise OpsError(
                "The emulator is running, but does not answer. Run make down and try again."
            )
        _check_port(port)
        python = _python(self.home)
        for folder in (self.home, *(self.home / name for name in ("state", "s3", "tmp"))):
            make_private_folder(folder)
        pid = self._spawn(python, port)
        self._record.write_text(json.dumps({"pid": pid, "port": port}))
        deadline = time.monotonic() + PATIENCE
        while not _healthy(port):
            if not self._is_alive() or time.monotonic() > deadline:
                self.stop()
                raise OpsError(f"The emulator did not start.\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self, *, keep: bool = True) -> bool:
        """Stop the emulator, saving its data if `keep`; return whether it was running.

        Raises OpsError if it had to be killed before it saved its data.
        """
        if not self._is_alive():
            return False
        pid = json.loads(self._record.read_text())["pid"]
        deadline = time.monotonic() + (PATIENCE if keep else _PATIENCE_WITHOUT_STATE)
        while self._is_alive():
            late = time.monotonic() > deadline
            # The emulator handles the first SIGTERM by writing its data. A second one then ends it
            # at once; without it, its threads wait for minutes for running functions.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
            if late and keep:
                raise OpsError(
                    f"The emulator did not stop in time and was killed.\n{tail(self.log)}"
                )
            time.sleep(0.05)
        return True

    def _spawn(self, python: Path, port: int) -> int:
        """Start the process through a shell that exits at once, which makes it a daemon.

        Its files contain license keys, so the umask makes them private. `-P` keeps modules in the
        folder of the guard from shadowing modules that the emulator imports.
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

    def _is_alive(self) -> bool:
        """Return whether the process runs: it holds a lock, so a reused process id is no matter."""
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
    """Return the interpreter of the emulator's environment; update it if `uv.lock` changed."""
    environment = BUILD / "emulator"
    wanted = digest(ROOT / "uv.lock", ROOT / "pyproject.toml")
    with build_once(BUILD / "emulator.stamp", wanted) as stale:
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


def _check_port(port: int) -> None:
    """Raise OpsError if the port is in use."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise OpsError(f"Port {port} is in use. Choose another port, such as PORT={port + 1}")

"""What is known against the packages that are locked: `python -m infra.ops.audit`.

Exits with 0 only when every package was looked up and none has a known vulnerability, with 1 when
one has, and with 2 for "not audited": the database could not be reached, or does not know one.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.ops.steps import console
from infra.stamp import ROOT

BIN = Path(sys.executable).parent
NPM = ("npm", "audit", "--json", "--package-lock-only")


class NotAudited(Exception):
    """Nothing is known of some package, neither good nor bad; the message says why."""


def audit_python() -> list[str]:
    """Vulnerabilities of what `uv.lock` holds, every group of it."""
    with TemporaryDirectory() as folder:
        locked, told = Path(folder, "requirements.txt"), Path(folder, "audit.json")
        export = "export --quiet --frozen --all-groups --all-extras --no-emit-project --output-file"
        _run(BIN / "uv", *export.split(), locked)
        look_up = "--strict --disable-pip --require-hashes --progress-spinner off --format json"
        done = _run(BIN / "pip-audit", *look_up.split(), "--output", told, "--requirement", locked)
        if not told.exists():
            raise NotAudited(_last_line(done.stderr))
        found = json.loads(told.read_text())["dependencies"]
    return [
        f"{package['name']} {package['version']}: {flaw['id']}"
        for package in found
        for flaw in package["vulns"]
    ]


def audit_node() -> list[str]:
    """Vulnerabilities of what `package-lock.json` holds."""
    try:
        told: dict[str, Any] = json.loads(_run(*NPM).stdout)
    except (FileNotFoundError, ValueError) as error:
        raise NotAudited(str(error)) from None
    if "vulnerabilities" not in told:
        raise NotAudited(str(told.get("message") or told.get("error")))
    return [f"{name}: {flaw['severity']}" for name, flaw in told["vulnerabilities"].items()]


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return ([line for line in text.splitlines() if line.strip()] or ["no answer"])[-1].strip()


def main() -> None:
    status = 0
    for lock, audit in (("uv.lock", audit_python), ("package-lock.json", audit_node)):
        try:
            flaws = audit()
        except NotAudited as why:
            console.print(f"{lock}: [red]not audited[/]. {why}", markup=True)
            status = 2
            continue
        for flaw in flaws:
            console.print(f"{lock}: {flaw}", markup=False)
        console.print(f"{lock}: {len(flaws)} known vulnerabilities")
        status = max(status, int(bool(flaws)))
    sys.exit(status)


if __name__ == "__main__":
    main()

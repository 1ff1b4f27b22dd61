"""Look up known vulnerabilities of the locked packages: `python -m infra.tools.audit`.

Exit status 0: every package was looked up and none has a known vulnerability; 1: at least one has;
2: not audited, because the database can't be reached or does not have a package.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.local.steps import console
from infra.stamp import ROOT

BIN = Path(sys.executable).parent
NPM = ("npm", "audit", "--json", "--package-lock-only")


class NotAudited(Exception):
    """At least one package could not be looked up; the message says why."""


def audit_python() -> list[str]:
    """Return the vulnerabilities of the packages in `uv.lock`, all groups and extras."""
    with TemporaryDirectory() as folder:
        locked, report = Path(folder, "requirements.txt"), Path(folder, "audit.json")
        export = "export --quiet --frozen --all-groups --all-extras --no-emit-project --output-file"
        _run(BIN / "uv", *export.split(), locked)
        look_up = "--strict --disable-pip --require-hashes --progress-spinner off --format json"
        done = _run(
            BIN / "pip-audit", *look_up.split(), "--output", report, "--requirement", locked
        )
        if not report.exists():
            raise NotAudited(_last_line(done.stderr))
        found = json.loads(report.read_text())["dependencies"]
    return [
        f"{package['name']} {package['version']}: {flaw['id']}"
        for package in found
        for flaw in package["vulns"]
    ]


def audit_node() -> list[str]:
    """Return the vulnerabilities of the packages in `package-lock.json`."""
    try:
        report: dict[str, Any] = json.loads(_run(*NPM).stdout)
    except (FileNotFoundError, ValueError) as error:
        raise NotAudited(str(error)) from None
    if "vulnerabilities" not in report:
        raise NotAudited(str(report.get("message") or report.get("error")))
    return [f"{name}: {flaw['severity']}" for name, flaw in report["vulnerabilities"].items()]


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return ([line for line in text.splitlines() if line.strip()] or ["no output"])[-1].strip()


def main() -> None:
    """Print the vulnerabilities of each lock file and exit."""
    status = 0
    for lock, audit in (("uv.lock", audit_python), ("package-lock.json", audit_node)):
        try:
            flaws = audit()
        except NotAudited as error:
            console.print(f"{lock}: [red]not audited[/]. {error}", markup=True)
            status = 2
            continue
        for flaw in flaws:
            console.print(f"{lock}: {flaw}", markup=False)
        console.print(f"{lock}: {len(flaws)} known vulnerabilities")
        status = max(status, int(bool(flaws)))
    sys.exit(status)


if __name__ == "__main__":
    main()

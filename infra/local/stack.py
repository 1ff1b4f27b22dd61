"""Keywright on this machine, in the AWS emulator: `python -m infra.local.stack up|down|clean`.

`up` writes URLs, API key and table names to `.local/stack.json`; LOCAL_DIR replaces `.local`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import httpx

from infra.local.deploy import deploy, find_stack, synthesize
from infra.local.emulator import REGION, Emulator, endpoint
from infra.local.private import make_private_folder, write_private
from infra.local.steps import OpsError, console, step
from infra.stamp import ROOT

DEFAULT_PORT = 4566
COMPANY = "demo"
TABLES = ("access", "catalog", "customers", "orders", "licenses", "imports", "events", "search")


class LocalStack(TypedDict):
    """The content of `.local/stack.json`; `api_url` has no trailing slash."""

    api_url: str
    api_key: str
    console_url: str
    aws_endpoint_url: str
    region: str
    company: str
    uploads_bucket: str
    tables: dict[str, str]


def up(home: Path, *, port: int | None = None) -> LocalStack:
    """Deploy the sources to the emulator and return the addresses. Raises OpsError."""
    make_private_folder(home)
    emulator = Emulator(home)
    log = home / "deploy.log"
    running = emulator.port
    if running and port not in (None, running):
        raise OpsError(
            f"The stack runs on port {running}. Run make down first, then make up PORT={port}."
        )
    if running and not emulator.is_guarded:
        with step("Restart the AWS emulator with protection against web pages"):
            emulator.stop()
            emulator.start(running)
    if not running:
        running = port or DEFAULT_PORT
        with step(f"Start the AWS emulator on port {running}"):
            emulator.start(running)
    with step("Build the package and synthesize the stack") as report:
        assembly = synthesize("local", log=log, report=report)
    with step("Deploy with the CDK") as report:
        changed = deploy(assembly, port=running, log=log, report=report)
    if not changed:
        console.print("  [dim]no changes since the last deploy")
    stack = _describe(assembly.stack_name, port=running)
    stack["api_key"] = _read_key(home)
    _write(home, stack)
    if not _accepts_key(stack):
        stack["api_key"] = _create_key(home)
        _write(home, stack)
    return stack


def down(home: Path) -> bool:
    """Stop the emulator and keep its data; return whether it was running."""
    return Emulator(home).stop()


def clean(home: Path) -> None:
    """Stop the emulator and delete its data."""
    make_private_folder(home)
    Emulator(home).stop(keep=False)
    for folder in ("state", "s3", "tmp"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for path in [*home.glob("*.json"), *home.glob("*.log"), *home.glob("*.lock")]:
        path.unlink()


def _describe(stack_name: str, *, port: int) -> LocalStack:
    deployed = find_stack(stack_name, port=port)
    if deployed is None:
        raise OpsError(f"The stack {stack_name} does not exist. Run make clean and try again.")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in deployed["Outputs"]}
    api_id = str(urlsplit(outputs["ApiUrl"]).hostname).partition(".")[0]
    api_url = f"{endpoint(port)}/_aws/execute-api/{api_id}/$default"
    return LocalStack(
        api_url=api_url,
        api_key="",
        console_url=f"{api_url}/console/",
        aws_endpoint_url=endpoint(port),
        region=REGION,
        company=COMPANY,
        uploads_bucket=outputs["UploadsBucket"],
        tables={name: outputs[f"{name.capitalize()}Table"] for name in TABLES},
    )


def _read_key(home: Path) -> str:
    try:
        return str(json.loads((home / "stack.json").read_text())["api_key"])
    except FileNotFoundError:
        return ""


def _write(home: Path, stack: LocalStack) -> None:
    write_private(home / "stack.json", json.dumps(stack, indent=2) + "\n")


def _accepts_key(stack: LocalStack) -> bool:
    """Return whether the API key in the stack file is valid."""
    headers = {"Authorization": f"Api-Key {stack['api_key']}"}
    url = f"{stack['api_url']}/api/v1/products/"
    return bool(stack["api_key"]) and httpx.get(url, headers=headers, timeout=30).is_success


def _create_key(home: Path) -> str:
    """Create an API key by `keywright keys create`, which reads the `stack.json` just written."""
    create = ["-m", "infra.cli.main", "keys", "create", "--json", "--stage", "local"]
    created = subprocess.run(
        [sys.executable, *create, "--company", COMPANY, "--name", "make up"],
        cwd=ROOT,
        env=os.environ | {"LOCAL_DIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if created.returncode:
        raise OpsError(f"Can't create an API key.\n{created.stderr}")
    return str(json.loads(created.stdout)["api_key"])


def main() -> None:
    """Run an action on the local stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("up", "down", "clean"))
    parser.add_argument(
        "--port", type=int, help=f"port of the emulator, for up; default: {DEFAULT_PORT}"
    )
    options = parser.parse_args()
    home = Path(os.environ.get("LOCAL_DIR", ROOT / ".local")).resolve()
    try:
        if options.action == "up":
            stack = up(home, port=options.port)
            console.print(f"API:     [bold]{stack['api_url']}[/]", soft_wrap=True)
            console.print(f"Console: [bold]{stack['console_url']}[/]", soft_wrap=True)
            console.print(
                f"API key, tables and URLs: {home / 'stack.json'}. To stop the stack: make down"
            )
        elif options.action == "down":
            console.print("Stopped." if down(home) else "The stack was not running.")
        else:
            clean(home)
            console.print(f"Stopped, and deleted the data in {home}.")
    except OpsError as error:
        sys.exit(f"\n{error}\n\nLogs are in {home}. To delete all data and start again: make clean")


if __name__ == "__main__":
    main()

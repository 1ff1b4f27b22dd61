"""How commands find a stage: the local one by `.local/stack.json`, others by stack outputs.

Also what all commands share: options, exit statuses and the format of times.
"""

import argparse
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from infra.cli.findings import NotReady
from infra.client.client import Client
from infra.stamp import CDK_SETTINGS, ROOT

LOCAL_STACK = Path(os.environ.get("LOCAL_DIR", ROOT / ".local")) / "stack.json"
TABLES = ("access", "catalog", "customers", "orders", "licenses", "imports", "events", "search")
FOUND_PROBLEMS, FAILED = 1, 2
"""Exit statuses: the command ran and found problems, such as failed rows; the command failed."""


def read_stages() -> dict[str, dict[str, Any]]:
    """Return the settings of every stage in cdk.json, without loading the CDK.

    Raises NotReady outside of a checkout, where an installed command has no cdk.json.
    """
    try:
        context = json.loads((ROOT / CDK_SETTINGS).read_bytes())["context"]
    except FileNotFoundError:
        raise NotReady(
            f"There is no {CDK_SETTINGS} in {ROOT}: run this command in a checkout of Keywright."
        ) from None
    stages: dict[str, dict[str, Any]] = context["stages"]
    return stages


class NoStack(Exception):
    """The stage is not deployed, or not in the account and region of these credentials."""


@dataclass(frozen=True)
class Deployment:
    """The addresses of a deployed stage."""

    name: str
    api_url: str
    uploads_bucket: str
    tables: dict[str, str]
    api_key: str | None = None
    """The API key of the local stage; None for others."""

    def client(self, key: str | None = None) -> Client:
        """Open the API with `key`, or KEYWRIGHT_API_KEY, or the local key. Raises NoStack."""
        key = key or os.environ.get("KEYWRIGHT_API_KEY") or self.api_key
        if not key:
            raise NoStack("no API key: set KEYWRIGHT_API_KEY")
        return Client(self.api_url, key)


def add_group(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, *, about: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """Add a command with subcommands and return those; alone, it prints its help."""
    group = commands.add_parser(name, help=about)
    group.set_defaults(run=lambda _: group.print_help())
    return group.add_subparsers(title="subcommands", metavar="SUBCOMMAND")


def add_subcommand(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int | None],
    about: str,
) -> argparse.ArgumentParser:
    """Add a command that does `run` on a stage, and return it, for its own options."""
    command = commands.add_parser(name, parents=[stage_options()], help=about)
    command.set_defaults(run=run)
    return command


def in_words(name: str) -> str:
    """Return a name of the API, such as `completed_with_errors`, as words."""
    return name.replace("_", " ")


def format_time(at: datetime | None) -> str:
    """Return a time as `2026-03-01 14:05 UTC`, the format of every table and message."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "-"


def stage_options() -> argparse.ArgumentParser:
    """Return the options that all commands share."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--stage", required=True, help="'local', or the STAGE of a stack Keywright-STAGE on AWS"
    )
    options.add_argument("--json", action="store_true", help="print JSON")
    return options


def find_deployment(stage: str) -> Deployment:
    """Return a stage's addresses; reads stack outputs with the operator's AWS credentials.

    Sets the environment so that boto3 and the store use the stage's AWS endpoint and Access table.
    Raises NoStack.
    """
    found = _local() if stage == "local" else _on_aws(stage)
    os.environ["ACCESS_TABLE"] = found.tables["access"]
    return found


def open_client(stage: str) -> Client:
    """Return a client of a stage's API. Raises NoStack."""
    return find_deployment(stage).client()


def _local() -> Deployment:
    if not LOCAL_STACK.exists():
        raise NoStack("the local stack does not exist: start it with make up")
    stack: dict[str, Any] = json.loads(LOCAL_STACK.read_text(encoding="utf-8"))
    os.environ.pop("AWS_PROFILE", None)
    os.environ |= {
        "AWS_ENDPOINT_URL": stack["aws_endpoint_url"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return Deployment(
        "local", stack["api_url"], stack["uploads_bucket"], stack["tables"], stack["api_key"]
    )


def _on_aws(stage: str) -> Deployment:
    name = f"Keywright-{stage}"
    try:
        with closing(boto3.client("cloudformation")) as cloudformation:
            (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        known = _known_stages()
        if known and stage not in known:
            raise NoStack(_unknown(stage, known)) from None
        if isinstance(error, NoRegionError):
            message = (
                f"the stage {stage} is on AWS: set AWS_REGION to the region of its stack {name}"
            )
            raise NoStack(message) from None
        if not isinstance(error, ClientError) or (
            error.response["Error"]["Code"] != "ValidationError"
        ):
            raise
        raise NoStack(
            f"there is no stack {name} in this account and region: deploy it with make deploy"
            f" STAGE={stage}"
        ) from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    try:
        tables = {table: outputs[f"{table.capitalize()}Table"] for table in TABLES}
        return Deployment(stage, outputs["ApiUrl"], outputs["UploadsBucket"], tables)
    except KeyError as missing:
        raise NoStack(f"the stack {name} has no output {missing}: deploy it again") from None


def _known_stages() -> list[str]:
    """Return the stages of cdk.json, or none outside of a checkout."""
    try:
        return sorted(read_stages())
    except NotReady:
        return []


def _unknown(stage: str, known: list[str]) -> str:
    """Return the message for a stage that is neither in cdk.json nor deployed."""
    near = get_close_matches(stage, known, n=1)
    meant = f". Did you mean {near[0]}?" if near else ""
    return (
        f"unknown stage {stage!r}: cdk.json has {', '.join(known)}, and no stack Keywright-{stage}"
        f" was found{meant}"
    )

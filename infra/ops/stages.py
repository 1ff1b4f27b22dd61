"""Where a stage is: `make up` wrote it for the local one, its stack's outputs tell of any other.

And what every command has in common: its options, its exit status, how it shows a moment.
"""

import argparse
import json
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from infra.ops.client import Client
from infra.ops.findings import NotReady
from infra.stamp import CDK_SETTINGS, ROOT

LOCAL_STACK = Path(os.environ.get("LOCAL_DIR", ROOT / ".local")) / "stack.json"
TABLES = ("access", "catalog", "customers", "orders", "licenses", "imports")
NOT_WELL, NOT_DONE = 1, 2
"""Exit status: it was done and not all is well, such as rows that failed; or it was not done."""


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
    """The stage is not deployed, or not where these credentials look."""


@dataclass(frozen=True)
class Deployment:
    """A stage as it is deployed."""

    name: str
    api_url: str
    uploads_bucket: str
    tables: dict[str, str]
    api_key: str | None = None
    """The local stage has one of its own."""

    def client(self, key: str | None = None) -> Client:
        """Opened by `key`, KEYWRIGHT_API_KEY or the stage's own key. Raises NoStack without any."""
        key = key or os.environ.get("KEYWRIGHT_API_KEY") or self.api_key
        if not key:
            raise NoStack("say which API key to use: KEYWRIGHT_API_KEY=…")
        return Client(self.api_url, key)


def add_noun(
    nouns: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, *, about: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """Adds a command that has verbs, and gives those; without a verb it prints its help."""
    noun = nouns.add_parser(name, help=about)
    noun.set_defaults(run=lambda _: noun.print_help())
    return noun.add_subparsers(title="verbs", metavar="VERB")


def in_words(name: str) -> str:
    """A name out of the API, such as `completed_with_errors`, as it stands in a sentence."""
    return name.replace("_", " ")


def moment(at: datetime | None) -> str:
    """`2026-03-01 14:05 UTC`, in every table and sentence."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "-"


def stage_options() -> argparse.ArgumentParser:
    """What every verb takes."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--stage", required=True, help="'local', or the stage of the stack Keywright-STAGE on AWS"
    )
    options.add_argument("--json", action="store_true", help="print JSON, for a program")
    return options


def find_deployment(stage: str) -> Deployment:
    """Read with the operator's own AWS credentials, but for the local stage.

    Afterwards boto3 and the store speak to the stage's AWS and Access table. Raises NoStack.
    """
    found = _local() if stage == "local" else _on_aws(stage)
    os.environ["ACCESS_TABLE"] = found.tables["access"]
    return found


def open_client(stage: str) -> Client:
    return find_deployment(stage).client()


def _local() -> Deployment:
    if not LOCAL_STACK.exists():
        raise NoStack("the local stack is not there; start it with: make up")
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
            f"there is no stack {name} in this account and region; deploy it: make deploy"
            f" STAGE={stage}"
        ) from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    try:
        tables = {table: outputs[f"{table.capitalize()}Table"] for table in TABLES}
        return Deployment(stage, outputs["ApiUrl"], outputs["UploadsBucket"], tables)
    except KeyError as missing:
        raise NoStack(f"the stack {name} has no output {missing}; deploy it again") from None


def _known_stages() -> list[str]:
    """Return the stages of cdk.json, or none outside of a checkout."""
    try:
        return sorted(read_stages())
    except NotReady:
        return []


def _unknown(stage: str, known: list[str]) -> str:
    """That no stage has this name, neither in cdk.json nor as a stack on AWS that could be read."""
    near = get_close_matches(stage, known, n=1)
    meant = f". Did you mean {near[0]}?" if near else ""
    return (
        f"unknown stage {stage!r}: cdk.json has {', '.join(known)}, and no stack Keywright-{stage}"
        f" was found{meant}"
    )

"""`keywright keys`: make, list and revoke the API keys of companies, on any stage."""

import argparse
import json
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from infra.stamp import ROOT
from shared.access import ORDINARY_SCOPES, SCOPES, ApiKey, new_api_key
from shared.store.access import add_api_key, list_api_keys, revoke_api_key

LOCAL_STACK = Path(os.environ.get("LOCAL_DIR", ROOT / ".local")) / "stack.json"

_COMPANY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([dh])")


class NoStack(Exception):
    """The stage is not deployed, or not where these credentials look."""


def add_verbs(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `keys create`, `keys list` and `keys revoke` to the command."""
    noun = nouns.add_parser("keys", help="make, list and revoke API keys")
    verbs = noun.add_subparsers(title="verbs", metavar="VERB", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--stage", required=True, help="'local', or the stage of the stack Keywright-STAGE on AWS"
    )
    common.add_argument("--json", action="store_true", help="print JSON, for a program")

    create = verbs.add_parser("create", parents=[common], help="make a key; it is shown once")
    create.add_argument("--company", required=True, type=_company, help="whose records it opens")
    create.add_argument(
        "--scopes",
        type=_scopes,
        default=ORDINARY_SCOPES,
        metavar="A,B",
        help=f"of {', '.join(sorted(SCOPES))}; default: all but keys:admin",
    )
    create.add_argument("--name", default="", help="what it is for, to recognize it in the list")
    create.add_argument(
        "--expires", type=_lifetime, metavar="90d", help="days (d) or hours (h) until it dies"
    )
    create.set_defaults(run=_create)

    listed = verbs.add_parser("list", parents=[common], help="show all keys, without secrets")
    listed.add_argument("--company", type=_company, help="only the keys of this company")
    listed.set_defaults(run=_list)

    revoke = verbs.add_parser("revoke", parents=[common], help="end a key within a minute")
    revoke.add_argument("prefix", metavar="PREFIX", help="the part of the key before its dot")
    revoke.set_defaults(run=_revoke)


def find_access_table(stage: str) -> None:
    """Points the store at a stage's Access table.

    The local stage is found by the file that it writes when it starts; any other by the outputs
    of its stack, with the operator's own AWS credentials. Raises NoStack.
    """
    if stage == "local":
        stack = local_stack()
        os.environ.pop("AWS_PROFILE", None)
        os.environ |= {
            "AWS_ENDPOINT_URL": stack["aws_endpoint_url"],
            "AWS_DEFAULT_REGION": stack["region"],
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "ACCESS_TABLE": stack["tables"]["access"],
        }
        return
    outputs = stack_outputs(stage)
    if "AccessTable" not in outputs:
        raise NoStack(f"the stack Keywright-{stage} has no output AccessTable; deploy it again")
    os.environ["ACCESS_TABLE"] = outputs["AccessTable"]


def local_stack() -> dict[str, Any]:
    """What `make up` wrote. Raises NoStack."""
    if not LOCAL_STACK.exists():
        raise NoStack("the local stack is not there; start it with: make up")
    stack: dict[str, Any] = json.loads(LOCAL_STACK.read_text(encoding="utf-8"))
    return stack


def stack_outputs(stage: str) -> dict[str, str]:
    """The outputs of a stage's stack, read with the operator's own credentials. Raises NoStack."""
    name = f"Keywright-{stage}"
    try:
        cloudformation = boto3.client("cloudformation")
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise NoStack(f"there is no stack {name} in this account and region") from None
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}


def _create(asked: argparse.Namespace) -> None:
    find_access_table(asked.stage)
    now = datetime.now(UTC).replace(microsecond=0)
    key, presented = new_api_key(
        asked.company,
        now=now,
        scopes=asked.scopes,
        name=asked.name,
        expires_at=asked.expires and now + asked.expires,
    )
    add_api_key(key)
    if asked.json:
        print(json.dumps({"api_key": presented} | _told(key, now)))
        return
    _show([key], now)
    console = Console(soft_wrap=True, highlight=False)
    console.print("\nSend this header. The secret is not kept and cannot be shown again:\n")
    console.print(f"  Authorization: Api-Key {presented}\n", style="bold", markup=False)


def _list(asked: argparse.Namespace) -> None:
    find_access_table(asked.stage)
    now = datetime.now(UTC)
    keys = list(list_api_keys(asked.company))
    if asked.json:
        print(json.dumps([_told(key, now) for key in keys]))
    elif keys:
        _show(keys, now)
    else:
        print("No keys. Make one with: keywright keys create --stage STAGE --company COMPANY")


def _revoke(asked: argparse.Namespace) -> None:
    find_access_table(asked.stage)
    now = datetime.now(UTC)
    key = revoke_api_key(asked.prefix.partition(".")[0], now)
    if asked.json:
        print(json.dumps(_told(key, now)))
        return
    print(f"Revoked {key.prefix} of {key.company}. Functions that know it forget it in 60 seconds.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "live"


def _told(key: ApiKey, now: datetime) -> dict[str, object]:
    told = key.model_dump(mode="json", exclude={"hash"})
    return told | {"scopes": sorted(key.scopes), "state": _state(key, now)}


def _show(keys: Iterable[ApiKey], now: datetime) -> None:
    table = Table(
        Column("Prefix", no_wrap=True),
        "Company",
        "Name",
        "State",
        "Scopes",
        "Made",
        "Expires",
        "Last used",
    )
    for key in keys:
        table.add_row(
            key.prefix,
            key.company,
            escape(key.name),
            _state(key, now),
            "\n".join(sorted(key.scopes)),
            *(_day(moment) for moment in (key.created_at, key.expires_at, key.last_used_at)),
        )
    Console().print(table)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "-"


def _company(text: str) -> str:
    if not _COMPANY.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not lower-case letters, digits and hyphens, at most 40"
        )
    return text


def _scopes(text: str) -> frozenset[str]:
    scopes = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := scopes - SCOPES:
        raise argparse.ArgumentTypeError(
            f"no scope {', '.join(sorted(unknown))}; there are {', '.join(sorted(SCOPES))}"
        )
    if not scopes:
        raise argparse.ArgumentTypeError("a key needs a scope")
    return scopes


def _lifetime(text: str) -> timedelta:
    match = _LIFETIME.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 90d or 12h")
    count = int(match[1])
    return timedelta(days=count) if match[2] == "d" else timedelta(hours=count)

"""`keywright keys`: create, list, revoke and rotate the API keys of companies."""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.markup import escape

from infra.cli.stages import add_group, add_subcommand, find_deployment, format_time
from infra.cli.tables import print_table
from shared.access import ORDINARY_SCOPES, SCOPES, ApiKey, new_api_key, state_of
from shared.errors import NotFound
from shared.store.access import add_api_key, get_api_key, list_api_keys, revoke_api_key
from shared.workflows.rotate_api_key import rotate_api_key

_COMPANY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([dh])")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    subcommands = add_group(commands, "keys", about="create, list, revoke and rotate API keys")

    create = add_subcommand(subcommands, "create", _create, "create a key (shown once)")
    create.add_argument(
        "--company", required=True, type=_company, help="company that the key belongs to"
    )
    create.add_argument(
        "--scopes",
        type=_scopes,
        default=ORDINARY_SCOPES,
        metavar="A,B",
        help=f"scopes of the key, from {', '.join(sorted(SCOPES))}; default: all except keys:admin",
    )
    create.add_argument("--name", default="", help="name by which to recognize the key in lists")
    create.add_argument(
        "--expires", type=_duration, metavar="90d", help="days (d) or hours (h) until it expires"
    )

    listed = add_subcommand(subcommands, "list", _list, "list keys, without their secrets")
    listed.add_argument("--company", type=_company, help="only the keys of this company")

    revoke = add_subcommand(subcommands, "revoke", _revoke, "revoke a key (effective within 60 s)")
    revoke.add_argument("prefix", metavar="PREFIX", help="the part of the key before its dot")

    rotate = add_subcommand(
        subcommands, "rotate", _rotate, "replace a key by a new one with the same scopes"
    )
    rotate.add_argument("prefix", metavar="PREFIX", help="prefix of the key to replace")
    rotate.add_argument(
        "--overlap",
        type=_duration,
        default=timedelta(days=1),
        metavar="24h",
        help="time until the old key expires; default: 1d",
    )


def _create(options: argparse.Namespace) -> None:
    find_deployment(options.stage)
    now = datetime.now(UTC).replace(microsecond=0)
    key, presented = new_api_key(
        options.company,
        now=now,
        scopes=options.scopes,
        name=options.name,
        expires_at=options.expires and now + options.expires,
    )
    add_api_key(key)
    if options.json:
        print(json.dumps({"api_key": presented} | _as_json(key, now)))
        return
    _show([key], now)
    _show_header(presented)


def _list(options: argparse.Namespace) -> None:
    find_deployment(options.stage)
    now = datetime.now(UTC)
    keys = list(list_api_keys(options.company))
    if options.json:
        print(json.dumps([_as_json(key, now) for key in keys]))
    elif keys:
        _show(keys, now)
    else:
        print("No keys. Create one: keywright keys create --stage STAGE --company COMPANY")


def _revoke(options: argparse.Namespace) -> None:
    find_deployment(options.stage)
    now = datetime.now(UTC)
    key = revoke_api_key(options.prefix.partition(".")[0], now)
    if options.json:
        print(json.dumps(_as_json(key, now)))
        return
    print(f"Revoked {key.prefix} of {key.company}. Takes effect everywhere within 60 seconds.")


def _rotate(options: argparse.Namespace) -> None:
    find_deployment(options.stage)
    now = datetime.now(UTC).replace(microsecond=0)
    key, presented, old = rotate_api_key(
        _stored_key(options.prefix.partition(".")[0]), overlap=options.overlap, now=now
    )
    if options.json:
        replaced = {"replaced": _as_json(old, now)}
        print(json.dumps({"api_key": presented} | _as_json(key, now) | replaced))
        return
    _show([old, key], now)
    _show_header(presented)


def _stored_key(prefix: str) -> ApiKey:
    if (key := get_api_key(prefix)) is None:
        raise NotFound(f"There is no API key {prefix}.")
    return key


def _as_json(key: ApiKey, now: datetime) -> dict[str, object]:
    fields = key.model_dump(mode="json", exclude={"hash"})
    return fields | {"scopes": sorted(key.scopes), "state": state_of(key, now)}


def _show_header(presented: str) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        "\nSend this header with each request. Copy the key now: it can't be shown again.\n"
    )
    console.print(f"  Authorization: Api-Key {presented}\n", style="bold", markup=False)


def _show(keys: Sequence[ApiKey], now: datetime) -> None:
    """Print a table of keys; a narrow terminal omits when they were created and last used."""
    console = Console(highlight=False)
    columns: dict[str, Callable[[ApiKey], str]] = {
        "Prefix": lambda key: key.prefix,
        "Company": lambda key: key.company,
        "Name": lambda key: escape(key.name),
        "State": lambda key: state_of(key, now),
        "Scopes": lambda key: "\n".join(sorted(key.scopes)),
        "Created (UTC)": lambda key: _moment(key.created_at),
        "Expires (UTC)": lambda key: _moment(key.expires_at),
        "Last used (UTC)": lambda key: _moment(key.last_used_at),
    }
    droppable = ("Created (UTC)", "Last used (UTC)")
    folded = ("Company", "Name")
    print_table(keys, columns, console=console, droppable=droppable, folded=folded)


def _moment(at: datetime | None) -> str:
    return format_time(at).removesuffix(" UTC")


def _company(text: str) -> str:
    if not _COMPANY.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a company: use up to 40 lower-case letters, digits and hyphens"
        )
    return text


def _scopes(text: str) -> frozenset[str]:
    scopes = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := scopes - SCOPES:
        raise argparse.ArgumentTypeError(
            f"unknown scope {', '.join(sorted(unknown))}: choose from {', '.join(sorted(SCOPES))}"
        )
    if not scopes:
        raise argparse.ArgumentTypeError("enter at least one scope")
    return scopes


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration: use days or hours, such as 90d or 12h"
        )
    count = int(match[1])
    return timedelta(days=count) if match[2] == "d" else timedelta(hours=count)

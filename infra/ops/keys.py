"""`keywright keys`: make, list, revoke and rotate the API keys of companies, on any stage."""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.markup import escape

from infra.ops.stages import add_noun, find_deployment, moment, stage_options
from infra.ops.tables import fitted
from shared.access import ORDINARY_SCOPES, SCOPES, ApiKey, new_api_key
from shared.errors import Conflict, NotFound
from shared.store.access import (
    add_api_key,
    expire_api_key,
    get_api_key,
    list_api_keys,
    revoke_api_key,
)

_COMPANY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([dh])")


def add_verbs(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `keys create`, `list`, `revoke` and `rotate` to the command."""
    verbs = add_noun(nouns, "keys", about="create, list, revoke and rotate API keys")
    common = stage_options()

    create = verbs.add_parser("create", parents=[common], help="create a key (shown once)")
    create.add_argument("--company", required=True, type=_company, help="company")
    create.add_argument(
        "--scopes",
        type=_scopes,
        default=ORDINARY_SCOPES,
        metavar="A,B",
        help=f"of {', '.join(sorted(SCOPES))}; default: all but keys:admin",
    )
    create.add_argument("--name", default="", help="what it is for, to recognize it in the list")
    create.add_argument(
        "--expires", type=_lifetime, metavar="90d", help="days (d) or hours (h) until it expires"
    )
    create.set_defaults(run=_create)

    listed = verbs.add_parser("list", parents=[common], help="show all keys, without secrets")
    listed.add_argument("--company", type=_company, help="only the keys of this company")
    listed.set_defaults(run=_list)

    revoke = verbs.add_parser(
        "revoke", parents=[common], help="revoke a key (effective within 60 s)"
    )
    revoke.add_argument("prefix", metavar="PREFIX", help="the part of the key before its dot")
    revoke.set_defaults(run=_revoke)

    rotate = verbs.add_parser(
        "rotate", parents=[common], help="create a key like another, which then expires"
    )
    rotate.add_argument("prefix", metavar="PREFIX", help="of the key that is to be replaced")
    rotate.add_argument(
        "--overlap",
        type=_lifetime,
        default=timedelta(days=1),
        metavar="24h",
        help="for how long both keys are good; default: 1d",
    )
    rotate.set_defaults(run=_rotate)


def _create(asked: argparse.Namespace) -> None:
    find_deployment(asked.stage)
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
    _show_header(presented)


def _list(asked: argparse.Namespace) -> None:
    find_deployment(asked.stage)
    now = datetime.now(UTC)
    keys = list(list_api_keys(asked.company))
    if asked.json:
        print(json.dumps([_told(key, now) for key in keys]))
    elif keys:
        _show(keys, now)
    else:
        print("No keys. Create one: keywright keys create --stage STAGE --company COMPANY")


def _revoke(asked: argparse.Namespace) -> None:
    find_deployment(asked.stage)
    now = datetime.now(UTC)
    key = revoke_api_key(asked.prefix.partition(".")[0], now)
    if asked.json:
        print(json.dumps(_told(key, now)))
        return
    print(f"Revoked {key.prefix} of {key.company}. Takes effect everywhere within 60 seconds.")


def _rotate(asked: argparse.Namespace) -> None:
    """The new key is there before the old one is told to end, so that one of them always opens."""
    find_deployment(asked.stage)
    now = datetime.now(UTC).replace(microsecond=0)
    old = _live_key(asked.prefix.partition(".")[0], now)
    key, presented = new_api_key(
        old.company,
        now=now,
        scopes=old.scopes,
        name=old.name,
        expires_at=old.expires_at and now + (old.expires_at - old.created_at),
    )
    add_api_key(key)
    ends = now + asked.overlap
    old = expire_api_key(old.prefix, min(ends, old.expires_at or ends))
    if asked.json:
        replaced = {"replaced": _told(old, now)}
        print(json.dumps({"api_key": presented} | _told(key, now) | replaced))
        return
    _show([old, key], now)
    _show_header(presented)


def _live_key(prefix: str, now: datetime) -> ApiKey:
    key = get_api_key(prefix)
    if key is None:
        raise NotFound(f"There is no API key {prefix}.")
    if (state := _state(key, now)) != "live":
        raise Conflict("api_key_ended", f"The API key {prefix} is {state}: make a new one.")
    return key


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "live"


def _told(key: ApiKey, now: datetime) -> dict[str, object]:
    told = key.model_dump(mode="json", exclude={"hash"})
    return told | {"scopes": sorted(key.scopes), "state": _state(key, now)}


def _show_header(presented: str) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print("\nSend this header. The secret is not kept and cannot be shown again:\n")
    console.print(f"  Authorization: Api-Key {presented}\n", style="bold", markup=False)


def _show(keys: Sequence[ApiKey], now: datetime) -> None:
    """Without the days that an operator needs least, where the terminal is narrow."""
    console = Console(highlight=False)
    columns: dict[str, Callable[[ApiKey], str]] = {
        "Prefix": lambda key: key.prefix,
        "Company": lambda key: key.company,
        "Name": lambda key: escape(key.name),
        "State": lambda key: _state(key, now),
        "Scopes": lambda key: "\n".join(sorted(key.scopes)),
        "Created (UTC)": lambda key: _moment(key.created_at),
        "Expires (UTC)": lambda key: _moment(key.expires_at),
        "Last used (UTC)": lambda key: _moment(key.last_used_at),
    }
    droppable = ("Created (UTC)", "Last used (UTC)")
    folded = ("Company", "Name")
    console.print(fitted(keys, columns, console=console, droppable=droppable, folded=folded))


def _moment(at: datetime | None) -> str:
    return moment(at).removesuffix(" UTC")


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

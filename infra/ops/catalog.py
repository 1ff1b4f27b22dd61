"""`keywright catalog`: shows how a stage's catalog differs from a file, and makes it the same.

Applying a file twice changes nothing the second time.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from infra.ops.catalog_file import read_catalog
from infra.ops.catalog_plan import NAMES, Change, Plan, apply, plan, read_stage
from infra.ops.client import Client
from infra.ops.stages import NOT_DONE, NOT_WELL, add_noun, open_client, stage_options


def add_verbs(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `catalog diff` and `catalog apply` to the command."""
    verbs = add_noun(nouns, "catalog", about="keep products, policies and features in a file")
    common = stage_options()
    common.add_argument("file", type=Path, help="YAML, as docs/catalog.yaml")
    common.add_argument(
        "--archive-missing",
        action="store_true",
        help="archive the products and policies that the file does not name",
    )
    diff = verbs.add_parser(
        "diff", parents=[common], help="show what would change; exit status 1 if anything would"
    )
    diff.set_defaults(run=_diff)
    applied = verbs.add_parser("apply", parents=[common], help="change it, after asking")
    applied.add_argument("--yes", action="store_true", help="do not ask")
    applied.set_defaults(run=_apply)


def _diff(asked: argparse.Namespace) -> int:
    with open_client(asked.stage) as client:
        planned = _planned(client, asked)
    _show(planned, asked)
    return NOT_DONE if planned.refused else NOT_WELL if planned.changes else 0


def _apply(asked: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=asked.json)
    with open_client(asked.stage) as client:
        planned = _planned(client, asked)
        _show(planned, asked)
        if planned.refused:
            return NOT_DONE
        if planned.changes and not (asked.yes or _confirmed(len(planned.changes))):
            return NOT_DONE
        for change in planned.changes:
            apply(client, change)
            console.print(f"[green]✓[/] {escape(str(change.entry))}")
    return 0


def load_catalog(client: Client, file: Path) -> int:
    """Make a stage's catalog as a file is; how much had to be changed."""
    changes = plan(read_catalog(file), read_stage(client)).changes
    for change in changes:
        apply(client, change)
    return len(changes)


def _planned(client: Client, asked: argparse.Namespace) -> Plan:
    return plan(
        read_catalog(asked.file),
        read_stage(client),
        archived=asked.archive_missing,
        licenses=lambda product: client.licenses.count(product=product),
    )


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        print(
            "keywright: nothing was changed: say --yes where nobody can be asked", file=sys.stderr
        )
        return False
    return input(f"Make {count} changes? [y/N] ").strip().lower() in ("y", "yes")


def _show(planned: Plan, asked: argparse.Namespace) -> None:
    if asked.json:
        told = {
            "changes": [_told(change) for change in planned.changes],
            "refused": planned.refused,
            "not_in_file": planned.unnamed,
        }
        print(json.dumps(told))
        return
    console = Console(highlight=False, soft_wrap=True)
    for change in planned.changes:
        sign = "[green]+[/]" if change.id is None else "[yellow]~[/]"
        console.print(f"{sign} {escape(str(change.entry))}")
        for name, value in _fields(change).items():
            was = f"{escape(json.dumps(change.was[name]))} → " if name in change.was else ""
            console.print(f"    {name}: {was}{escape(json.dumps(value))}")
    for reason in planned.refused:
        console.print(f"[red]✗[/] {escape(reason)}")
    for unnamed in planned.unnamed:
        console.print(f"[dim]  {escape(unnamed)} is not in the file[/]")
    if not planned.changes and not planned.refused:
        console.print("The catalog is as the file says.")


def _told(change: Change) -> dict[str, Any]:
    entry = change.entry
    return {
        "action": "create" if change.id is None else "change",
        "kind": entry.kind,
        "product": entry.product,
        "code": entry.code,
        "fields": {
            name: {"was": change.was.get(name), "is": value}
            for name, value in _fields(change).items()
        },
    }


def _fields(change: Change) -> dict[str, Any]:
    """What is to be said of it, beside which one it is."""
    return {name: value for name, value in change.entry.body.items() if name not in NAMES}

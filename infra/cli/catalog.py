"""`keywright catalog`: compare a stage's catalog with a file, and apply the file.

Applying a file is idempotent.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from infra.cli.catalog_file import read_catalog
from infra.cli.catalog_plan import NAMES, Change, Plan, apply, plan, read_stage
from infra.cli.stages import FAILED, FOUND_PROBLEMS, add_group, open_client, stage_options
from infra.client.client import Client


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    subcommands = add_group(
        commands, "catalog", about="manage products, policies and features in a YAML file"
    )
    common = stage_options()
    common.add_argument("file", type=Path, help="YAML file, such as docs/catalog.yaml")
    common.add_argument(
        "--archive-missing",
        action="store_true",
        help="archive products and policies that are not in the file",
    )
    diff = subcommands.add_parser(
        "diff", parents=[common], help="show the changes to make; exit status 1 if there are any"
    )
    diff.set_defaults(run=_diff)
    apply_ = subcommands.add_parser(
        "apply", parents=[common], help="apply the file after confirmation"
    )
    apply_.add_argument("--yes", action="store_true", help="apply without confirmation")
    apply_.set_defaults(run=_apply)


def _diff(options: argparse.Namespace) -> int:
    with open_client(options.stage) as client:
        planned = _make_plan(client, options)
    _show(planned, options)
    return FAILED if planned.refused else FOUND_PROBLEMS if planned.changes else 0


def _apply(options: argparse.Namespace) -> int:
    console = Console(highlight=False, quiet=options.json)
    with open_client(options.stage) as client:
        planned = _make_plan(client, options)
        _show(planned, options)
        if planned.refused:
            return FAILED
        if planned.changes and not (options.yes or _confirm(len(planned.changes))):
            return FAILED
        for change in planned.changes:
            apply(client, change)
            console.print(f"[green]✓[/] {escape(str(change.entry))}")
    return 0


def load_catalog(client: Client, file: Path) -> int:
    """Apply a file to a stage's catalog and return the number of changes. Raises ApiProblem."""
    changes = plan(read_catalog(file), read_stage(client)).changes
    for change in changes:
        apply(client, change)
    return len(changes)


def _make_plan(client: Client, options: argparse.Namespace) -> Plan:
    return plan(
        read_catalog(options.file),
        read_stage(client),
        archived=options.archive_missing,
        licenses=lambda product: client.licenses.count(product=product),
    )


def _confirm(count: int) -> bool:
    """Ask on a terminal whether to apply the changes; without one, print why nothing changes."""
    if not sys.stdin.isatty():
        message = "keywright: nothing was changed: add --yes to apply without confirmation"
        print(message, file=sys.stderr)
        return False
    return input(f"Apply {count} changes? [y/N] ").strip().lower() in ("y", "yes")


def _show(planned: Plan, options: argparse.Namespace) -> None:
    if options.json:
        result = {
            "changes": [_as_json(change) for change in planned.changes],
            "refused": planned.refused,
            "not_in_file": planned.unnamed,
        }
        print(json.dumps(result))
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
        console.print("The catalog matches the file.")


def _as_json(change: Change) -> dict[str, Any]:
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
    """Return the fields of a change without those that identify its entry."""
    return {name: value for name, value in change.entry.body.items() if name not in NAMES}

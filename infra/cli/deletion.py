"""What the commands that delete a record have in common: a typed confirmation."""

import argparse
import json
import sys

from infra.cli.stages import stage_options
from shared.errors import Refused


def add_delete(
    group: "argparse._SubParsersAction[argparse.ArgumentParser]", named: str, about: str, help: str
) -> argparse.ArgumentParser:
    """Add the subcommand `delete` with the argument `named`, whose help is `help`."""
    delete = group.add_parser("delete", parents=[stage_options()], help=about)
    delete.add_argument(named, help=help)
    delete.add_argument("--yes", action="store_true", help="delete without confirmation")
    return delete


def confirm(options: argparse.Namespace, what: str, typed: str) -> None:
    """Ask on a terminal to type what is deleted. Raises Refused if it is not confirmed."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        message = "nothing was deleted: add --yes to delete without confirmation"
        raise Refused("not_confirmed", message)
    print(f"{what} will be deleted permanently. This can't be undone.", file=sys.stderr)
    print(f"Type {typed} to delete: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != typed:
        raise Refused("not_confirmed", "nothing was deleted: this is not what was asked for")


def print_deleted(options: argparse.Namespace, what: str, id: int) -> None:
    """Print that a record was deleted."""
    print(json.dumps({"id": id, "deleted": True}) if options.json else f"Deleted {what}.")

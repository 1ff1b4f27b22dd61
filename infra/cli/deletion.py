"""What the commands that delete a record have in common: a typed confirmation."""

import argparse
import json
import sys
from collections.abc import Callable

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


def delete_record(
    options: argparse.Namespace, what: str, name: str, id: int, delete: Callable[[int], None]
) -> None:
    """Delete a record of the kind `what` after its name was typed, and print that it was deleted.

    Raises Refused if it is not confirmed.
    """
    if not options.yes:
        _confirm(f"{what.capitalize()} {name}", name)
    delete(id)
    print(json.dumps({"id": id, "deleted": True}) if options.json else f"Deleted {what} {name}.")


def _confirm(what: str, typed: str) -> None:
    """Ask on a terminal to type what is deleted. Raises Refused."""
    if not sys.stdin.isatty():
        message = "nothing was deleted: add --yes to delete without confirmation"
        raise Refused("not_confirmed", message)
    print(f"{what} will be deleted permanently. This can't be undone.", file=sys.stderr)
    print(f"Type {typed} to delete: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != typed:
        raise Refused("not_confirmed", f"nothing was deleted: the answer was not {typed}")

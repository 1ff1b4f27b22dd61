"""What the commands that delete records have in common: a typed confirmation."""

import argparse
import json
import sys
from collections.abc import Callable

from infra.cli.stages import add_subcommand
from shared.errors import Refused


def add_delete(
    group: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run: Callable[[argparse.Namespace], None],
    named: str,
    about: str,
    help: str,
) -> argparse.ArgumentParser:
    """Add the subcommand `delete` with the argument `named`, whose help is `help`."""
    delete = add_subcommand(group, "delete", run, about)
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
        about = f"{what.capitalize()} {name} will be deleted permanently. This can't be undone."
        confirm(about, name, verb="delete", otherwise="nothing was deleted")
    delete(id)
    print(json.dumps({"id": id, "deleted": True}) if options.json else f"Deleted {what} {name}.")


def confirm(about: str, typed: str, *, verb: str, otherwise: str) -> None:
    """Say what will happen, and ask on a terminal to type `typed`. Raises Refused."""
    if not sys.stdin.isatty():
        message = f"{otherwise}: add --yes to {verb} without confirmation"
        raise Refused("not_confirmed", message)
    print(about, file=sys.stderr)
    print(f"Type {typed} to {verb}: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != typed:
        raise Refused("not_confirmed", f"{otherwise}: the answer was not {typed}")

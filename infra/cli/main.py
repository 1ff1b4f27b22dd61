"""The `keywright` command, by which operators manage a stage."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from botocore.exceptions import BotoCoreError, ClientError

from infra.cli import (
    catalog,
    completion,
    customers,
    doctor,
    events,
    exports,
    imports,
    jobs,
    keys,
    licenses,
    migrate,
    orders,
    preflight,
    reindex,
    rollout,
    verify,
)
from infra.cli.findings import NotReady
from infra.cli.stages import FAILED, NoStack
from infra.client.connection import ApiProblem
from shared.errors import Refused


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors go to stderr."""
    parser = argparse.ArgumentParser(
        prog="keywright",
        description="Manage a Keywright stage: API keys, catalog, imports, orders and deploys.",
        epilog="Exit status: 0 success; 1 the command ran and found problems (failed rows, a"
        " catalog that differs, or findings of doctor, preflight or verify); 2 the command failed.",
    )
    parser.add_argument("--version", action="version", version=f"keywright {version('keywright')}")
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    keys.add_commands(commands)
    catalog.add_commands(commands)
    imports.add_command(commands)
    exports.add_command(commands)
    migrate.add_command(commands)
    jobs.add_commands(commands)
    orders.add_commands(commands)
    licenses.add_commands(commands)
    customers.add_commands(commands)
    events.add_commands(commands)
    doctor.add_command(commands)
    preflight.add_command(commands)
    rollout.add_command(commands)
    verify.add_command(commands)
    reindex.add_command(commands)
    completion.add_command(commands, parser)
    options = parser.parse_args(argv)
    try:
        return options.run(options) or 0
    except (ApiProblem, Refused, NoStack, NotReady, BotoCoreError, ClientError) as error:
        print(f"keywright: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""The `keywright` command: what operators run."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from botocore.exceptions import BotoCoreError, ClientError

from infra.ops import catalog, doctor, imports, jobs, keys, orders, preflight, rollout, verify
from infra.ops.connection import ApiProblem
from infra.ops.findings import NotReady
from infra.ops.stages import NOT_DONE, NoStack
from shared.errors import Refused


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; what could not be done is told on stderr."""
    parser = argparse.ArgumentParser(
        prog="keywright",
        description="Operate a Keywright stage.",
        epilog="Exit status: 0 if all is well, 1 if it was done and not all is well (rows failed,"
        " the catalog differs, doctor, preflight or verify found something), 2 if it was not done.",
    )
    parser.add_argument("--version", action="version", version=f"keywright {version('keywright')}")
    parser.set_defaults(run=lambda _: parser.print_help())
    nouns = parser.add_subparsers(title="commands", metavar="COMMAND")
    keys.add_verbs(nouns)
    catalog.add_verbs(nouns)
    imports.add_verb(nouns)
    jobs.add_verbs(nouns)
    orders.add_verbs(nouns)
    doctor.add_verb(nouns)
    preflight.add_verb(nouns)
    rollout.add_verb(nouns)
    verify.add_verb(nouns)
    asked = parser.parse_args(argv)
    try:
        return asked.run(asked) or 0
    except (ApiProblem, Refused, NoStack, NotReady, BotoCoreError, ClientError) as error:
        print(f"keywright: {error}", file=sys.stderr)
        return NOT_DONE
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

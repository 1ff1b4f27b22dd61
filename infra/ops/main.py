"""The `keywright` command: what operators run."""

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from infra.ops import keys
from shared.errors import Refused


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; a refusal is one line on stderr and exit status 1."""
    parser = argparse.ArgumentParser(prog="keywright", description="Operate a Keywright stack.")
    nouns = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    keys.add_verbs(nouns)
    asked = parser.parse_args(argv)
    try:
        asked.run(asked)
    except (Refused, keys.NoStack, BotoCoreError, ClientError) as error:
        print(f"keywright: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

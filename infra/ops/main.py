"""The `keywright` command: what operators run."""

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from infra.ops import imports, keys
from shared.errors import Refused


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; a refusal is one line on stderr and exit status 1, unless the verb says."""
    parser = argparse.ArgumentParser(prog="keywright", description="Operate a Keywright stack.")
    nouns = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    keys.add_verbs(nouns)
    imports.add_verb(nouns)
    asked = parser.parse_args(argv)
    try:
        return asked.run(asked) or 0
    except (Refused, keys.NoStack, BotoCoreError, ClientError) as error:
        print(f"keywright: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

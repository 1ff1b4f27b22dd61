"""`python -m tests.models`: random requests on our model of DynamoDB and on another service.

Prints each difference that is not listed, with the seed that shows it again, and exits with 1 if
there is one. moto runs in this process; any other service is an emulator that listens at --url.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from tests.models.comparison import Result, compare
from tests.models.known import KNOWN, LACKS
from tests.models.services import Emulator, Model, Moto, Wired

STALE_AFTER = 300
"""Histories after which a listed difference that was not seen counts as gone."""


def main() -> int:
    """Compare as the arguments select."""
    arguments = _arguments()
    with _service(arguments.service, arguments.url) as service:
        result = compared(
            arguments.service, service, range(arguments.seed, arguments.seed + arguments.n)
        )
    print(*result.new[:10], sep="\n")
    for entry in KNOWN[arguments.service]:
        print(f"{result.known[entry.name]:6} of {entry.name}: it {entry.does}. AWS: {entry.aws}")
    gone = stale(arguments.service, result)
    if gone:
        print(f"listed, but not seen in {result.histories} histories: {', '.join(gone)}")
    print(f"{arguments.service}: {result}")
    return 1 if result.new or gone else 0


def compared(name: str, service: Wired, seeds: range) -> Result:
    """Our model and a service in which the tables are created for this, and deleted."""
    service.make_tables()
    try:
        return compare(Model(), service, KNOWN[name], seeds, lacks=LACKS[name])
    finally:
        service.drop_tables()
        service.close()


def stale(name: str, result: Result) -> list[str]:
    """Listed differences that a long comparison did not meet."""
    if result.histories < STALE_AFTER:
        return []
    return [entry.name for entry in KNOWN[name] if not result.known[entry.name]]


@contextmanager
def _service(name: str, url: str | None) -> Iterator[Wired]:
    if name == "moto":
        with mock_aws():
            yield Moto()
    else:
        yield Emulator(url or "http://127.0.0.1:4566")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.models", description=__doc__)
    parser.add_argument("--service", choices=KNOWN, default="moto")
    parser.add_argument("--url", help="of an emulator; http://127.0.0.1:4566 unless given")
    parser.add_argument("--n", type=int, default=100, help="histories of 40 requests")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""`make second-opinion`: run other tools on the store, the handlers and the template.

Prints one line for each opinion. Differences that are known are listed with their reasons in
`known_tests.py`, `checkov.py` and `tests/models/known.py`; a new one, or an entry that is not
needed any more, is printed, and the exit code is 1.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.local.deploy import synthesize
from infra.local.steps import console, step
from infra.stamp import ROOT
from tests.models.__main__ import compared, stale
from tests.models.services import Emulator
from tests.second_opinion import servers
from tests.second_opinion.checkov import judge
from tests.second_opinion.environments import HOME, python_tool

HISTORIES = 600
_ON_ROTO = ("tests/shared/store", "tests/functions")
_ON_DYNALITE = ("tests/shared/store/test_access.py", "tests/shared/store/test_signed_http.py")


@dataclass(frozen=True)
class Opinion:
    """What one tool said; `new` is what nobody expected."""

    of: str
    summary: str
    new: tuple[str, ...] = ()


def main() -> int:
    """Run the tools that the arguments name, all of them by default."""
    arguments = _arguments()
    HOME.mkdir(parents=True, exist_ok=True)
    opinions: list[Opinion] = []
    for name in arguments.of or _OPINIONS:
        with step(f"Run {name}"):
            opinions += _OPINIONS[name](arguments.n)
    console.print()
    for opinion in opinions:
        mark = "[red]✗[/]" if opinion.new else "[green]✓[/]"
        console.print(f"{mark} {opinion.of}: {opinion.summary}", soft_wrap=True)
        for line in opinion.new[:10]:
            console.print(line, markup=False, soft_wrap=True)
    return 1 if any(opinion.new for opinion in opinions) else 0


def _roto(histories: int) -> Iterator[Opinion]:
    with servers.roto() as url:
        yield _tests("roto", url, _ON_ROTO)
    with servers.roto() as url:
        yield _random_requests("roto", url, histories)


def _dynalite(histories: int) -> Iterator[Opinion]:
    with servers.dynalite() as url:
        yield _tests("dynalite", url, _ON_DYNALITE)
    with servers.dynalite() as url:
        yield _random_requests("dynalite", url, histories)


def _checkov(_: int) -> Iterator[Opinion]:
    assembly = synthesize("prod", log=HOME / "synth.log", report=lambda _: None)
    template = assembly.path / f"{assembly.stack_name}.template.json"
    found = judge(python_tool("checkov", "checkov"), template)
    summary = (
        f"{found.passed} checks passed, {found.accepted} findings accepted with reasons,"
        f" {len(found.new)} new"
    )
    gone = tuple(f"accepted, but not found any more: {rule}" for rule in found.stale)
    yield Opinion("checkov, template of prod", summary, (*found.new, *gone))


def _tests(name: str, url: str, paths: tuple[str, ...]) -> Opinion:
    """The tests of the store and of handlers, on an emulator."""
    log = HOME / f"{name}.tests.log"
    quiet = ("-q", "--no-header", "-p", "no:cacheprovider", "--tb=short", "-r", "fEX")
    with log.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--emulator={name}={url}", *quiet, *paths],
            cwd=ROOT,
            env=os.environ | {"NO_COLOR": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    lines = log.read_text().splitlines() or [""]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR", "XPASS"))]
    if done.returncode and not failed:
        failed = lines[-20:]
    return Opinion(f"{name}, tests of the store and handlers", lines[-1], tuple(failed))


def _random_requests(name: str, url: str, histories: int) -> Opinion:
    """Random requests, compared with our model of DynamoDB."""
    result = compared(name, Emulator(url), range(histories))
    gone = (f"listed, but not seen: {entry}" for entry in stale(name, result))
    return Opinion(f"{name}, random requests", str(result), (*result.new, *gone))


_OPINIONS: dict[str, Callable[[int], Iterator[Opinion]]] = {
    "roto": _roto,
    "dynalite": _dynalite,
    "checkov": _checkov,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make second-opinion", description=__doc__)
    parser.add_argument("--n", type=int, default=HISTORIES, help="histories of 40 requests")
    parser.add_argument("--of", action="append", choices=_OPINIONS, help="run this one only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

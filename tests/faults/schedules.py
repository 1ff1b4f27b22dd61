"""The kinds of schedules by name, and the command that reproduces one."""

from collections.abc import Callable
from functools import cache

from infra.stamp import ROOT, digest
from tests.faults.changes import change
from tests.faults.exports import export
from tests.faults.imports import manage
from tests.faults.laboratory import Laboratory
from tests.faults.orders import clients
from tests.faults.plans import commit_plans
from tests.faults.together import together
from tests.faults.undo_rivals import undo
from tests.faults.update_models import compare
from tests.faults.world import World

KINDS: dict[str, Callable[[Laboratory, int], tuple[World, list[str]]]] = {
    "orders": clients,
    "imports": manage,
    "changes": change,
    "updates": compare,
    "exports": export,
    "undo": undo,
    "plans": commit_plans,
    "together": together,
}


@cache
def turn() -> int:
    """Return a number that follows from the product's code, to test other seeds after each change.

    So the tests of a commit always run the same schedules, and those of many commits run many.
    """
    return int(digest(ROOT / "functions", ROOT / "shared")[:12], 16)


def replay(kind: str, seed: int) -> str:
    """Return the command that reproduces a schedule."""
    return f"make faults KIND={kind} SEED={seed} N=1"


def play(lab: Laboratory, kind: str, seed: int) -> None:
    """Run one schedule; raises AssertionError for violations."""
    _, violations = KINDS[kind](lab, seed)
    assert not violations, "\n".join([*violations[:5], f"reproduce: {replay(kind, seed)}"])

"""Hundreds of schedules with faults at any call: no order or row is lost or doubled."""

import pytest

from tests.faults.laboratory import Laboratory
from tests.faults.schedules import KINDS, play, turn

BLOCK = 20
SCHEDULES = {
    "orders": 200,
    "imports": 160,
    "changes": 100,
    "updates": 100,
    "exports": 60,
    "undo": 80,
    "plans": 100,
    "together": 40,
}
"""Schedules in each run of the tests; `make faults` runs any number of others."""
_SEEDS = 1_000_000
FIRST = turn() % _SEEDS
"""The first seed, another one after each change of the product."""
BLOCKS = [(kind, first) for kind in KINDS for first in range(0, SCHEDULES[kind], BLOCK)]


@pytest.mark.parametrize(("kind", "first"), BLOCKS)
def test_whatever_fails_every_invariant_holds(lab: Laboratory, kind: str, first: int) -> None:
    for seed in range(FIRST + first, FIRST + first + BLOCK):
        play(lab, kind, seed)

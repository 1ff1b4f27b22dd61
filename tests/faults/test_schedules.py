"""Hundreds of schedules with faults at any call: no order or row is lost or doubled."""

import pytest

from tests.faults.laboratory import Laboratory
from tests.faults.schedules import KINDS, play

BLOCK = 50
SCHEDULES = {
    "orders": 500,
    "imports": 500,
    "changes": 250,
    "undo": 250,
    "updates": 300,
    "exports": 250,
    "plans": 250,
}
BLOCKS = [(kind, first) for kind in KINDS for first in range(0, SCHEDULES[kind], BLOCK)]


@pytest.mark.parametrize(("kind", "first"), BLOCKS)
def test_whatever_fails_every_invariant_holds(lab: Laboratory, kind: str, first: int) -> None:
    for seed in range(first, first + BLOCK):
        play(lab, kind, seed)

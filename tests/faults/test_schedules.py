"""Hundreds of worlds in which anything may fail at any call, and nothing may be lost or doubled."""

import pytest

from tests.faults.laboratory import Laboratory
from tests.faults.schedules import play

EACH, BLOCK = {"orders": 500, "imports": 250}, 50
BLOCKS = [(kind, first) for kind, each in EACH.items() for first in range(0, each, BLOCK)]


@pytest.mark.parametrize(("kind", "first"), BLOCKS)
def test_whatever_fails_every_invariant_holds(lab: Laboratory, kind: str, first: int) -> None:
    for seed in range(first, first + BLOCK):
        play(lab, kind, seed)

"""Hundreds of schedules with faults at any call: no order or row is lost or doubled."""

import pytest

from tests.faults.laboratory import Laboratory
from tests.faults.schedules import KINDS, play

EACH, BLOCK = 500, 50


@pytest.mark.parametrize("first", range(0, EACH, BLOCK))
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_fails_every_invariant_holds(lab: Laboratory, kind: str, first: int) -> None:
    for seed in range(first, first + BLOCK):
        play(lab, kind, seed)

"""The checker must find each planted bug within 800 seeds."""

import pytest

from tests.faults.laboratory import Laboratory
from tests.faults.planted import (
    FIRST_SEEDS,
    IN_CHANGES,
    IN_IMPORTS,
    IN_ORDERS,
    IN_PLANS,
    IN_UPDATES,
    Plant,
)
from tests.faults.schedules import KINDS

SEEDS = 800
PLANTED = [
    *(("orders", plant) for plant in IN_ORDERS),
    *(("imports", plant) for plant in IN_IMPORTS),
    *(("changes", plant) for plant in IN_CHANGES),
    *(("updates", plant) for plant in IN_UPDATES),
    *(("plans", plant) for plant in IN_PLANS),
]


@pytest.mark.planted_bug
@pytest.mark.parametrize(
    ("kind", "plant"), PLANTED, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_planted_bug_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, kind: str, plant: Plant
) -> None:
    first = FIRST_SEEDS.get(plant, 0)
    plant(monkeypatch)

    assert any(is_caught(lab, kind, seed) for seed in range(first, first + SEEDS))


def is_caught(lab: Laboratory, kind: str, seed: int) -> bool:
    """Whether a schedule breaks an invariant, or does not end."""
    try:
        return bool(KINDS[kind](lab, seed)[1])
    except AssertionError as error:
        return str(error).startswith("J2")

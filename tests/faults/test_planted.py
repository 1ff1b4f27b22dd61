"""The checker must find each planted bug within 1,000 seeds."""

import pytest

from tests.faults.first_seeds import SEEDS, first_seed, is_caught
from tests.faults.laboratory import Laboratory
from tests.faults.planted import PLANTED, Plant


@pytest.mark.planted_bug
@pytest.mark.parametrize(
    ("kind", "plant"), PLANTED, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_planted_bug_is_caught(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, kind: str, plant: Plant
) -> None:
    first = first_seed(kind, plant)
    plant(monkeypatch)

    assert any(is_caught(lab, kind, seed) for seed in range(first, first + SEEDS))

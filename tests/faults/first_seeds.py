"""`make first-seeds`: find the first seed that shows each planted bug, which takes minutes.

Any first seed is as good as 0: a good one saves time as long as schedules stay as they are, and
costs none later. Run it when `tests/faults/test_planted.py` gets slow.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.faults.laboratory import Laboratory, laboratory
from tests.faults.planted import PLANTED, Plant
from tests.faults.schedules import KINDS

SEEDS = 1_000
_FILE = Path(__file__).with_name("first_seeds.json")
_FEW = 5
_FIRST: dict[str, dict[str, int]] = json.loads(_FILE.read_text())


def main() -> int:
    """Write the file; exits with 1 if a bug is not found."""
    found: dict[str, dict[str, int]] = {}
    missed = 0
    with ProcessPoolExecutor() as processes:
        for (kind, plant), seed in zip(PLANTED, processes.map(_search, PLANTED), strict=True):
            sys.stderr.write(f"{kind} {plant.__name__}: {seed}\n")
            if seed is None:
                missed += 1
            elif seed > _FEW:
                found.setdefault(kind, {})[plant.__name__] = seed
    _FILE.write_text(json.dumps(found, indent=2) + "\n")
    return 1 if missed else 0


def _search(planted: tuple[str, Plant]) -> int | None:
    """The first seed that shows a bug."""
    kind, plant = planted
    with laboratory() as lab, pytest.MonkeyPatch.context() as patch:
        plant(patch)
        return next((seed for seed in range(SEEDS) if is_caught(lab, kind, seed)), None)


def first_seed(kind: str, plant: Plant) -> int:
    """Where to begin to look for a planted bug."""
    return _FIRST.get(kind, {}).get(plant.__name__, 0)


def is_caught(lab: Laboratory, kind: str, seed: int) -> bool:
    """Whether a schedule breaks an invariant, or does not end."""
    try:
        return bool(KINDS[kind](lab, seed)[1])
    except AssertionError as error:
        return str(error).startswith("J2")


if __name__ == "__main__":
    sys.exit(main())

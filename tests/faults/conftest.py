"""One laboratory for the tests of a module; only inside it, time and randomness are simulated."""

from collections.abc import Iterator

import pytest

from tests.faults.laboratory import Laboratory, laboratory
from tests.faults.schedules import turn
from tests.faults.world import EveryFault

PARTS = 3
"""Parts of the faults at all calls, of which each run of the tests injects one."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as lab:
        yield lab


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of a `part` with the part whose turn it is, or with every part."""
    if "part" in metafunc.fixturenames:
        is_every = metafunc.config.getoption("--every-fault")
        metafunc.parametrize("part", range(PARTS) if is_every else [turn() % PARTS], indirect=True)


@pytest.fixture
def part(request: pytest.FixtureRequest) -> EveryFault:
    """Some of the faults at all calls."""
    return EveryFault(part=request.param, parts=PARTS)

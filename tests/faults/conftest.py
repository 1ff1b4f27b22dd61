"""One laboratory for the tests of a module; outside of it, time and chance are as always."""

from collections.abc import Iterator

import pytest

from tests.faults.laboratory import Laboratory, laboratory


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as lab:
        yield lab

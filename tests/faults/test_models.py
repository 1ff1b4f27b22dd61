"""Our model of DynamoDB against moto: the same random requests, each response.

The known differences of each service are listed in `tests/models/known.py`. More requests, and
other services: `python -m tests.models --help`.
"""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.models.comparison import Comparison, compare
from tests.models.histories import History
from tests.models.known import LACKS, MOTO
from tests.models.planted import FOUND_BY_MOTO, Plant
from tests.models.services import Model, Moto

HISTORIES = 24
PLANTED_HISTORIES = 60


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with mock_aws():
        service = Moto()
        service.make_tables()
        yield service


def test_the_model_answers_as_moto_does_or_for_a_reason_that_is_listed(moto: Moto) -> None:
    result = compare(Model(), moto, MOTO, range(HISTORIES), lacks=LACKS["moto"])

    assert not result.new, "\n".join(result.new[:3])
    assert result.requests > 20 * HISTORIES
    assert len(result.refusals) > 25, result.refusals


@pytest.mark.parametrize("plant", FOUND_BY_MOTO, ids=lambda plant: plant.__name__)
def test_a_bug_of_the_model_is_found(
    moto: Moto, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch)
    comparison = Comparison(Model(), moto, MOTO)

    for seed in range(PLANTED_HISTORIES):
        comparison.run(History(seed, comparison.model.tables, LACKS["moto"]))
        if comparison.result.new:
            return

    pytest.fail(f"{plant.__name__} was not found in {comparison.result}")

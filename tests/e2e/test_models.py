"""Our model of DynamoDB against the local emulator: the same random requests, each response."""

from collections.abc import Iterator

import pytest

from infra.local.stack import LocalStack
from tests.models.comparison import Comparison, compare
from tests.models.histories import History
from tests.models.known import LACKS, MINISTACK
from tests.models.planted import FOUND_BY_THE_EMULATOR, Plant
from tests.models.services import Emulator, Model

HISTORIES = 15
PLANTED_HISTORIES = 12


@pytest.fixture(scope="module")
def emulator(stack: LocalStack) -> Iterator[Emulator]:
    """Tables of its own, next to those of the stack."""
    service = Emulator(stack["aws_endpoint_url"])
    service.make_tables()
    yield service
    service.drop_tables()
    service.close()


def test_the_model_answers_as_the_emulator_does_or_for_a_reason_that_is_listed(
    emulator: Emulator,
) -> None:
    result = compare(Model(), emulator, MINISTACK, range(HISTORIES), lacks=LACKS["ministack"])

    assert not result.new, "\n".join(result.new[:3])
    assert result.requests > 20 * HISTORIES
    assert len(result.refusals) > 20, result.refusals


@pytest.mark.parametrize("plant", FOUND_BY_THE_EMULATOR, ids=lambda plant: plant.__name__)
def test_a_bug_of_the_model_is_found(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch)
    comparison = Comparison(Model(), emulator, MINISTACK)

    for seed in range(PLANTED_HISTORIES):
        comparison.run(History(seed, comparison.model.tables, LACKS["ministack"]))
        if comparison.result.new:
            return

    pytest.fail(f"{plant.__name__} was not found in {comparison.result}")

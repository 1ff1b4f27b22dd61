"""Results of batches in their table: which result replaces which."""

import pytest

from shared.import_counts import BatchResult
from shared.store.batch_results import batch_results, seal_result, unseal_result
from tests.batch_results import put_batch_result

pytestmark = pytest.mark.usefixtures("tables")


def test_a_late_result_replaces_nothing() -> None:
    written = BatchResult(index=1, attempt=2, rows=5)
    put_batch_result("acme", 7, written)

    put_batch_result("acme", 7, BatchResult(index=1, attempt=2, phase="validate", rows=5))
    put_batch_result("acme", 7, BatchResult(index=1, attempt=1, rows=5))

    assert batch_results("acme", 7) == [written]
    validated = BatchResult(index=1, attempt=3, phase="validate", rows=5)
    put_batch_result("acme", 7, validated)
    assert batch_results("acme", 7) == [validated]


def test_a_sealed_result_is_replaced_by_a_later_attempt_only() -> None:
    first = BatchResult(index=1, attempt=2, rows=5, valid=5, report="first")
    late = first.model_copy(update={"valid": 3, "report": "late"})
    put_batch_result("acme", 7, first)

    assert seal_result("acme", 7, 1, attempt=3) == first
    for attempt in (1, 2, 3):
        put_batch_result("acme", 7, late.model_copy(update={"attempt": attempt}))
        assert batch_results("acme", 7) == [first]
    again = late.model_copy(update={"attempt": 4})
    put_batch_result("acme", 7, again)
    assert batch_results("acme", 7) == [again]


def test_results_that_are_no_longer_sealed_can_be_replaced() -> None:
    first = BatchResult(index=1, rows=5, valid=5)
    compared = first.model_copy(update={"valid": 4, "invalid": 1, "compared": True})
    put_batch_result("acme", 7, first)
    seal_result("acme", 7, 1, attempt=0)

    unseal_result("acme", 7, 1)
    put_batch_result("acme", 7, compared)
    put_batch_result("acme", 7, first)

    assert batch_results("acme", 7) == [compared]


def test_a_batch_that_runs_again_replaces_its_result() -> None:
    put_batch_result("acme", 7, BatchResult(index=1, rows=2, valid=2))
    put_batch_result("acme", 7, BatchResult(index=0, rows=5, valid=5))
    again = BatchResult(index=1, rows=5, valid=4, invalid=1)
    put_batch_result("acme", 7, again)

    first, second = batch_results("acme", 7)

    assert (first.valid, second) == (5, again)
    assert batch_results("acme", 71) == []

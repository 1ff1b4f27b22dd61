"""Bulk requests: each part is sent until DynamoDB accepts it."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Busy
from shared.store import bulk, dynamo, pace, patience, sender
from shared.store.patience import Patience
from shared.store.sender import Sender
from tests.wiretap import answer, instead_of_moto

TABLE = "ORDERS_TABLE"
KEYS = [(f"acme#{n}", "order") for n in range(10)]
ITEMS = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in KEYS]


class Table:
    """DynamoDB with what it answers to each request, in order; the last one for all that follow."""

    def __init__(self) -> None:
        self.answers: list[Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]] = []
        self.requests: list[dict[str, Any]] = []

    def take(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent: Any = request.body
        self.requests.append(json.loads(sent))
        act = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request, *act(self.requests[-1]))


@pytest.fixture
def table(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """Time passes only in sleep()."""
    table, slept = Table(), [0.0]
    monkeypatch.setattr(time, "sleep", slept.append)
    for module in (pace, patience, sender):
        monkeypatch.setattr(module, "clock", lambda: sum(slept))
    bulk.client.cache_clear()
    with instead_of_moto(bulk.client().events, "dynamodb", table.take):
        yield table
    bulk.client.cache_clear()


@pytest.fixture
def worker() -> Patience:
    return Patience(lambda: 900_000, lambda: None)


def each(*codes: str | None) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    """The statements' errors, one after the other and from the beginning again."""

    def act(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        chosen = [codes[n % len(codes)] for n in range(len(body["Statements"]))]
        return 200, {"Responses": [{"Error": {"Code": code}} if code else {} for code in chosen]}

    return act


def refusal(code: str, status: int = 400) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    return lambda _: (status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"})


def inserted(worker: Patience) -> list[bool]:
    statements = bulk.inserts(TABLE, map(dynamo.from_item, ITEMS))
    return Sender().run(bulk.insert_all(TABLE, statements, worker))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=5,
)


@given(st.dictionaries(st.from_regex("[a-z_]+", fullmatch=True), VALUES))
def test_an_insert_has_the_attributes_of_the_item(record: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TABLE, "orders")
        statement = json.loads(bulk.inserts(TABLE, [record])[0])

    names = re.findall(r"'([^']*)':\?", statement["Statement"])
    assert dict(zip(names, statement["Parameters"], strict=True)) == dynamo.to_item(record)


def sizes(table: Table, name: str = "Statements") -> list[int]:
    return [len(body[name]) for body in table.requests]


@pytest.mark.parametrize(
    "code", ["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"]
)
def test_throttled_statements_are_sent_again_and_only_those(
    table: Table, worker: Patience, code: str
) -> None:
    table.answers = [each(None, code), each(None, code), each("DuplicateItem"), each(None)]

    written = inserted(worker)

    assert sizes(table) == [10, 5, 2]
    assert written == [n not in (3, 7) for n in range(10)]


@pytest.mark.parametrize("times", [5, 50, 500])
def test_whole_requests_that_are_throttled_are_sent_until_they_are_not(
    table: Table, worker: Patience, times: int
) -> None:
    codes = "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"
    table.answers = [refusal(codes[n % 3]) for n in range(times)]
    table.answers.append(each(None))

    assert all(inserted(worker))
    assert len(table.requests) == times + 1


def test_a_statement_that_is_throttled_is_never_counted_as_written(table: Table) -> None:
    left = iter([900_000] * 30)
    worker = Patience(lambda: next(left, 0), lambda: None)
    table.answers = [each("ThrottlingError")]

    with pytest.raises(patience.OutOfTime):
        inserted(worker)

    assert not worker.progressed


def test_new_records_are_progress_and_those_that_were_there_are_not(
    table: Table, worker: Patience
) -> None:
    table.answers = [each("DuplicateItem")]
    inserted(worker)
    before = worker.progressed
    table.answers = [each("DuplicateItem", "DuplicateItem", None)]
    inserted(worker)

    assert (before, worker.progressed) == (False, True)


def test_a_service_that_fails_is_given_up_after_six_tries(table: Table, worker: Patience) -> None:
    table.answers = [refusal("InternalServerError", 500)]

    with pytest.raises(Busy):
        inserted(worker)

    assert len(table.requests) == patience.FAILURES


@pytest.mark.parametrize("code", ["InternalServerError", "TransactionConflict"])
def test_statements_that_fail_are_given_up_after_six_tries_without_progress(
    table: Table, worker: Patience, code: str
) -> None:
    table.answers = [each(code), each(None, code), each(code)]

    with pytest.raises(Busy):
        inserted(worker)

    assert sizes(table) == [10, 10, 5, 5, 5, 5, 5]


def test_other_errors_are_raised_at_once(table: Table, worker: Patience) -> None:
    table.answers = [each("ValidationError")]
    with pytest.raises(RuntimeError, match="ValidationError"):
        inserted(worker)
    table.answers = [refusal("ValidationException")]
    with pytest.raises(ClientError):
        inserted(worker)

    assert len(table.requests) == 2


def page(n: int, removed: int | None = None) -> dict[str, Any]:
    counted = {"n": {"N": str(n)}} | ({"removed": {"N": str(removed)}} if removed else {})
    return ITEMS[0] | counted


def stored_page(item: dict[str, Any]) -> Any:
    return lambda body: (200, {"Responses": {next(iter(body["RequestItems"])): [item]}})


def test_an_item_is_written_over_a_smaller_one(table: Table, worker: Patience) -> None:
    table.answers = [refusal("ThrottlingException"), lambda _: (200, {})]

    Sender().run(bulk.put_larger(TABLE, page(3), "n", worker))

    assert len(table.requests) == 2
    smaller = "attribute_not_exists(pk) OR (#n < :n AND attribute_not_exists(#removed))"
    assert table.requests[1]["ConditionExpression"] == smaller
    assert table.requests[1]["ExpressionAttributeValues"] == {":n": {"N": "3"}}


@pytest.mark.parametrize("stored", [page(3), page(3, removed=1), page(5)])
def test_an_item_is_not_written_over_one_with_as_many(
    table: Table, worker: Patience, stored: dict[str, Any]
) -> None:
    table.answers = [refusal("ConditionalCheckFailedException"), stored_page(stored)]

    Sender().run(bulk.put_larger(TABLE, page(3), "n", worker))

    assert len(table.requests) == 2, "the write, and a read of the stored item"


def test_an_item_from_which_records_were_removed_is_replaced_as_it_was_read(
    table: Table, worker: Patience
) -> None:
    failed = refusal("ConditionalCheckFailedException")
    table.answers = [failed, stored_page(page(2, removed=1)), lambda _: (200, {})]

    Sender().run(bulk.put_larger(TABLE, page(3), "n", worker))

    write = table.requests[-1]
    assert write["Item"] == page(3, removed=1)
    assert write["ConditionExpression"] == "#n = :n AND #removed = :removed"
    assert write["ExpressionAttributeValues"] == {":n": {"N": "2"}, ":removed": {"N": "1"}}


def test_keys_that_were_not_processed_are_read_again_and_only_those(
    table: Table, worker: Patience
) -> None:
    def half(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        ((name, requests),) = body["RequestItems"].items()
        keys = requests["Keys"]
        done, left = (keys[1::2], keys[::2]) if len(keys) > 1 else (keys, [])
        rest = {name: {**requests, "Keys": left}} if left else {}
        return 200, {"Responses": {name: done}, "UnprocessedKeys": rest}

    table.answers = [half]

    keys: list[dynamo.Key] = [*KEYS]
    found = Sender().run(bulk.get_all(TABLE, keys, worker))

    requests = [next(iter(body["RequestItems"].values())) for body in table.requests]
    assert sorted(found) == sorted(KEYS)
    assert [len(each["Keys"]) for each in requests] == [10, 5, 3, 2, 1]
    assert all(each["ConsistentRead"] for each in requests)


def canceled(*codes: str) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    """The cancellation of a transaction, with the reason of each operation."""
    reasons = [{"Code": code} for code in codes]
    body = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"}
    return lambda _: (400, {**body, "CancellationReasons": reasons})


def transacted(worker: Patience) -> bool:
    puts = [dynamo.put(TABLE, item, "attribute_not_exists(pk)") for item in ITEMS[:2]]
    return Sender().run(bulk.transact(TABLE, puts, worker))


@pytest.mark.parametrize(
    "answered",
    [
        canceled("None", "TransactionConflict"),
        canceled("ThrottlingError", "None"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("InternalServerError", 500),
        refusal("TransactionInProgressException"),
    ],
    ids=["conflict", "throttled", "refused", "failed", "in progress"],
)
def test_a_transaction_is_sent_again_until_it_is_taken(
    table: Table, worker: Patience, answered: Callable[..., Any]
) -> None:
    table.answers = [answered] * 4 + [lambda _: (200, {})]

    assert transacted(worker)
    assert sizes(table, "TransactItems") == [2] * 5


def test_of_a_transaction_whose_condition_failed_nothing_is_sent_again(
    table: Table, worker: Patience
) -> None:
    table.answers = [canceled("ConditionalCheckFailed", "TransactionConflict")]

    assert not transacted(worker)
    assert sizes(table, "TransactItems") == [2]


def test_a_transaction_that_can_not_succeed_is_an_error(table: Table, worker: Patience) -> None:
    table.answers = [canceled("None", "ValidationError")]

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        transacted(worker)


def test_conflicts_of_transactions_slow_nothing_else_down(table: Table, worker: Patience) -> None:
    table.answers = [canceled("TransactionConflict", "None")] * 5 + [lambda _: (200, {})]
    transacted(worker)
    waited = sum(1 for _ in worker.request(TABLE).begin(25))

    assert waited == 0

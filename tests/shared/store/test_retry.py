"""Transient errors, and the number and delays of retries."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from shared.errors import Busy, Refused
from shared.store import retry


def answer(code: str, status: int = 400, *reasons: str) -> ClientError:
    response: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "TransactWriteItems")


@pytest.mark.parametrize("code", sorted(retry.TRANSIENT))
def test_an_error_of_the_list_is_transient_whole_or_as_a_reason(code: str) -> None:
    assert retry.is_transient(answer(code))
    assert retry.is_transient(answer("TransactionCanceledException", 400, "None", code))


@pytest.mark.parametrize(
    "error",
    [
        Busy(),
        answer("Anything", 500),
        ConnectTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
    ],
)
def test_a_broken_service_or_network_is_transient(error: Exception) -> None:
    assert retry.is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        answer("ValidationException"),
        answer("AccessDeniedException"),
        answer("ConditionalCheckFailedException"),
        answer("TransactionCanceledException", 400, "None", "ConditionalCheckFailed"),
        Refused("code", "message"),
        KeyError("x"),
    ],
)
def test_other_errors_come_again_and_are_not(error: Exception) -> None:
    assert not retry.is_transient(error)


def test_a_pause_is_up_to_50_ms_and_doubles_to_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _, most: most)

    pauses = [retry.pause(failures) for failures in (0, 1, 2, 3, 4, 5, 1_000)]

    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert retry.pause(1_000, 20) == 20


def test_a_pause_is_anything_from_nothing_up() -> None:
    pauses = [retry.pause(3) for _ in range(200)]

    assert (min(pauses) < 0.1, 0.3 < max(pauses) <= 0.4) == (True, True)


def test_attempts_are_limited_with_a_pause_between_two(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    assert list(retry.attempts()) == list(range(8))
    assert len(slept) == 7
    assert sum(slept) <= 3.6


def test_other_executions_are_polled_at_fixed_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    assert list(retry.polls()) == list(range(12))
    assert slept == [0.4] * 12

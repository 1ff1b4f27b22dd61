"""The retry policy: transient errors of AWS, backoff, attempts, and waiting for other executions.

API calls make a few attempts and then raise Busy, so that the API answers in time. Import workers
retry as long as their invocation lasts; see `shared.store.patience`.
"""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from shared.errors import Busy

THROTTLED = frozenset(
    {
        # Whole requests: docs.aws.amazon.com, DynamoDB Developer Guide, "Error handling".
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        # One statement of BatchExecuteStatement (API_BatchStatementError), one item of a
        # transaction (API_TransactWriteItems, "CancellationReasons").
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        # S3, Lambda and Step Functions.
        "SlowDown",
        "TooManyRequestsException",
    }
)
"""Error codes of throttling."""

TRANSIENT = THROTTLED | frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ServiceUnavailable",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Error codes after which a retry can succeed."""

ATTEMPTS, SDK_ATTEMPTS = 8, 3
"""The number of attempts in this code, and of those that botocore makes for each call."""
CONTENDED_ATTEMPTS = 40
POLLS, POLL_SECONDS = 12, 0.4
_FIRST_SECONDS, _LONGEST_SECONDS, _CONTENDED_SECONDS = 0.05, 1.0, 0.25


def pause(failures: int, longest: float = _LONGEST_SECONDS) -> float:
    """Seconds to wait after so many failures: exponential backoff with full jitter."""
    ceiling = min(longest, _FIRST_SECONDS * 2.0 ** min(failures, 30))
    return random.uniform(0, ceiling)  # noqa: S311  # no secret is drawn


def attempts(limit: int = ATTEMPTS) -> Iterator[int]:
    """Yield the number of each attempt, with a pause before every attempt except the first.

    The caller leaves the loop when it is done, and raises Busy when the loop ends.
    """
    for attempt in range(limit):
        if attempt:
            time.sleep(pause(attempt - 1))
        yield attempt


def contended(limit: int = CONTENDED_ATTEMPTS) -> Iterator[int]:
    """Yield the number of each attempt to change a record under an optimistic lock.

    Of several concurrent changes of a record, one succeeds per round trip, and the others read and
    decide again after a short random pause. 24 concurrent changes are done within two seconds.
    """
    for attempt in range(limit):
        if attempt:
            time.sleep(pause(attempt - 1, _CONTENDED_SECONDS))
        yield attempt


def polls(limit: int = POLLS) -> Iterator[int]:
    """Yield the number of each poll for what another execution is doing, each after a wait."""
    for poll in range(limit):
        time.sleep(POLL_SECONDS)
        yield poll


def is_transient(error: BaseException) -> bool:
    """Whether a retry can succeed: the error is throttling, a conflict, or a network error."""
    match error:
        case Busy() | NoConnection() | HTTPClientError():
            return True
        case ClientError():
            return _is_transient_answer(error.response)
    return False


def _is_transient_answer(response: Mapping[str, Any]) -> bool:
    """Whether an error is transient; for a canceled transaction, whether one of its reasons is."""
    code = response.get("Error", {}).get("Code")
    reasons = {reason.get("Code") for reason in response.get("CancellationReasons", ())}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in TRANSIENT or status >= 500 or not TRANSIENT.isdisjoint(reasons)

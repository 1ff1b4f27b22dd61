"""Malformed requests to the deployed API: no crash, and only documented responses."""

import httpx

from infra.local.stack import LocalStack
from tests.e2e.fuzz import fuzz
from tests.e2e.remote import Operate, opened


def test_no_odd_request_is_answered_as_the_document_does_not_say(
    stack: LocalStack, http: httpx.Client, keys: Operate
) -> None:
    """`make fuzz` sends more. A company of its own: odd requests change its products."""
    company = opened(http, keys, "fuzzed", stocked=True)
    status, found, cases = fuzz(stack["api_url"], company.key, seconds=40, seed=1)

    assert status == 0, found
    assert cases > 200, found

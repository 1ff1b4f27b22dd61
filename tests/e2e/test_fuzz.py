"""Odd requests to the deployed API: no crash, nothing that its own document does not say."""

from infra.ops.stack import LocalStack
from tests.e2e.fuzz import fuzz
from tests.e2e.remote import RemoteShop


def test_no_odd_request_is_answered_as_the_document_does_not_say(
    stack: LocalStack, shop: RemoteShop
) -> None:
    """`make fuzz` sends more."""
    status, found, cases = fuzz(stack["api_url"], shop.key, seconds=40, seed=1)

    assert status == 0, found
    assert cases > 200, found

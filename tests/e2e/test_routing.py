"""What the gateway does with paths before a function sees them."""

import httpx
import pytest

from infra.ops.stack import LocalStack


@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/openapi.json", "/docs"])
def test_public_pages_answer_with_and_without_a_slash(stack: LocalStack, path: str) -> None:
    answer = httpx.get(stack["api_url"] + path, follow_redirects=False)

    assert answer.status_code == 200

"""What the gateway does with paths before a function sees them."""

import httpx
import pytest

from infra.ops.stack import LocalStack


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/docs"])
def test_public_pages_need_no_key(stack: LocalStack, path: str) -> None:
    assert httpx.get(stack["api_url"] + path, timeout=30).status_code == 200


@pytest.mark.parametrize("path", ["products", "licenses", "customers", "orders"])
def test_a_path_answers_the_same_with_and_without_its_slash(stack: LocalStack, path: str) -> None:
    headers = {"Authorization": f"Api-Key {stack['api_key']}"}
    url = f"{stack['api_url']}/api/v1/{path}"

    bare = httpx.get(url, headers=headers, timeout=30)
    slashed = httpx.get(f"{url}/", headers=headers, timeout=30)

    assert bare.status_code == 200
    assert (slashed.status_code, slashed.content) == (bare.status_code, bare.content)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nowhere/", 404),
        ("GET", "/api/v1/orders/1/2/3", 404),
        ("DELETE", "/api/v1/orders/", 405),
        ("GET", "/api/v1/licenses/import_from_csv/", 405),
        ("PATCH", "/api/v1/customers/import_from_csv", 405),
    ],
)
def test_what_no_route_serves_is_refused_in_the_one_shape(
    stack: LocalStack, method: str, path: str, status: int
) -> None:
    refused = httpx.request(method, stack["api_url"] + path, timeout=30)

    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["status"] == status

"""What the gateway does with paths before a function sees them."""

import httpx
import pytest

from infra.local.stack import LocalStack


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/docs", "/console"])
def test_public_pages_need_no_key(stack: LocalStack, path: str) -> None:
    answer = httpx.get(stack["api_url"] + path, timeout=30, follow_redirects=True)

    assert answer.status_code == 200
    assert str(answer.url).startswith(stack["api_url"])


@pytest.mark.parametrize("path", ["products", "licenses", "customers", "orders"])
def test_a_path_answers_the_same_with_and_without_its_slash(stack: LocalStack, path: str) -> None:
    headers = {"Authorization": f"Api-Key {stack['api_key']}"}
    url = f"{stack['api_url']}/api/v1/{path}"

    bare = httpx.get(url, headers=headers, timeout=30)
    slashed = httpx.get(f"{url}/", headers=headers, timeout=30)

    assert bare.status_code == 200
    assert (slashed.status_code, slashed.content) == (bare.status_code, bare.content)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/v1/nowhere/", None),
        ("GET", "/api/v1/orders/1/2/3", None),
        ("DELETE", "/api/v1/orders/", "GET, HEAD"),
        ("GET", "/api/v1/imports/5/cancel", "POST"),
        ("POST", "/api/v1/imports/5/errors/", "GET, HEAD"),
        ("GET", "/api/v1/orders/create_order/", "POST"),
        ("PUT", "/api/v1/licenses/5/enable/", "POST"),
        ("GET", "/api/v1/licenses/import_from_csv/", "POST"),
        ("PATCH", "/api/v1/customers/import_from_csv", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_what_no_route_serves_is_refused_in_the_one_shape(
    stack: LocalStack, method: str, path: str, allow: str | None
) -> None:
    refused = httpx.request(method, stack["api_url"] + path, timeout=30)

    assert refused.status_code == (405 if allow else 404)
    assert refused.headers.get("allow") == allow
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["status"] == refused.status_code


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/openapi.json", "/console/", "/api/v1/orders/", "/api/v1/products", "/api/v1/x/"],
)
def test_head_is_answered_like_get_without_the_body(stack: LocalStack, path: str) -> None:
    headers = {"Authorization": f"Api-Key {stack['api_key']}", "Accept-Encoding": "identity"}
    url = stack["api_url"] + path

    get = httpx.get(url, headers=headers, timeout=30)
    head = httpx.head(url, headers=headers, timeout=30)

    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "cache-control", "content-length", "etag"):
        assert head.headers.get(name) == get.headers.get(name), name

"""Python's HTTP clients follow 308 to the path without its slash, with method, body and key."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests

from tests.openapi_asset import use_openapi_asset
from tests.redirects.server import redirecting_server

BODY = '{"email": "ana@acme.example"}'
KEY = "Api-Key abcdefgh.secret"
HEADERS = {"Authorization": KEY, "Content-Type": "application/json"}

type Send = Callable[[str, str, str | None], Any]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, redirecting_server() as url:
        use_openapi_asset(patch)
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield url


def by_requests(method: str, url: str, body: str | None) -> Any:
    return requests.request(method, url, data=body, headers=HEADERS, timeout=10).json()


def by_httpx(method: str, url: str, body: str | None) -> Any:
    with httpx.Client(follow_redirects=True) as client:
        return client.request(method, url, content=body, headers=HEADERS).json()


def by_urllib(method: str, url: str, body: str | None) -> Any:
    data = body.encode() if body else None
    request = urllib.request.Request(url, data, HEADERS, method=method)  # noqa: S310  # our server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
        return json.loads(answer.read())


@pytest.mark.parametrize("send", [by_requests, by_httpx, by_urllib])
def test_get_is_followed_with_the_key_and_the_query(url: str, send: Send) -> None:
    got = send("GET", f"{url}/api/v1/orders/?limit=3", None)

    assert (got["method"], got["path"]) == ("GET", "/api/v1/orders?limit=3")
    assert got["authorization"] == KEY


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/customers/"), ("PATCH", "/api/v1/customers/5/")]
)
@pytest.mark.parametrize("send", [by_requests, by_httpx])
def test_what_has_a_body_is_followed_with_method_body_and_key(
    url: str, send: Send, method: str, path: str
) -> None:
    got = send(method, url + path, BODY)

    assert (got["method"], got["path"]) == (method, path.removesuffix("/"))
    assert (got["body"], got["authorization"]) == (BODY, KEY)


def test_urllib_reports_a_post_that_was_moved_instead_of_sending_it_as_get(url: str) -> None:
    """docs/api.md says so: with urllib, send POST to the path without its slash."""
    with pytest.raises(urllib.error.HTTPError) as raised:
        by_urllib("POST", f"{url}/api/v1/customers/", BODY)

    assert raised.value.code == 308
    assert raised.value.headers["Location"] == "/api/v1/customers"
    raised.value.close()

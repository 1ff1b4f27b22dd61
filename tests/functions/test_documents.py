"""Paths that need no key, and the responses to unknown paths and methods."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from functions import documents
from functions.web import route_table
from functions.web.openapi import document
from tests.functions import sample_api
from tests.http_event import send


@pytest.fixture(autouse=True)
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file that bundling makes, of the sample routes."""
    made = document([sample_api.api, documents.api])
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(made))
    with monkeypatch.context() as patch:
        patch.setattr(documents, "ASSETS", tmp_path)
        patch.setattr(route_table, "DOCUMENT", tmp_path / "openapi.json")
        _forget()
        yield
    _forget()


def _forget() -> None:
    documents.forget_assets()
    route_table.forget_document()


def test_health_needs_no_key() -> None:
    reply = send(documents.handler, "GET", "/healthz")

    assert (reply.status, reply.json()) == (200, {"status": "ok"})
    assert reply.headers["cache-control"] == "no-store"


def test_the_document_is_served_as_json() -> None:
    reply = send(documents.handler, "GET", "/openapi.json")

    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["openapi"].startswith("3.1")


def test_who_has_the_document_is_not_sent_it_again() -> None:
    path = "/openapi.json"
    first = send(documents.handler, "GET", path)

    again = send(
        documents.handler, "GET", path, headers={"If-None-Match": f"W/{first.headers['etag']}"}
    )
    other = send(documents.handler, "GET", path, headers={"If-None-Match": '"other"'})

    assert first.headers["cache-control"] == "public, max-age=300"
    assert (again.status, again.text, other.status) == (304, "", 200)
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/things/", "GET, HEAD, POST"),
        ("PUT", "/api/v1/things", "GET, HEAD, POST"),
        ("POST", "/api/v1/things/7/", "GET, HEAD"),
        ("POST", "/api/v1/things/names/", "GET, HEAD"),
        ("HEAD", "/api/v1/things/break/", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("OPTIONS", "/api/v1/things/", "GET, HEAD, POST"),
    ],
)
def test_another_method_on_a_served_path_is_405(method: str, path: str, allowed: str) -> None:
    reply = send(documents.handler, method, path)

    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    assert not [name for name in reply.headers if name.startswith("access-control-")]
    if method != "HEAD":
        problem = reply.json()
        assert problem["code"] == "method_not_allowed"
        assert problem["message"] == problem["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
def test_head_is_answered_like_get_without_the_body(path: str) -> None:
    get = send(documents.handler, "GET", path)

    head = send(documents.handler, "HEAD", path)

    assert (head.status, head.text) == (get.status, "")
    assert head.headers == get.headers | {"content-length": str(len(get.text.encode()))}


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/", "/api/v1/thongs/", "/api/v1/things/7/8/", "/openapiXjson"]
)
def test_a_path_that_nothing_serves_is_404(path: str) -> None:
    reply = send(documents.handler, "GET", path)

    assert (reply.status, reply.json()["code"]) == (404, "not_found")
    assert reply.headers["content-type"] == "application/problem+json"

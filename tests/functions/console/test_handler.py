"""The console's function: files, caching, and the content security policy."""

import base64
import gzip
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, StringConstraints

from functions.console.handler import (
    HOMES,
    SITES,
    console_policy,
    content_security_policy,
    read_files,
    respond,
)
from functions.console.rules import rules, steps
from shared.browser_rule import BrowserRule
from shared.columns import KINDS, CustomerRow, Part

handler = import_module("functions.console.handler")


@pytest.fixture(autouse=True)
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page and a script, in the folders that the build writes."""
    (tmp_path / "0123").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "0123" / "app.js").write_text("export const one = 1;\n" * 100)
    (tmp_path / "0123" / "rules.json").write_text('{"kinds": {}}')
    (tmp_path / "secret.py").write_text("")
    files = read_files("/console/", tmp_path) | read_files("/docs/", tmp_path)
    monkeypatch.setattr(handler, "FILES", files)
    return tmp_path


def get(path: str, method: str = "GET", **headers: str) -> Any:
    event = {
        "rawPath": path,
        "headers": {name.replace("_", "-").title(): value for name, value in headers.items()},
        "requestContext": {"stage": "$default", "http": {"method": method}},
    }
    return handler.handler(event, None)


def body(reply: Any) -> bytes:
    return base64.b64decode(reply["body"])


@pytest.mark.parametrize(
    ("path", "location"),
    [("/", "console/"), ("", "console/"), ("/console", "console/"), ("/docs", "docs/")],
)
def test_a_site_is_redirected_to_relative_to_the_base_path(path: str, location: str) -> None:
    reply = get(path)

    assert (reply["statusCode"], reply["headers"]["Location"]) == (302, location)


def test_every_site_has_a_redirect_to_it() -> None:
    assert {f"/{location}" for location in HOMES.values()} == set(SITES)


@pytest.mark.parametrize("path", SITES)
def test_the_page_is_revalidated_on_each_visit_and_sent_only_if_it_changed(path: str) -> None:
    first = get(path)
    etag = first["headers"]["ETag"]

    again = get(path, if_none_match=f'W/"x", {etag}')

    assert body(first) == b"<!doctype html>"
    assert first["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert first["headers"]["Cache-Control"] == again["headers"]["Cache-Control"] == "no-cache"
    assert (again["statusCode"], again["body"]) == (304, "")


def test_files_named_after_their_content_are_cached_permanently_and_sent_compressed() -> None:
    plain = get("/console/0123/app.js")
    packed = get("/console/0123/app.js", accept_encoding="br, gzip")

    assert plain["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"
    assert packed["headers"]["Content-Encoding"] == "gzip"
    assert packed["headers"]["Vary"] == "Accept-Encoding"
    assert gzip.decompress(body(packed)) == body(plain)
    assert len(body(packed)) < len(body(plain)) / 5


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_json_file_is_sent_as_it_is(encoding: str) -> None:
    reply = get("/console/0123/rules.json", accept_encoding=encoding)

    sent = gzip.decompress(body(reply)) if encoding else body(reply)
    assert reply["headers"]["Content-Type"] == "application/json"
    assert sent == b'{"kinds": {}}'


def test_head_returns_the_headers_of_get_without_a_body() -> None:
    reply = get("/console/", method="HEAD")

    page = get("/console/")
    assert (reply["statusCode"], reply["body"]) == (200, "")
    assert reply["headers"] == page["headers"] | {"Content-Length": str(len(body(page)))}


@pytest.mark.parametrize("path", ["/", "/console", "/console/", "/console/0123/app.js", "/docs/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_get_and_head_are_allowed(path: str, method: str) -> None:
    reply = get(path, method=method)

    assert (reply["statusCode"], reply["headers"]["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/console/0123/none.js",
        "/console/app.js",
        "/console/secret.py",
        "/console/../handler.py",
        "/console/%2e%2e/handler.py",
        "/console//etc/passwd",
        "/console/0123",
        "/console/\x00",
        "/docs/none.js",
        "/docs/0123/../index.html",
        "/docsx",
        "/else",
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    assert get(path)["statusCode"] == 404


@pytest.mark.parametrize(
    "path",
    ["/", "/console/", "/console/0123/app.js", "/console/none", "/docs", "/docs/", "/docs/none"],
)
def test_every_response_has_security_headers(path: str) -> None:
    headers = get(path)["headers"]

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_page_may_run_only_its_own_and_send_files_to_the_bucket() -> None:
    sent = console_policy("https://b.s3.test")
    allowed = dict(part.strip().split(" ", 1) for part in sent.split(";"))

    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    assert allowed["frame-ancestors"] == "'none'"
    assert allowed["script-src"] == allowed["style-src"] == allowed["worker-src"] == "'self'"
    assert allowed["connect-src"] == "'self' https://b.s3.test"
    assert allowed["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in sent
    assert "*" not in sent


def test_the_api_documents_may_run_only_their_own_and_connect_to_the_api() -> None:
    sent = get("/docs/")["headers"]["Content-Security-Policy"]

    assert sent == content_security_policy()
    allowed = dict(part.strip().split(" ", 1) for part in sent.split(";"))
    assert (
        allowed["default-src"] == allowed["form-action"] == allowed["frame-ancestors"] == "'none'"
    )
    assert allowed["script-src"] == allowed["style-src"] == allowed["connect-src"] == "'self'"
    assert "unsafe" not in sent


def test_a_response_contains_no_path_of_the_file_system(served: Path) -> None:
    assert str(served) not in str(respond("GET", "/console/none", {}))


def test_the_browser_has_rules_for_every_column() -> None:
    kinds = rules()["kinds"]

    assert {name: tuple(kind["columns"]) for name, kind in kinds.items()} == {
        name: kind.columns for name, kind in KINDS.items()
    }
    assert all(steps for kind in kinds.values() for steps in kind["columns"].values())
    written = [s for kind in kinds.values() for steps in kind["columns"].values() for s in steps]
    changes = {"trim", "lower", "instead", "ends", "unset", "whole", "fold", "cut"}
    checks = [step for step in written if set(step) - changes - {"dates"}]
    assert all(step["code"] and step["message"] for step in checks)


def test_the_rule_after_a_validator_is_its_step_with_the_models_own_message() -> None:
    class Row(CustomerRow):
        code: Annotated[str, AfterValidator(_even), BrowserRule({"match": "^(..)*$"}, "a")]

    assert [*steps(Part(Row, {"Code": "code"}), "Code")] == [
        {"match": "^(..)*$", "code": "invalid_value", "message": "must have an even length"}
    ]


def test_a_validator_without_a_rule_for_the_browser_fails_the_build() -> None:
    class Row(CustomerRow):
        code: Annotated[str, AfterValidator(_even)]

    with pytest.raises(TypeError, match=r"Code: .*has no BrowserRule after it"):
        list(steps(Part(Row, {"Code": "code"}), "Code"))


def test_a_rule_without_a_validator_before_it_fails_the_build() -> None:
    class Row(CustomerRow):
        code: Annotated[str, StringConstraints(max_length=3), BrowserRule({"trim": True})]

    with pytest.raises(TypeError, match="must follow a validator"):
        list(steps(Part(Row, {"Code": "code"}), "Code"))


def test_a_sample_that_the_model_accepts_fails_the_build() -> None:
    class Row(CustomerRow):
        code: Annotated[str, AfterValidator(_even), BrowserRule({"match": "^(..)*$"}, "ab")]

    with pytest.raises(ValueError, match="the sample 'ab' is valid"):
        list(steps(Part(Row, {"Code": "code"}), "Code"))


def _even(text: str) -> str:
    if len(text) % 2:
        raise ValueError("must have an even length")
    return text

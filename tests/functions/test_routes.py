"""Every route of every function: its scope, and that stack and API guide have the same routes."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from functions.web.api import Api, Operation
from functions.web.openapi import ROUTE_MODULES
from infra.stamp import ROOT
from shared.access import ANY_SCOPE, ORDINARY_SCOPES, SCOPES, new_api_key
from shared.store.access import add_api_key, revoke_api_key
from tests.functions.operations import OPERATIONS
from tests.functions.shop import Shop
from tests.http_event import send

PUBLIC = {"GET /healthz", "GET /openapi.json"}
"""All that may be read without a key; nothing here shows a record."""


KEYED = [operation for operation in OPERATIONS if operation.scope]


def apis() -> dict[str, Api]:
    """The routes of each function, by its module's name."""
    modules = {path.stem: path for path in (ROOT / "functions").glob("*.py")}
    loaded = {name: import_module(f"functions.{name}") for name in modules if name != "__init__"}
    return {name: module.api for name, module in loaded.items() if hasattr(module, "api")}


def spelled(operation: Operation) -> str:
    """As infra and the API guide write it: `GET /api/v1/orders/{id}/`."""
    return f"{operation.method} {re.sub(r'<(\w+)>', r'{\1}', operation.path)}"


def operations() -> list[tuple[str, Operation]]:
    return [(name, operation) for name, api in apis().items() for operation in api.operations]


EACH = pytest.mark.parametrize(
    ("module", "operation"), [pytest.param(*each, id=spelled(each[1])) for each in operations()]
)


def test_only_the_listed_routes_are_public() -> None:
    assert {spelled(each) for _, each in operations() if each.scope is None} == PUBLIC


@EACH
def test_a_route_asks_for_a_scope_that_keys_can_have(module: str, operation: Operation) -> None:
    special = {None, ANY_SCOPE}
    assert operation.scope in SCOPES | special
    is_ordinary = operation.scope in ORDINARY_SCOPES | special
    assert is_ordinary == ("/api-keys/" not in operation.path)


@EACH
def test_what_changes_something_asks_for_more_than_reading(
    module: str, operation: Operation
) -> None:
    """An export changes no record, so it asks for what every export asks for."""
    is_export = operation.path.startswith("/api/v1/exports/")
    reads = operation.method == "GET" or is_export

    assert reads or str(operation.scope).endswith((":write", ":undo", ":admin"))
    assert not is_export or operation.scope == "records:read"


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slashed"])
@pytest.mark.usefixtures("tables")
def test_without_a_key_a_route_says_nothing_but_that(slash: str) -> None:
    for module, operation in operations():
        path = re.sub(r"<\w+>", "1", operation.path).rstrip("/") + slash

        reply = send(apis()[module].handler, operation.method, path, body="{}")

        if spelled(operation) not in PUBLIC:
            assert (reply.status, reply.json()["code"]) == (403, "not_authenticated"), operation
        else:
            assert reply.status != 403


@pytest.mark.usefixtures("engine")
def test_a_key_of_each_single_scope_opens_what_asks_for_it_and_nothing_else(shop: Shop) -> None:
    for scope in sorted(SCOPES):
        key = new_key(scopes={scope})

        for operation in KEYED:
            reply = operation.send(key)

            if operation.scope in (scope, ANY_SCOPE):
                assert reply.status < 500, (operation, reply.text)
                refused_for_its_body = reply.status == 403 and "scope_not_held" in reply.text
                assert refused_for_its_body or reply.status not in (401, 403), reply.text
            else:
                assert (reply.status, reply.json()["code"]) == (403, "permission_denied"), operation
                assert str(operation.scope) in reply.json()["message"]


@pytest.mark.usefixtures("engine")
def test_head_is_answered_like_get_without_the_body(shop: Shop) -> None:
    """With the status and the headers of the same GET, whether it is found or refused."""
    for operation in (each for each in OPERATIONS if each.method == "GET"):
        for key in (shop.key, None):
            get = operation.send(key)
            head = replace(operation, method="HEAD").send(key)

            assert (head.status, head.text) == (get.status, ""), operation
            length = {"content-length": str(len(get.text.encode()))} if get.text else {}
            assert head.headers == get.headers | length, operation


@pytest.mark.usefixtures("engine")
def test_a_parameter_without_a_value_counts_as_absent_on_every_route(shop: Shop) -> None:
    """Go's client sends 15 of them with every list, and Postman leaves them in the address."""
    shop.order_one(id="o-1", customer={"email": "ana@x.test"})
    for operation in (each for each in OPERATIONS if each.method == "GET" and each.queries):
        needed = operation.needed
        names = [name for name in operation.queries if f"{name}=" not in needed]

        bare = operation.send(shop.key, query=needed)
        empty = operation.send(shop.key, query="&".join([needed, *(f"{name}=" for name in names)]))
        unknown = operation.send(shop.key, query=f"{needed}&nowhere=")

        assert bare.status in (200, 404), (operation, bare.text)
        assert empty.status == bare.status, (operation, empty.text)
        if "generate_license" not in operation.path:  # each time it generates other keys
            assert empty.text == bare.text, operation
        if operation.ids == ():
            assert (unknown.status, unknown.json()["code"]) == (400, "validation_error"), operation


@pytest.mark.usefixtures("engine")
def test_what_a_route_needs_is_not_there_without_a_value(shop: Shop) -> None:
    reply = shop.get("/orders/generate_license/", "product=&quantity=3")

    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["field"], fault["code"]) == (400, "product", "required")


@pytest.mark.usefixtures("tables")
def test_a_key_that_is_not_good_opens_no_route() -> None:
    good = new_key()
    prefix, secret = good.split(".")
    bad = {
        "expired": new_key(expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        "revoked": new_key(),
        "of a wrong secret": f"{prefix}.{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}",
        "of a longer secret": f"{good}a",
        "of another case": good.swapcase(),
        "of an unknown prefix": f"nobodyis.{secret}",
        "without its secret": f"{prefix}.",
        "without its prefix": secret,
        "malformed": "x" * 4000,
        "with a line in it": f"{prefix}.\n{secret}",
        "beyond ASCII": f"{prefix}.{secret[:-1]}ß",
    }
    revoke_api_key(bad["revoked"].partition(".")[0], datetime.now(UTC))

    for what, key in bad.items():
        for operation in KEYED:
            reply = operation.send(key)

            outcome = (reply.status, reply.json()["code"])
            assert outcome == (403, "invalid_api_key"), f"a key {what} on {operation}: {reply.text}"
            assert secret not in reply.text


def new_key(**options: Any) -> str:
    """A key of acme, as its owner sends it."""
    key, presented = new_api_key("acme", now=datetime.now(UTC), **options)
    add_api_key(key)
    return presented


def test_the_document_is_made_of_all_functions_that_serve_something() -> None:
    assert set(ROUTE_MODULES) == set(apis())


def test_the_api_guide_lists_every_route_with_its_scope() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = page.partition("\n## Routes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([A-Z, ]+) (/\S*)` \|.*\| (.+) \|$", table, re.MULTILINE)

    listed = {
        (f"{method} {path}", scope.strip("`"))
        for methods, path, scopes in rows
        for method, scope in zip(methods.split(", "), scopes.split(", "), strict=True)
    }

    assert listed == {(spelled(each), each.scope or "none") for _, each in operations()}

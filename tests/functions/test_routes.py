"""Every route of every function: who may call it, and that cloud and README know the same ones."""

import re
from importlib import import_module

import pytest

from functions.http import Api, Operation
from functions.openapi import ROUTE_MODULES
from infra.api import ROUTES
from infra.stamp import ROOT
from shared.access import ORDINARY_SCOPES, SCOPES
from tests.http_event import send

PUBLIC = {"GET /healthz", "GET /openapi.json", "GET /docs"}
"""All that may be read without a key; nothing here shows a record."""


def apis() -> dict[str, Api]:
    """The routes of each function, by its module's name."""
    modules = {path.stem: path for path in (ROOT / "functions").glob("*.py")}
    loaded = {name: import_module(f"functions.{name}") for name in modules if name != "__init__"}
    return {name: module.api for name, module in loaded.items() if hasattr(module, "api")}


def spelled(operation: Operation) -> str:
    """As infra and README write it: `GET /api/v1/orders/{id}/`."""
    return f"{operation.method} {re.sub(r'<(\w+)>', r'{\1}', operation.path)}"


def operations() -> list[tuple[str, Operation]]:
    return [(name, operation) for name, api in apis().items() for operation in api.operations]


def of(name: str) -> set[str]:
    return {spelled(operation) for module, operation in operations() if module == name}


EACH = pytest.mark.parametrize(
    ("module", "operation"), [pytest.param(*each, id=spelled(each[1])) for each in operations()]
)


def test_only_the_listed_routes_are_public() -> None:
    assert {spelled(each) for _, each in operations() if each.scope is None} == PUBLIC


@EACH
def test_a_route_asks_for_a_scope_that_keys_can_have(module: str, operation: Operation) -> None:
    assert operation.scope in SCOPES | {None}
    assert operation.scope in ORDINARY_SCOPES | {None}, "an ordinary key opens every route so far"


@EACH
def test_what_changes_something_asks_for_more_than_reading(
    module: str, operation: Operation
) -> None:
    assert operation.method == "GET" or str(operation.scope).endswith(":write")


@EACH
@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slashed"])
@pytest.mark.usefixtures("tables")
def test_without_a_key_a_route_says_nothing_but_that(
    module: str, operation: Operation, slash: str
) -> None:
    path = re.sub(r"<\w+>", "1", operation.path).rstrip("/") + slash

    reply = send(apis()[module].handler, operation.method, path, body="{}")

    if spelled(operation) not in PUBLIC:
        assert (reply.status, reply.json()["code"]) == (403, "not_authenticated")
    else:
        assert reply.status != 403


def test_the_cloud_routes_to_each_function_what_it_serves() -> None:
    """A gateway knows only whole parts of a path as variables: `{kind}.csv` is `{kind}` there."""
    routed = {
        name: {route.removesuffix("/") for route in ROUTES[name]} - {"$default"} for name in apis()
    }

    assert routed == {
        name: {route.removesuffix("/").replace("}.csv", "}") for route in of(name)}
        for name in apis()
    }


def test_the_document_is_made_of_all_functions_that_serve_something() -> None:
    assert set(ROUTE_MODULES) == set(apis())


def test_the_readme_lists_every_route_with_its_scope() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z, ]+) (/\S*)` \|.*\| (.+) \|$", readme, re.MULTILINE)

    listed = {
        (f"{method} {path}", scope.strip("`"))
        for methods, path, scopes in rows
        for method, scope in zip(methods.split(", "), scopes.split(", "), strict=True)
    }

    assert listed == {(spelled(each), each.scope or "none") for _, each in operations()}

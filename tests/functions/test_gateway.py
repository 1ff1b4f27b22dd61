"""Every path and method of the document, through API Gateway's rules, to the function behind them.

Whatever AWS's rules turn out to mean, a request reaches its operation, if need be by one 308 to the
path without its slash, or it is refused with the right `Allow`.
"""

import re
from functools import cache
from importlib import import_module

import pytest

from functions.web.api import Api
from infra.api import ROUTES, route_keys
from tests.functions.log_lines import Out
from tests.functions.operations import APIS, OPERATIONS
from tests.gateway import EXPECTED, READINGS, Gateway, Reading
from tests.http_event import Reply, send

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ROUTED = {key: name for name, routes in ROUTES.items() for key in route_keys(routes, slash="")}
SPELLED = [
    path.rstrip("/") + slash
    for path in sorted({operation.path for operation in OPERATIONS})
    for slash in ("", "/")
]
EACH_READING = pytest.mark.parametrize("reading", READINGS, ids=str)


@cache
def handler(function: str) -> object:
    return import_module(f"functions.{function}").handler


def example(path: str) -> str:
    return re.sub(r"{\w+}", "5", path.replace("{kind}", "licenses"))


def served(path: str) -> set[str]:
    """The methods that the functions declare for a path, in either spelling."""
    declared = {
        operation.method
        for api in APIS.values()
        for operation in api.operations
        if _templated(operation.path).rstrip("/") == path.rstrip("/")
    }
    return declared | ({"HEAD"} if "GET" in declared else set())


def _templated(path: str) -> str:
    return path.replace("<", "{").replace(">", "}")


class Client:
    """Sends requests without a key as the gateway would, and follows 308."""

    def __init__(self, reading: Reading, out: Out) -> None:
        self.gateway = Gateway(ROUTED, reading)
        self.out = out
        self.moves = 0

    def send(self, method: str, path: str) -> tuple[Reply, str | None]:
        """The answer, and the path of the route that a function found for the request."""
        target = self.gateway.target(method, path)
        reply = send(handler(target), method, path, body=None)
        routes = [line.get("route") for line in self.out() if line.get("message") == "request"]
        if reply.status == 308:
            assert path.endswith("/"), f"{path} would be sent on without end"
            self.moves += 1
            return self.send(method, reply.headers["location"])
        return reply, routes[-1]


@EACH_READING
@pytest.mark.usefixtures("tables")
def test_every_method_on_every_path_is_served_or_a_405_that_says_what_is(
    reading: Reading, out: Out
) -> None:
    client = Client(reading, out)
    for path in SPELLED:
        for method in METHODS:
            reply, route = client.send(method, example(path))

            where = f"{method} {path}: {reply.status} {reply.text}"
            if method in served(path):
                assert reply.status in (200, 403), where
                assert _templated(route or "").rstrip("/") == path.rstrip("/"), where
            else:
                assert (reply.status, route) == (405, None), where
                allowed = reply.headers["allow"].split(", ")
                assert set(allowed) == served(path), where
                assert len(set(allowed)) == len(allowed), where


@pytest.mark.usefixtures("tables")
def test_no_request_is_moved_if_greedy_routes_match_as_expected(out: Out) -> None:
    client = Client(EXPECTED, out)

    for path in SPELLED:
        for method in METHODS:
            client.send(method, example(path))

    assert client.moves == 0


@pytest.mark.usefixtures("tables")
def test_only_these_are_moved_if_greedy_routes_match_no_empty_rest(out: Out) -> None:
    """The certain ones are published POSTs: create_order and the imports of licenses."""
    client = Client(Reading(empty_rest=False, longest_first=True, method_first=True), out)
    moved = set()
    for operation in OPERATIONS:
        before = client.moves
        client.send(operation.method, example(operation.path))
        if client.moves > before:
            moved.add(str(operation))

    assert moved == {
        "GET /api/v1/api-key/",
        "GET /api/v1/api-keys/",
        "POST /api/v1/api-keys/",
        *(
            f"GET /api/v1/{name}/"
            for name in (
                *("orders", "licenses", "license-users", "customers", "events", "imports"),
                *("import-mappings", "exports", "search", "statistics"),
            )
        ),
        *(
            f"{method} /api/v1/{name}/"
            for name in ("products", "license-templates", "product-features")
            for method in ("GET", "POST")
        ),
        *(
            f"GET /api/v1/{kind}-import-results/"
            for kind in ("licenses", "customers", "license-features")
        ),
        "POST /api/v1/customers/",
        "POST /api/v1/exports/",
        "POST /api/v1/imports/",
        "POST /api/v1/imports/{id}/parts/",
        "POST /api/v1/licenses/disable_bulk/",
        "POST /api/v1/customers/import_from_csv/",
        "GET /api/v1/orders/generate_license/",
    }


@EACH_READING
@pytest.mark.parametrize(
    ("path", "site"),
    [
        *((path, "/console/") for path in ("/", "/console", "/console/", "/console/index.html")),
        *((path, "/docs/") for path in ("/docs", "/docs/", "/docs/index.html")),
    ],
)
def test_a_site_is_found_without_a_loop(reading: Reading, path: str, site: str) -> None:
    gateway = Gateway(ROUTED, reading)
    for _ in range(4):
        reply = send(handler(gateway.target("GET", path)), "GET", path)
        if reply.status not in (302, 308):
            break
        location = reply.headers["location"]
        path = location if location.startswith("/") else f"/{location}"

    assert path in (site, f"{site}index.html")
    assert gateway.target("GET", path) == "console.handler"


@EACH_READING
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nowhere/",
        "/api/v1/orders/1/2/3",
        "/api/v1/orders//",
        "/api/v1",
        "/api/v1/imports/5/x/",
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_a_path_that_nothing_serves_is_a_404_whichever_function_gets_it(
    reading: Reading, method: str, path: str
) -> None:
    reply = send(handler(Gateway(ROUTED, reading).target(method, path)), method, path)

    assert reply.status == 404
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("tables")
def test_a_function_refuses_what_is_anothers_with_its_405_or_404_and_never_crashes() -> None:
    """Every function with every path: a wrong route is a refusal, not a crash."""
    for name, api in APIS.items():
        own = {_templated(operation.path).rstrip("/") for operation in api.operations}
        for path in SPELLED:
            for method in METHODS:
                reply = send(handler(name), method, example(path))

                where = f"{name}: {method} {path}: {reply.status}"
                if method not in served(path):
                    assert reply.status == 405, where
                elif path.rstrip("/") not in own:
                    assert reply.status == (308 if path.endswith("/") else 404), where


# The redirect itself


@pytest.mark.parametrize(
    ("public_url", "prefix"),
    [
        ("", ""),
        ("https://keys.example/back/", "/back"),
        (
            "http://{host}/_aws/x/$default",
            "/_aws/x/$default",
        ),
    ],
)
def test_a_moved_path_stays_on_its_host_and_keeps_its_query(
    monkeypatch: pytest.MonkeyPatch, public_url: str, prefix: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", public_url)

    reply = send(handler("documents"), "GET", "/api/v1/orders/", query="limit=3&cursor=a%2Bb")

    assert reply.status == 308
    assert reply.headers["location"] == f"{prefix}/api/v1/orders?limit=3&cursor=a%2Bb"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json()["code"] == "moved"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("//evil.test/", ""),
        ("/\\evil.test/", ""),
        ("/api/v1/orders/x\r\nSet-Cookie: a=b/", ""),
        ("/api/v1/orders/", "a=\r\nSet-Cookie: a=b"),
        ("/api/v1/licenses/é/", ""),
        ("//evil.test/api/v1/orders/", ""),
    ],
)
def test_a_location_never_names_another_host_nor_breaks_its_line(path: str, query: str) -> None:
    reply = send(handler("documents"), "GET", path, query=query)

    location = reply.headers.get("location", "/api/v1/")
    assert location.startswith("/api/v1/")
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location


@pytest.mark.parametrize("api", APIS.values(), ids=APIS)
def test_no_function_needs_the_table_for_what_it_serves(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it would be part of a cold start."""
    from functions.web import route_table

    monkeypatch.setattr(route_table, "DOCUMENT", None)
    route_table.forget_document()

    for operation in api.operations:
        reply = send(api.handler, operation.method, example(_templated(operation.path)))
        assert reply.status in (200, 403) or operation.path == "/openapi.json"

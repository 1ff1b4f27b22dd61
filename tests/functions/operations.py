"""Every operation of the OpenAPI document with a request, so that new operations are tested."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from functions.web.api import Api
from functions.web.openapi import ROUTE_MODULES, document
from tests.functions.importer import FORM, form
from tests.http_event import Reply, send

APIS: Mapping[str, Api] = {name: import_module(f"functions.{name}").api for name in ROUTE_MODULES}


_NEEDED = {
    "/api/v1/orders/generate_license/": "product=kp",
    "/api/v1/orders/export/": "range=last30",
    "/api/v1/licenses/export/": "id__in=1,2",
    "/api/v1/license-users/": "email=ana@x.test",
    "/api/v1/license-users/set_password/": "email=ana@x.test",
    "/api/v1/search/": "q=ana",
}


@dataclass(frozen=True)
class Operation:
    """One operation as the document tells it."""

    method: str
    path: str
    scope: str | None
    body: Any
    """Its example; bytes of a form for one that takes a file."""
    ids: tuple[str, ...]
    """Names of the parameters in its path that are numbers of records."""
    queries: Mapping[str, Any]
    """The schemas of its query parameters."""
    needed: str
    """The parameters that its query requires, with values; blank if there are none."""
    api: Api

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def send(self, key: str | None, *, id: int = 1, query: str = "", **more: Any) -> Reply:
        """Sends the example, with this number for every id in the path."""
        path = self.path.replace("{kind}", "licenses").replace("{prefix}", "Zx8Kq2Lm")
        for name in self.ids:
            path = path.replace(f"{{{name}}}", str(id))
        if isinstance(self.body, bytes):
            more["headers"] = {"content-type": FORM, **more.get("headers", {})}
        return send(
            self.api.handler, self.method, path, body=self.body, key=key, query=query, **more
        )


def _read() -> Iterator[Operation]:
    handlers = {
        (each.method, each.path.replace("<", "{").replace(">", "}")): api
        for api in APIS.values()
        for each in api.operations
    }
    for path, methods in document(APIS.values())["paths"].items():
        for method, described in methods.items():
            content = described.get("requestBody", {}).get("content", {})
            parameters = described["parameters"]
            body = form() if "multipart/form-data" in content else None
            yield Operation(
                method=method.upper(),
                path=path,
                scope=described.get("x-required-scope"),
                body=body or content.get("application/json", {}).get("example"),
                ids=tuple(
                    each["name"]
                    for each in parameters
                    if each["in"] == "path" and each["schema"]["type"] == "integer"
                ),
                queries={
                    each["name"]: each["schema"] for each in parameters if each["in"] == "query"
                },
                needed=_NEEDED.get(path, ""),
                api=handlers[method.upper(), path],
            )


OPERATIONS = tuple(_read())

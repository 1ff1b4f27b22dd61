"""All paths of the API with their methods, so that every function can answer 404, 405 and 308.

API Gateway routes whole folders of paths to a function, and some paths in a folder belong to
another function. The table is the OpenAPI document, which bundling writes next to the functions. It
is read only for requests that match none of the function's own routes.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import orjson

from functions.web.problems import MethodNotAllowed, Moved
from functions.web.request import Request
from shared.errors import NotFound, Refused

DOCUMENT = Path(__file__).parents[1] / "openapi.json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Characters that a URL may hold unquoted; everything else, such as a line break, is escaped.
_IN_PATH, _IN_QUERY = "/:@!$&'()*+,;=~", "/:@!$&'()*+,;=~?%[]"
_SITES = ("/console/", "/docs/")


class ServedPath(NamedTuple):
    """A path of the OpenAPI document, as a pattern, and its methods."""

    pattern: re.Pattern[str]
    methods: tuple[str, ...]


def refusal(request: Request) -> Refused:
    """Refuse a request that the function has no route for.

    A path that another function serves arrives here only where API Gateway does not match routes as
    expected, for example `/orders/` to `/orders/{proxy+}`. It is answered with 308 to the path
    without its slash, whose match is certain.
    """
    if request.path in _SITES and request.method in ("GET", "HEAD"):
        return _moved(request, f"{request.path}index.html")
    served = _served_at(request.path)
    if served is None:
        return NotFound(f"There is nothing at {request.path[:200]}")
    if request.method not in served.methods:
        return MethodNotAllowed(request.method, ", ".join(served.methods))
    if request.path.endswith("/"):
        return _moved(request, request.path.rstrip("/"))
    return NotFound(f"There is nothing at {request.path[:200]}")


def is_fixed(path: str) -> bool:
    """Whether a path of the API without parameters matches."""
    served = _served_at(path)
    return served is not None and served.pattern.groups == 0


def forget_document() -> None:
    """Read the document again at the next request."""
    _paths.cache_clear()


def _served_at(path: str) -> ServedPath | None:
    return next((each for each in _paths() if each.pattern.fullmatch(path)), None)


def _moved(request: Request, path: str) -> Moved:
    """The location names no host, so that clients keep host, method, body and credentials."""
    query = f"?{quote(request.query, safe=_IN_QUERY)}" if request.query else ""
    return Moved(f"{request.base_path}{quote(path, safe=_IN_PATH)}{query}")


@cache
def _paths() -> list[ServedPath]:
    """The paths of the API; paths without parameters come first."""
    paths = orjson.loads(DOCUMENT.read_bytes())["paths"]
    return [
        ServedPath(_pattern(path), _methods({method.upper() for method in operations}))
        for path, operations in sorted(paths.items(), key=lambda each: each[0].count("{"))
    ]


def _pattern(path: str) -> re.Pattern[str]:
    """The pattern of a path; its parameters are ids or kinds of files."""
    return re.compile(re.sub(r"\\{\w+\\}", r"([\\w.-]+)", re.escape(path.rstrip("/"))) + "/?")


def _methods(documented: set[str]) -> tuple[str, ...]:
    """The methods that are served, in one order; HEAD is served wherever GET is."""
    served = documented | ({"HEAD"} if "GET" in documented else set())
    return tuple(method for method in _METHODS if method in served)

"""HTTP API: the console, a page and its files, which are read once when the function starts.

`static/` holds `index.html`, and one folder that is named after its content; see infra/console.py.
No path of a request is ever a path of the file system.
"""

import gzip
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from functions.routing import Response, path_of

STATIC = Path(__file__).parent / "static"
HOME = "/console/"
METHODS = ("GET", "HEAD")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}


class File(NamedTuple):
    """What is sent for a path."""

    content_type: str
    body: bytes
    packed: bytes
    etag: str
    cache: str


def read_files(folder: Path) -> dict[str, File]:
    """Every file by its path below HOME; the page itself by the empty one as well."""
    files = {
        path.relative_to(folder).as_posix(): _file(path, stays=path.parent != folder)
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES
    }
    return files | {"": files["index.html"]}


def policy(uploads: str) -> str:
    """What the page may do: run and load what is its own, and send files to `uploads`.

    Styles and images of CSS are Pico's, whose icons are `data:`.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {f"'self' {uploads}".strip()}; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types keywright"
    )


def _file(path: Path, *, stays: bool) -> File:
    body = path.read_bytes()
    return File(
        TYPES[path.suffix],
        body,
        gzip.compress(body, mtime=0),
        f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "public, max-age=31536000, immutable" if stays else "no-cache",
    )


FILES = read_files(STATIC)
SAFE = {
    "Content-Security-Policy": policy(os.environ.get("UPLOADS_ORIGINS", "")),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def answer(method: str, path: str, headers: Mapping[str, str]) -> Response:
    """The file at a path; `headers` are the request's, by their names in lower case."""
    if path.rstrip("/") in ("", HOME.rstrip("/")) and path != HOME:
        if method not in METHODS:
            return _not_allowed(method)
        return Response(302, None, "", SAFE | {"Location": "console/", "Cache-Control": "no-cache"})
    file = FILES.get(path.removeprefix(HOME)) if path.startswith(HOME) else None
    if file is None:
        return Response(404, "text/plain", "There is no such file.\n", SAFE)
    if method not in METHODS:
        return _not_allowed(method)
    told = SAFE | {"Cache-Control": file.cache, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if file.etag in headers.get("if-none-match", ""):
        return Response(304, None, "", told)
    if "gzip" in headers.get("accept-encoding", ""):
        told["Content-Encoding"] = "gzip"
        return Response(200, file.content_type, file.packed, told)
    return Response(200, file.content_type, file.body, told)


def _not_allowed(method: str) -> Response:
    allow = ", ".join(METHODS)
    text = f"Method {method} not allowed; here: {allow}.\n"
    return Response(405, "text/plain", text, SAFE | {"Allow": allow})


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    method = event["requestContext"]["http"]["method"]
    response = answer(method, path_of(event), headers)
    return (response.without_body() if method == "HEAD" else response).event()

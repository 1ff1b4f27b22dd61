"""HTTP API: serve the console, i.e. `index.html` and the files that it loads.

`static/` holds `index.html` and one folder named after its content, see infra/console.py. All files
are read at cold start; a request's path is a key of `FILES`, never a path in the file system.
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
    """A file with its response headers; `compressed` is the body as gzip."""

    content_type: str
    body: bytes
    compressed: bytes
    etag: str
    cache_control: str


def read_files(folder: Path) -> dict[str, File]:
    """Return every file by its path below HOME; `index.html` also by the empty path."""
    files = {
        path.relative_to(folder).as_posix(): _read_file(path, immutable=path.parent != folder)
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES
    }
    return files | {"": files["index.html"]}


def content_security_policy(uploads: str) -> str:
    """Allow the page its own scripts and styles, the API, and `uploads`, the origin of the bucket.

    Pico's stylesheet has icons with `data:` URLs.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {f"'self' {uploads}".strip()}; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types keywright"
    )


def _read_file(path: Path, *, immutable: bool) -> File:
    body = path.read_bytes()
    return File(
        TYPES[path.suffix],
        body,
        gzip.compress(body, mtime=0),
        f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "public, max-age=31536000, immutable" if immutable else "no-cache",
    )


FILES = read_files(STATIC)
SECURITY_HEADERS = {
    "Content-Security-Policy": content_security_policy(os.environ.get("UPLOADS_ORIGINS", "")),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def respond(method: str, path: str, headers: Mapping[str, str]) -> Response:
    """Return the response for a path; `headers` are the request's, by lower-case name."""
    if path.rstrip("/") in ("", HOME.rstrip("/")) and path != HOME:
        if method not in METHODS:
            return _not_allowed(method)
        redirect = {"Location": "console/", "Cache-Control": "no-cache"}
        return Response(302, None, "", SECURITY_HEADERS | redirect)
    file = FILES.get(path.removeprefix(HOME)) if path.startswith(HOME) else None
    if file is None:
        return Response(404, "text/plain", "File not found.\n", SECURITY_HEADERS)
    if method not in METHODS:
        return _not_allowed(method)
    sent = SECURITY_HEADERS | {
        "Cache-Control": file.cache_control,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if file.etag in headers.get("if-none-match", ""):
        return Response(304, None, "", sent)
    if "gzip" in headers.get("accept-encoding", ""):
        sent["Content-Encoding"] = "gzip"
        return Response(200, file.content_type, file.compressed, sent)
    return Response(200, file.content_type, file.body, sent)


def _not_allowed(method: str) -> Response:
    allow = ", ".join(METHODS)
    text = f"Method {method} is not allowed. Use {allow}.\n"
    return Response(405, "text/plain", text, SECURITY_HEADERS | {"Allow": allow})


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    method = event["requestContext"]["http"]["method"]
    response = respond(method, path_of(event), headers)
    return (response.without_body() if method == "HEAD" else response).event()

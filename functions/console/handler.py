"""HTTP API: the console and the API documents, whose files are read when the function starts.

Each site is a folder with `index.html` and one folder that is named after its content; see
infra/console.py. No path of a request is ever a path of the file system.
"""

import gzip
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from functions.web.routing import Response, path_of

SITES = {
    "/console/": Path(__file__).parent / "static",
    "/docs/": Path(__file__).parent / "docs",
}
HOMES = {"": "console/", "/console": "console/", "/docs": "docs/"}
"""Where a path without its last slash leads, relative to it."""
METHODS = ("GET", "HEAD")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}


@dataclass(frozen=True)
class File:
    """What is sent for a path."""

    content_type: str
    body: bytes
    etag: str
    cache: str

    @cached_property
    def packed(self) -> bytes:
        return gzip.compress(self.body, mtime=0)


def read_files(home: str, folder: Path) -> dict[str, File]:
    """Every file by its path below `home`, and `index.html` as `home` itself."""
    files = {
        home + path.relative_to(folder).as_posix(): _file(path, stays=path.parent != folder)
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES
    }
    return files | {home: files[f"{home}index.html"]}


def _file(path: Path, *, stays: bool) -> File:
    body = path.read_bytes()
    return File(
        TYPES[path.suffix],
        body,
        f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "public, max-age=31536000, immutable" if stays else "no-cache",
    )


def policy(*origins: str) -> str:
    """The Content-Security-Policy of a page that may also connect to `origins`.

    Images are `data:` in the stylesheets of Pico and Swagger UI.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {' '.join(("'self'", *filter(None, origins)))}; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def console_policy(uploads: str) -> str:
    """The policy of the console, which sends files to `uploads` and requires Trusted Types."""
    return f"{policy(uploads)}; require-trusted-types-for 'script'; trusted-types keywright"


FILES = {
    path: file for home, folder in SITES.items() for path, file in read_files(home, folder).items()
}
DOCS_POLICY = {"Content-Security-Policy": policy()}
SAFE = {
    "Content-Security-Policy": console_policy(os.environ.get("UPLOADS_ORIGINS", "")),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def answer(method: str, path: str, headers: Mapping[str, str]) -> Response:
    """The file at a path; `headers` are the request's, by their names in lower case."""
    safe = SAFE | DOCS_POLICY if path.startswith("/docs") else SAFE
    location = "" if path in SITES else HOMES.get(path.rstrip("/"), "")
    file = FILES.get(path)
    if not location and file is None:
        return Response(404, "text/plain", "There is no such file.\n", safe)
    if method not in METHODS:
        return _not_allowed(method)
    if file is None:
        return Response(302, None, "", safe | {"Location": location, "Cache-Control": "no-cache"})
    told = safe | {"Cache-Control": file.cache, "ETag": file.etag, "Vary": "Accept-Encoding"}
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

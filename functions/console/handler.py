"""HTTP API: the console and the API documents, whose files are read at cold start.

Each site is a folder with `index.html` and one folder that is named after its content; see
infra/console.py. The path of a request is a key of `FILES`, never a path in the file system.
"""

import gzip
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from functions.web.head import drop_body_of_head

SITES = {
    "/console/": Path(__file__).parent / "static",
    "/docs/": Path(__file__).parent / "docs",
}
HOMES = {"": "console/", "/console": "console/", "/docs": "docs/"}
"""Where a path without its last slash leads, relative to it."""
METHODS = ["GET", "HEAD"]
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class File:
    """A file with its response headers."""

    content_type: str
    body: bytes
    etag: str
    cache_control: str

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.body, mtime=0)


def read_files(home: str, folder: Path) -> dict[str, File]:
    """Return every file by its path below `home`; `index.html` also as `home` itself."""
    files = {
        home + path.relative_to(folder).as_posix(): _read_file(
            path, immutable=path.parent != folder
        )
        for path in sorted(folder.rglob("*"))
        if path.suffix in TYPES
    }
    return files | {home: files[f"{home}index.html"]}


def _read_file(path: Path, *, immutable: bool) -> File:
    body = path.read_bytes()
    return File(
        TYPES[path.suffix],
        body,
        f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        "public, max-age=31536000, immutable" if immutable else "no-cache",
    )


def content_security_policy(*origins: str) -> str:
    """Allow a page its own scripts and styles, the API, and connections to `origins`.

    Images are `data:` in the stylesheets of Pico and Swagger UI.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {' '.join(("'self'", *filter(None, origins)))}; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def console_policy(uploads: str) -> str:
    """The policy of the console: uploads to `uploads`, the bucket's origin, and Trusted Types."""
    allowed = content_security_policy(uploads)
    return f"{allowed}; require-trusted-types-for 'script'; trusted-types keywright"


FILES = {
    path: file for home, folder in SITES.items() for path, file in read_files(home, folder).items()
}
DOCS_POLICY = {"Content-Security-Policy": content_security_policy()}
SECURITY_HEADERS = {
    "Content-Security-Policy": console_policy(os.environ.get("UPLOADS_ORIGINS", "")),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _unchanged(body: Any) -> Any:
    """The bytes of a JSON file are sent as they are."""
    return body


app = APIGatewayHttpResolver(debug=False, serializer=_unchanged)
app.use([drop_body_of_head])


@app.route(".*", METHODS)
def send_file() -> Response[Any]:
    """Send the file at the path, or redirect to the site that the path means."""
    return respond(app.current_event.http_method, app.current_event.path, app.current_event.headers)


@app.not_found
def refuse_method(_error: Exception) -> Response[Any]:
    """Refuse a method that no file has."""
    return send_file()


def respond(method: str, path: str, headers: Mapping[str, str]) -> Response[Any]:
    """Return the response for a path; names of `headers` have any case."""
    secured = SECURITY_HEADERS | DOCS_POLICY if path.startswith("/docs") else SECURITY_HEADERS
    location = "" if path in SITES else HOMES.get(path.rstrip("/"), "")
    file = FILES.get(path)
    if not location and file is None:
        return Response(404, "text/plain", "File not found.\n", secured)
    if method not in METHODS:
        return _not_allowed(method)
    if file is None:
        return Response(
            302, None, "", secured | {"Location": location, "Cache-Control": "no-cache"}
        )
    sent = secured | {
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


def _not_allowed(method: str) -> Response[Any]:
    allow = ", ".join(METHODS)
    text = f"Method {method} is not allowed. Use {allow}.\n"
    return Response(405, "text/plain", text, SECURITY_HEADERS | {"Allow": allow})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)

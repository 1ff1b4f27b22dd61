"""GET /healthz, /openapi.json and /docs, and 404, 405 and 308 as the API's `$default` route.

No route needs an API key, and none reads a table.
"""

import hashlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.web.api import Answer, Api

ASSETS = Path(__file__).parent
"""The folder to which bundling writes openapi.json and docs.html."""

api = Api("Service")


class Health(BaseModel):
    """The service is up."""

    status: Annotated[Literal["ok"], Field(examples=["ok"])] = "ok"


@api.get("/healthz", public=True)
def get_health() -> Health:
    """Check that the service is up.

    The check calls no other service, so it does not fail if the database is slow.
    """
    return Health()


@api.get("/openapi.json", public=True)
def get_openapi() -> Answer[dict[str, object]]:
    """Get this OpenAPI 3.1 document.

    It is generated from the annotations that also validate requests.
    """
    return Answer(_read("openapi.json"), headers=_headers("openapi.json"))


@api.get("/docs", public=True, content_type="text/html; charset=utf-8")
def get_docs() -> Answer[str]:
    """Read this document in a browser."""
    return Answer(_read("docs.html"), headers=_headers("docs.html"))


def forget_assets() -> None:
    """Read the assets again at the next request."""
    for remembered in (_read, _headers):
        remembered.cache_clear()


@cache
def _read(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def _headers(name: str) -> dict[str, str]:
    text = _read(name)
    headers = {
        "Cache-Control": "public, max-age=300",
        "ETag": f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"',
    }
    if name.endswith(".html"):
        headers["Content-Security-Policy"] = _policy(text)
        headers["Referrer-Policy"] = "no-referrer"
    return headers


def _policy(page: str) -> str:
    """Nothing but the page's own style may load; there is no script at all."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


handler = api.handler

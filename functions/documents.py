"""GET /healthz and /openapi.json, and 404, 405 and 308 as the API's `$default` route.

No route needs an API key, and none reads a table.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.web.api import Answer, Api

ASSETS = Path(__file__).parent
"""The folder to which bundling writes openapi.json."""

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


def forget_assets() -> None:
    """Read the assets again at the next request."""
    for remembered in (_read, _headers):
        remembered.cache_clear()


@cache
def _read(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def _headers(name: str) -> dict[str, str]:
    digest = hashlib.sha256(_read(name).encode()).hexdigest()[:32]
    return {"Cache-Control": "public, max-age=300", "ETag": f'"{digest}"'}


handler = api.handler

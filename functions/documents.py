"""GET /healthz and /openapi.json, and an answer for every path and method not served.

It is also the API's `$default` route. None of it needs a key, and it reads no table.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.http import Answer, Api

ASSETS = Path(__file__).parent
"""Where bundling put openapi.json."""

api = Api("Service")


class Health(BaseModel):
    """The service answers."""

    status: Annotated[Literal["ok"], Field(examples=["ok"])] = "ok"


@api.get("/healthz", public=True)
def get_health() -> Health:
    """Say that the service answers.

    It looks at nothing behind it, so that a slow database does not take the door down too.
    """
    return Health()


@api.get("/openapi.json", public=True)
def get_openapi() -> Answer[dict[str, object]]:
    """Get this document.

    OpenAPI 3.1, made from the same annotations that the service runs on.
    """
    return Answer(_read("openapi.json"), headers=_headers("openapi.json"))


def forget_assets() -> None:
    """Reads the assets anew at the next request."""
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

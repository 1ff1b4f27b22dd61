"""The view of an API key."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from shared.access import Scope


class ApiKeyView(BaseModel, frozen=True):
    """An API key without its secret."""

    prefix: str
    name: str
    company: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None


class OwnApiKeyView(ApiKeyView, frozen=True):
    """The API key of a request."""

    stage: Annotated[str, Field(description="The stage that answers.", examples=["prod"])]

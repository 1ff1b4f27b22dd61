"""The view of an API key."""

from datetime import datetime

from pydantic import BaseModel

from shared.access import Scope


class ApiKeyView(BaseModel, frozen=True):
    """An API key without its secret."""

    prefix: str
    name: str
    company: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None

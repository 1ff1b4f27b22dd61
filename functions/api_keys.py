"""HTTP API: list, create, revoke and rotate the API keys of a company. Trigger: API Gateway.

A function of its own, so that no other one can write API keys.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from aws_lambda_powertools import Logger
from pydantic import BaseModel, Field

from functions.telemetry.metrics import SERVICE
from functions.web.api import Api, Caller, Page
from functions.web.paging import PageQuery, slice_of
from shared.access import ApiKey, KeyState, Scope, is_prefix, new_api_key, state_of
from shared.contract.api_keys import ApiKeyView
from shared.errors import Denied, NotFound
from shared.store.access import add_api_key, get_api_key, list_api_keys, revoke_api_key
from shared.values import Line
from shared.workflows.rotate_api_key import rotate_api_key

logger = Logger(service=SERVICE, child=True)
api = Api("API keys")


class ApiKeyQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of API keys."""

    state: KeyState | None = None


class NewApiKey(BaseModel, frozen=True, extra="forbid"):
    """An API key to create."""

    name: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=100,
            description="By which to recognize it in lists.",
            examples=["webshop"],
        ),
    ]
    scopes: Annotated[
        list[Scope],
        Field(min_length=1, description="At most those of the key that creates it."),
    ]
    expires_in_days: Annotated[int | None, Field(ge=1, le=3_650)] = None


class Rotation(BaseModel, frozen=True, extra="forbid"):
    """How a key is replaced."""

    overlap_hours: Annotated[
        int, Field(ge=0, le=720, description="Hours until the old key expires.")
    ] = 24


class StoredApiKey(ApiKeyView, frozen=True):
    """An API key of a list; `last_used_at` is exact to an hour."""

    state: KeyState
    revoked_at: datetime | None
    last_used_at: datetime | None


class CreatedApiKey(StoredApiKey, frozen=True):
    """A new API key."""

    api_key: Annotated[
        str,
        Field(
            description="To send as `Authorization: Api-Key …`. It can't be shown again.",
            examples=["Zx8Kq2Lm.<secret>"],
        ),
    ]


class RotatedApiKey(CreatedApiKey, frozen=True):
    """A new API key, and the key that it replaces."""

    replaced: StoredApiKey


@api.get("/api/v1/api-keys/", scope="keys:admin")
def list_keys(caller: Caller, query: ApiKeyQuery) -> Page[StoredApiKey]:
    """List the API keys of the company, newest first unless `order_by` is `created_at`.

    Revoked and expired keys are listed, too. Secrets are not stored, so no response but the one
    that creates a key has it.
    """
    now = datetime.now(UTC)
    keys = [
        key
        for key in list_api_keys(caller.company)
        if query.state is None or state_of(key, now) == query.state
    ]
    if not query.oldest_first:
        keys.reverse()
    return slice_of(caller, query, keys, lambda shown: _views(shown, now))


@api.post("/api/v1/api-keys/", scope="keys:admin", status=201, refusals=("scope_not_held",))
def create_key(caller: Caller, request: NewApiKey) -> CreatedApiKey:
    """Create an API key of the company.

    A key can't give scopes that it does not have. If the response is lost, the secret is lost with
    it: revoke the key, which is in the list, and create another.
    """
    _require_scopes(caller, request.scopes)
    now = _now()
    days = request.expires_in_days
    key, presented = new_api_key(
        caller.company,
        now=now,
        scopes=request.scopes,
        name=request.name,
        expires_at=now + timedelta(days=days) if days else None,
    )
    add_api_key(key)
    logger.info("api_key_created", new_prefix=key.prefix, scopes=sorted(key.scopes))
    return CreatedApiKey.model_validate(_fields(key, now) | {"api_key": presented})


@api.post("/api/v1/api-keys/<prefix>/revoke/", scope="keys:admin")
def revoke_key(caller: Caller, prefix: str) -> StoredApiKey:
    """Revoke an API key; it takes effect everywhere within 60 seconds.

    A revoked key can't be used again. Revoking it again changes nothing. A key can revoke itself.
    """
    key = _key(caller, prefix)
    now = _now()
    revoked = revoke_api_key(key.prefix, now)
    logger.info("api_key_revoked", revoked_prefix=key.prefix)
    return StoredApiKey.model_validate(_fields(revoked, now))


@api.post(
    "/api/v1/api-keys/<prefix>/rotate/",
    scope="keys:admin",
    status=201,
    refusals=("api_key_ended", "scope_not_held"),
)
def rotate_key(caller: Caller, prefix: str, request: Rotation) -> RotatedApiKey:
    """Replace an API key by a new one with the same name and scopes.

    Both are valid until the old key expires after `overlap_hours`, or earlier if it would anyway.
    """
    old = _key(caller, prefix)
    _require_scopes(caller, old.scopes)
    now = _now()
    overlap = timedelta(hours=request.overlap_hours)
    key, presented, ending = rotate_api_key(old, overlap=overlap, now=now)
    logger.info("api_key_rotated", new_prefix=key.prefix, old_prefix=old.prefix)
    more = {"api_key": presented, "replaced": _fields(ending, now)}
    return RotatedApiKey.model_validate(_fields(key, now) | more)


handler = api.handler


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _key(caller: Caller, prefix: str) -> ApiKey:
    """A key of the caller's company. Raises NotFound."""
    key = get_api_key(prefix) if is_prefix(prefix) else None
    if key is None or key.company != caller.company:
        raise NotFound(f"There is no API key {prefix[:100]}")
    return key


def _require_scopes(caller: Caller, scopes: Iterable[str]) -> None:
    """Raise Denied unless the caller has all of these scopes."""
    if missing := sorted(set(scopes) - caller.key.scopes):
        listed = ", ".join(missing)
        message = (
            f"This API key lacks {listed}, so it can't give that to another key: use a key that has"
            " it, or keywright keys create"
        )
        raise Denied("scope_not_held", message, field="scopes", pointer="/scopes", value=listed)


def _views(keys: Iterable[ApiKey], now: datetime) -> Iterable[StoredApiKey]:
    return (StoredApiKey.model_validate(_fields(key, now)) for key in keys)


def _fields(key: ApiKey, now: datetime) -> dict[str, object]:
    fields = key.model_dump(exclude={"hash"})
    return fields | {"scopes": sorted(key.scopes), "state": state_of(key, now)}

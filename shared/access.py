"""API keys: the company that a key belongs to, its scopes, and how it is checked."""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from shared.errors import Denied

Scope = Literal[
    "orders:write", "catalog:write", "imports:write", "imports:undo", "records:read", "keys:admin"
]
SCOPES: frozenset[str] = frozenset(get_args(Scope))
ORDINARY_SCOPES: frozenset[str] = SCOPES - {"keys:admin"}
"""The default scopes of a new key."""

type KeyState = Literal["live", "expired", "revoked"]

ANY_SCOPE = "any"
"""The scope of routes that every valid key can call."""

Company = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

WRITER = "changed_by_key"
"""The attribute of a record with the prefix of the API key that wrote it last, or SWEEPER.

Imports write records without it, and remove it from records that they change.
"""
SWEEPER, S3 = "sweeper", "s3"
"""Who else causes changes: the sweeper, and files that are put into the bucket."""

_ALPHABET = string.ascii_letters + string.digits
_PREFIX = r"[A-Za-z0-9]{8}"
_PRESENTED = re.compile(rf"({_PREFIX})\.([A-Za-z0-9_-]{{32,128}})", re.ASCII)


class ApiKey(BaseModel, frozen=True):
    """The stored record of an API key, which has only a hash of the secret.

    A plain SHA-256 is enough, because a generated secret of 238 bits can't be guessed.
    """

    prefix: str = Field(pattern=rf"^{_PREFIX}$")
    hash: str = Field(repr=False)
    company: Company
    name: str = ""
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


def new_api_key(
    company: str,
    *,
    now: datetime,
    scopes: Iterable[str] = ORDINARY_SCOPES,
    name: str = "",
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key, and the `<prefix>.<secret>` that its owner sends and that is shown only once.

    Raises ValueError for an unknown scope, for no scope, or for a company that is not a slug.
    """
    scopes = frozenset(scopes)
    if not scopes:
        raise ValueError("a key needs a scope")
    if unknown := scopes - SCOPES:
        raise ValueError(f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(SCOPES)}")
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(40))
    key = ApiKey(
        prefix=prefix,
        hash=_hash(secret),
        company=company,
        name=name,
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return key, f"{prefix}.{secret}"


def is_prefix(text: str) -> bool:
    """Whether a text can be the prefix of a key."""
    return re.fullmatch(_PREFIX, text) is not None


def state_of(key: ApiKey, now: datetime) -> KeyState:
    """Whether a key is valid, or why not."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "live"


def read_authorization(header: str | None) -> tuple[str, str]:
    """The prefix and the secret of `Api-Key <prefix>.<secret>`. Raises Denied for other headers."""
    if not header or not header.strip():
        raise Denied("not_authenticated", "Authentication credentials were not provided.")
    scheme, _, presented = header.strip().partition(" ")
    match = _PRESENTED.fullmatch(presented.strip())
    if scheme.lower() != "api-key" or match is None:
        raise Denied(
            "invalid_api_key", "The Authorization header must be: Api-Key <prefix>.<secret>"
        )
    return match[1], match[2]


def check(key: ApiKey | None, secret: str, *, now: datetime) -> ApiKey:
    """The key, if the secret matches and the key is neither revoked nor expired. Raises Denied.

    The comparison takes constant time. An unknown prefix and a wrong secret get the same answer;
    only a caller with the right secret learns that the key was revoked or has expired.
    """
    known = hmac.compare_digest(_hash(secret), key.hash if key else _NOBODY)
    if key is None or not known:
        raise Denied("invalid_api_key", "The API key is not valid.")
    if key.revoked_at is not None:
        raise Denied("invalid_api_key", "The API key has been revoked.")
    if key.expires_at is not None and key.expires_at <= now:
        raise Denied("invalid_api_key", "The API key has expired.")
    return key


def allow(scopes: frozenset[str], scope: str) -> None:
    """Raise Denied, naming the scope, if the caller lacks it."""
    if scope != ANY_SCOPE and scope not in scopes:
        raise Denied("permission_denied", f"This API key lacks the scope {scope}.")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_NOBODY = _hash("")

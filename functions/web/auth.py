"""Authorization by API key; valid keys are cached for at most 60 seconds."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.telemetry.metrics import SERVICE
from functions.web.request import Request
from shared.access import ApiKey, allow, check, read_authorization
from shared.store.access import TOUCH_EVERY, get_api_key, touch_api_key

CACHE_SECONDS = 60
_CACHE_KEYS = 1000

logger = Logger(service=SERVICE, child=True)
_cache: dict[str, tuple[float, ApiKey]] = {}


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request: its API key, with company and scopes."""

    key: ApiKey
    base_url: str
    path: str
    request_id: str

    @property
    def company(self) -> str:
        """The company whose records the caller can access."""
        return self.key.company

    @property
    def prefix(self) -> str:
        """The public part of the key, before the dot."""
        return self.key.prefix

    def link(self, **query: object) -> str:
        """The absolute URL of the request's path with another query; None values are left out."""
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return f"{self.base_url}{self.path}{'?' if given else ''}{given}"


def caller_of(request: Request, scope: str) -> Caller:
    """Authorize a request: the caller, if the key is valid and has the scope. Raises Denied."""
    prefix, secret = read_authorization(request.headers.get("authorization"))
    now = time.time()
    key = check(_remembered(prefix, now), secret, now=datetime.fromtimestamp(now, UTC))
    logger.thread_safe_append_keys(company=key.company, key_prefix=key.prefix)
    allow(key.scopes, scope)
    _touch(key, now)
    return Caller(key, request.base_url, request.path, request.id)


def forget_keys() -> None:
    """Clear the cache of keys."""
    _cache.clear()


def _touch(key: ApiKey, now: float) -> None:
    """Record when the key was used; an error of the store does not fail the request."""
    moment = datetime.fromtimestamp(now, UTC)
    if key.last_used_at is not None and moment - key.last_used_at < TOUCH_EVERY:
        return
    try:
        touched = touch_api_key(key, moment)
    except (BotoCoreError, ClientError) as error:
        logger.warning("key_not_touched", error=type(error).__qualname__)
        touched = key.model_copy(update={"last_used_at": moment})
    _cache[key.prefix] = (_cache[key.prefix][0], touched)


def _remembered(prefix: str, now: float) -> ApiKey | None:
    """The stored key, cached for at most 60 seconds.

    Only existing keys are cached, so a new key works at once and guessed prefixes use no memory.
    The age is measured by the wall clock, because a monotonic clock stops while the Lambda
    environment is frozen. If the clock was set back, the entry counts as expired.
    """
    if (held := _cache.get(prefix)) and 0 <= now - held[0] < CACHE_SECONDS:
        return held[1]
    _cache.pop(prefix, None)
    key = get_api_key(prefix)
    if key is not None:
        if len(_cache) >= _CACHE_KEYS:
            _cache.clear()
        _cache[prefix] = (now, key)
    return key

"""Replace an API key by a new one, without a moment in which neither is valid."""

from datetime import datetime, timedelta

from shared.access import ApiKey, new_api_key, state_of
from shared.errors import Conflict
from shared.store.access import add_api_key, expire_api_key


def rotate_api_key(old: ApiKey, *, overlap: timedelta, now: datetime) -> tuple[ApiKey, str, ApiKey]:
    """Create a key like `old`, and let `old` expire after `overlap`, or earlier if it would anyway.

    The new key has the same name and scopes, and expires after as long a time. Returns it, the
    `<prefix>.<secret>` that is shown only once, and the old key as it is now. Raises Conflict if
    the old key is revoked or has expired.
    """
    if (state := state_of(old, now)) != "live":
        message = f"API key {old.prefix} is {state}: create a new key instead"
        raise Conflict("api_key_ended", message, field="prefix", value=old.prefix)
    key, presented = new_api_key(
        old.company,
        now=now,
        scopes=old.scopes,
        name=old.name,
        expires_at=old.expires_at and now + (old.expires_at - old.created_at),
    )
    add_api_key(key)
    expires_at = now + overlap
    ending = expire_api_key(old.prefix, min(expires_at, old.expires_at or expires_at))
    return key, presented, ending

"""GET /api/v1/api-key/: company, scopes and expiry of the key in use."""

from datetime import UTC, datetime, timedelta

import pytest

from functions import records
from shared.access import new_api_key
from shared.store.access import add_api_key
from tests.http_event import send

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.usefixtures("tables")
def test_a_key_learns_whose_it_is_and_nothing_that_is_secret() -> None:
    key, presented = new_api_key(
        "acme",
        now=NOW,
        scopes={"records:read", "orders:write"},
        name="shop",
        expires_at=NOW + timedelta(days=9),
    )
    add_api_key(key)

    reply = send(records.handler, "GET", "/api/v1/api-key/", key=presented)

    view = reply.json()
    assert datetime.fromisoformat(view.pop("created_at")) == NOW
    assert datetime.fromisoformat(view.pop("expires_at")) == NOW + timedelta(days=9)
    assert view == {
        "prefix": key.prefix,
        "name": "shop",
        "company": "acme",
        "scopes": ["orders:write", "records:read"],
        "stage": "keywright",
    }


@pytest.mark.usefixtures("tables")
def test_a_key_of_any_scope_may_ask() -> None:
    key, presented = new_api_key("acme", now=NOW, scopes={"keys:admin"})
    add_api_key(key)

    view = send(records.handler, "GET", "/api/v1/api-key/", key=presented).json()

    assert (view["company"], view["scopes"], view["expires_at"]) == (
        "acme",
        ["keys:admin"],
        None,
    )

"""/api/v1/api-keys/: list, create, revoke and rotate the API keys of a company."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import api_keys, records
from functions.web.auth import forget_keys
from shared.access import ORDINARY_SCOPES, SCOPES, new_api_key
from shared.store.access import add_api_key, get_api_key
from tests.functions.log_lines import Out
from tests.http_event import Reply, send

NOW = datetime.now(UTC).replace(microsecond=0)
PATH = "/api/v1/api-keys/"


@pytest.fixture
def admin(tables: None) -> str:
    """A key that has all scopes."""
    return added(scopes=SCOPES, name="admin")


def added(company: str = "acme", **more: Any) -> str:
    key, presented = new_api_key(company, **{"now": NOW, **more})
    add_api_key(key)
    return presented


def post(key: str, path: str = "", body: Any = None) -> Reply:
    return send(api_keys.handler, "POST", f"{PATH}{path}", key=key, body=body)


def created(admin: str, **body: Any) -> Any:
    return post(admin, body={"name": "shop", "scopes": ["records:read"]} | body).ok(201)


def listed(admin: str, query: str = "") -> Any:
    return send(api_keys.handler, "GET", PATH, query=query, key=admin).json()


def works(presented: str) -> bool:
    forget_keys()
    return send(records.handler, "GET", "/api/v1/api-key/", key=presented).status == 200


def test_a_created_key_works_and_its_secret_is_shown_once(admin: str) -> None:
    view = created(admin, name=" web\nshop ", expires_in_days=30)

    assert works(view["api_key"])
    assert view["api_key"].startswith(f"{view['prefix']}.")
    assert (view["name"], view["company"], view["state"]) == ("web shop", "acme", "live")
    assert view["scopes"] == ["records:read"]
    lifetime = datetime.fromisoformat(view["expires_at"]) - datetime.fromisoformat(
        view["created_at"]
    )
    assert lifetime == timedelta(days=30)
    assert view["api_key"].partition(".")[2] not in str(listed(admin))


def test_keys_are_listed_newest_first_with_what_became_of_them(admin: str) -> None:
    added(name="expired", now=NOW - timedelta(days=2), expires_at=NOW - timedelta(days=1))
    created(admin, name="later", scopes=["orders:write", "records:read"])
    added("other", scopes=SCOPES)

    page = listed(admin)

    assert [(key["name"], key["state"]) for key in page["results"]] == [
        ("later", "live"),
        ("admin", "live"),
        ("expired", "expired"),
    ]
    assert page["count"] == 3
    assert listed(admin, "order_by=created_at")["results"][0]["name"] == "expired"
    assert [key["name"] for key in listed(admin, "state=expired")["results"]] == ["expired"]
    first = listed(admin, "limit=2")
    rest = listed(admin, f"limit=2&cursor={first['cursor']}")
    assert [key["name"] for key in rest["results"]] == ["expired"]
    assert not {"hash", "api_key", "pk"} & page["results"][0].keys()


def test_a_revoked_key_stops_working_and_stays_listed(admin: str) -> None:
    view = created(admin)

    revoked = post(admin, f"{view['prefix']}/revoke/").json()
    again = post(admin, f"{view['prefix']}/revoke/").json()

    assert revoked["state"] == again["state"] == "revoked"
    assert revoked["revoked_at"] == again["revoked_at"]
    assert not works(view["api_key"])
    assert [key["state"] for key in listed(admin, "state=revoked")["results"]] == ["revoked"]


def test_a_rotated_key_is_valid_until_the_overlap_ends(admin: str) -> None:
    old = created(admin, scopes=["records:read", "imports:write"], expires_in_days=90)

    new = post(admin, f"{old['prefix']}/rotate/", {"overlap_hours": 12}).json()

    assert works(new["api_key"])
    assert works(old["api_key"])
    assert (new["name"], new["scopes"]) == (old["name"], old["scopes"])
    assert new["replaced"]["prefix"] == old["prefix"]
    expires_at = datetime.fromisoformat(new["replaced"]["expires_at"])
    assert expires_at == datetime.fromisoformat(new["created_at"]) + timedelta(hours=12)


def test_a_rotation_without_overlap_ends_the_old_key(admin: str) -> None:
    old = created(admin)

    new = post(admin, f"{old['prefix']}/rotate/", {"overlap_hours": 0}).json()

    assert works(new["api_key"])
    assert not works(old["api_key"])
    refused = post(admin, f"{old['prefix']}/rotate/", {})
    assert (refused.status, refused.json()["code"]) == (409, "api_key_ended")


def test_a_key_gives_no_scope_that_it_does_not_have(tables: None) -> None:
    admin = added(scopes={"keys:admin", "records:read"})
    shop = added(scopes=ORDINARY_SCOPES)

    refused = post(admin, body={"name": "more", "scopes": ["catalog:write", "records:read"]})
    rotated = post(admin, f"{shop.partition('.')[0]}/rotate/", {})

    assert (refused.status, refused.json()["code"]) == (403, "scope_not_held")
    assert refused.json()["errors"][0]["value"] == "catalog:write"
    assert (rotated.status, rotated.json()["code"]) == (403, "scope_not_held")
    assert listed(admin)["count"] == 2
    assert works(shop)


def test_keys_of_another_company_are_not_found(admin: str) -> None:
    prefix = added("other").partition(".")[0]

    for action, body in (("revoke", None), ("rotate", {})):
        reply = post(admin, f"{prefix}/{action}/", body)
        assert (reply.status, reply.json()["code"]) == (404, "not_found")

    key = get_api_key(prefix)
    assert key is not None
    assert (key.revoked_at, key.expires_at) == (None, None)


@pytest.mark.parametrize("prefix", ["x" * 3_000, "Zx8Kq2L", "Zx8Kq2L%C3%A9", "..", "Zx8Kq2Lm.s"])
def test_what_is_no_prefix_is_not_found(admin: str, prefix: str) -> None:
    assert post(admin, f"{prefix}/revoke/").status == 404
    assert post(admin, f"{prefix}/rotate/", {}).status == 404


def test_other_keys_can_not_read_or_write_keys(tables: None) -> None:
    shop = added(scopes=ORDINARY_SCOPES)

    assert send(api_keys.handler, "GET", PATH, key=shop).status == 403
    assert post(shop, body={"name": "x", "scopes": ["records:read"]}).status == 403
    assert post(shop, f"{shop.partition('.')[0]}/revoke/").status == 403


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": ["records:read"]}, "/name"),
        ({"name": "  ", "scopes": ["records:read"]}, "/name"),
        ({"name": "x" * 101, "scopes": ["records:read"]}, "/name"),
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "scopes": ["orders:eat"]}, "/scopes/0"),
        ({"name": "x", "scopes": ["records:read"], "expires_in_days": 0}, "/expires_in_days"),
        ({"name": "x", "scopes": ["records:read"], "company": "other"}, "/company"),
    ],
)
def test_a_wrong_body_is_refused_by_field(admin: str, body: Any, pointer: str) -> None:
    problem = post(admin, body=body).refused()

    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert listed(admin)["count"] == 1


def test_no_secret_is_logged(admin: str, out: Out) -> None:
    view = created(admin)
    new = post(admin, f"{view['prefix']}/rotate/", {}).json()

    lines = out()

    assert {"api_key_created", "api_key_rotated"} <= {line.get("message") for line in lines}
    for presented in (admin, view["api_key"], new["api_key"]):
        assert presented.partition(".")[0] in str(lines)
        assert presented.partition(".")[2] not in str(lines)

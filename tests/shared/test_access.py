"""API keys: stored hashes, expiry, scopes and verification."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.access import (
    ORDINARY_SCOPES,
    SCOPES,
    allow,
    check,
    new_api_key,
    read_authorization,
)
from shared.errors import Denied

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_key_is_eight_characters_a_dot_and_a_long_secret() -> None:
    key, presented = new_api_key("acme", now=NOW)

    assert re.fullmatch(r"[A-Za-z0-9]{8}\.[A-Za-z0-9]{32,}", presented)
    assert presented.startswith(f"{key.prefix}.")


def test_the_secret_is_nowhere_in_what_is_kept() -> None:
    key, presented = new_api_key("acme", now=NOW)
    secret = presented.partition(".")[2]

    assert secret not in key.model_dump_json()
    assert key.hash not in repr(key)


def test_a_key_without_a_list_of_scopes_has_all_but_the_making_of_keys() -> None:
    key, _ = new_api_key("acme", now=NOW)

    assert key.scopes == ORDINARY_SCOPES == SCOPES - {"keys:admin"}


@pytest.mark.parametrize("company", ["", "Acme", "-acme", "a" * 41, "acme#1"])
def test_a_company_is_a_slug(company: str) -> None:
    with pytest.raises(ValueError, match="company"):
        new_api_key(company, now=NOW)


def test_a_key_without_a_scope_would_open_nothing_and_is_not_made() -> None:
    with pytest.raises(ValueError, match="needs a scope"):
        new_api_key("acme", now=NOW, scopes=[])


def test_an_unknown_scope_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="orders:eat"):
        new_api_key("acme", now=NOW, scopes=["orders:eat"])


@pytest.mark.parametrize("scheme", ["Api-Key", "api-key", "API-KEY", "  Api-Key  "])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    _, presented = new_api_key("acme", now=NOW)

    prefix, secret = read_authorization(f"{scheme} {presented}")

    assert f"{prefix}.{secret}" == presented


@pytest.mark.parametrize("header", [None, "", "   "])
def test_missing_credentials_get_the_published_message(header: str | None) -> None:
    with pytest.raises(Denied, match=r"^Authentication credentials were not provided\.$") as raised:
        read_authorization(header)

    assert raised.value.code == "not_authenticated"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer abcdefgh.0123456789012345678901234567890123456789",
        "Api-Key",
        "Api-Key abcdefgh",
        "Api-Key abcdefgh.short",
        "Api-Key abc.0123456789012345678901234567890123456789",
        "Api-Key abcdefgh.0123456789012345678901234567890123456789 more",
        "Api-Key abcdefgh." + "x" * 129,
        "Api-Key äbcdefgh.0123456789012345678901234567890123456789",
    ],
)
def test_anything_else_is_not_a_key(header: str) -> None:
    with pytest.raises(Denied) as raised:
        read_authorization(header)

    assert raised.value.code == "invalid_api_key"


def test_only_the_right_secret_opens() -> None:
    key, presented = new_api_key("acme", now=NOW)
    secret = presented.partition(".")[2]

    assert check(key, secret, now=NOW) is key
    for wrong in ("", secret[:-1], secret + "x", secret.swapcase()):
        with pytest.raises(Denied, match="not valid"):
            check(key, wrong, now=NOW)


def test_an_unknown_key_and_a_wrong_secret_are_refused_alike() -> None:
    key, _ = new_api_key("acme", now=NOW)
    refusals = []

    for known in (None, key):
        with pytest.raises(Denied) as refused:
            check(known, "wrong", now=NOW)
        refusals.append((refused.value.code, refused.value.message))

    assert refusals[0] == refusals[1]


def test_no_secret_opens_an_unknown_key_not_even_an_empty_one() -> None:
    with pytest.raises(Denied):
        check(None, "", now=NOW)


def test_a_key_dies_at_the_moment_of_its_expiry() -> None:
    end = NOW + timedelta(days=90)
    key, presented = new_api_key("acme", now=NOW, expires_at=end)
    secret = presented.partition(".")[2]

    assert check(key, secret, now=end - timedelta(microseconds=1)) is key
    with pytest.raises(Denied, match="expired"):
        check(key, secret, now=end)


def test_only_who_knows_the_secret_learns_that_a_key_is_revoked() -> None:
    key, presented = new_api_key("acme", now=NOW)
    revoked = key.model_copy(update={"revoked_at": NOW})

    with pytest.raises(Denied, match="revoked"):
        check(revoked, presented.partition(".")[2], now=NOW)
    with pytest.raises(Denied, match="not valid"):
        check(revoked, "wrong", now=NOW)


def test_a_missing_scope_is_named() -> None:
    allow(frozenset({"records:read"}), "records:read")

    with pytest.raises(Denied, match="orders:write") as raised:
        allow(frozenset({"records:read"}), "orders:write")

    assert raised.value.code == "permission_denied"


def test_a_hash_is_compared_in_constant_time_only() -> None:
    """`==` on the kept hash would tell by its time how much of a guess is right."""

    class Kept(str):
        __slots__ = ()

        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared by ==")

        def __ne__(self, other: object) -> bool:
            raise AssertionError("compared by !=")

    key, presented = new_api_key("acme", now=NOW)
    kept = key.model_copy(update={"hash": Kept(key.hash)})

    assert check(kept, presented.partition(".")[2], now=NOW) is kept
    with pytest.raises(Denied):
        check(kept, "x" * 40, now=NOW)

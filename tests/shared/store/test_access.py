"""API keys in the table Access."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.access import new_api_key
from shared.errors import Conflict, NotFound
from shared.store.access import (
    add_api_key,
    get_api_key,
    list_api_keys,
    revoke_api_key,
    touch_api_key,
)
from shared.store.dynamo import client, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("tables")


def test_a_key_reads_back_as_it_was_added() -> None:
    key, _ = new_api_key("acme", now=NOW, name="shop", expires_at=NOW + timedelta(days=90))

    add_api_key(key)

    assert get_api_key(key.prefix) == key


def test_an_unknown_prefix_is_nothing() -> None:
    assert get_api_key("nobodyss") is None


def test_the_secret_is_not_in_the_table() -> None:
    key, presented = new_api_key("acme", now=NOW)

    add_api_key(key)

    assert presented.partition(".")[2] not in str(
        client().scan(TableName=table("ACCESS_TABLE"))["Items"]
    )


def test_a_prefix_is_never_given_twice() -> None:
    key, _ = new_api_key("acme", now=NOW)
    add_api_key(key)
    other = key.model_copy(update={"company": "evil"})

    with pytest.raises(Conflict):
        add_api_key(other)

    assert get_api_key(key.prefix) == key


def test_keys_are_listed_by_company_oldest_first() -> None:
    made = []
    for age, company in ((1, "acme"), (2, "other"), (3, "acme")):
        key, _ = new_api_key(company, now=NOW - timedelta(days=age))
        add_api_key(key)
        made.append(key)

    assert list(list_api_keys("acme")) == [made[2], made[0]]
    assert list(list_api_keys()) == [made[2], made[1], made[0]]
    assert list(list_api_keys("nobody")) == []


def test_a_second_revocation_keeps_the_time_of_the_first() -> None:
    key, _ = new_api_key("acme", now=NOW)
    add_api_key(key)

    revoke_api_key(key.prefix, NOW)
    again = revoke_api_key(key.prefix, NOW + timedelta(days=1))

    assert again.revoked_at == NOW
    assert get_api_key(key.prefix) == again


def test_an_unknown_key_cannot_be_revoked() -> None:
    with pytest.raises(NotFound, match="nobodyss"):
        revoke_api_key("nobodyss", NOW)

    assert get_api_key("nobodyss") is None


def test_use_is_noted_at_most_hourly() -> None:
    key, _ = new_api_key("acme", now=NOW)
    add_api_key(key)

    first = touch_api_key(key, NOW)
    touch_api_key(first, NOW + timedelta(minutes=59))
    touch_api_key(key, NOW + timedelta(minutes=59))

    assert get_api_key(key.prefix) == first
    assert first.last_used_at == NOW


def test_use_is_noted_again_after_an_hour() -> None:
    key, _ = new_api_key("acme", now=NOW)
    add_api_key(key)
    later = NOW + timedelta(hours=1)

    touch_api_key(touch_api_key(key, NOW), later)

    found = get_api_key(key.prefix)
    assert found is not None
    assert found.last_used_at == later


def test_noting_the_use_makes_no_key() -> None:
    key, _ = new_api_key("acme", now=NOW)

    touch_api_key(key, NOW)

    assert get_api_key(key.prefix) is None

"""Which changes of items have events, and what these have."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events import DATA, TYPES, Change, Event, event_of

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = "2026-01-31T12:00:01.500000+00:00"
URL = "https://api.test"
ORDER: dict[str, Any] = {
    "id": 7,
    "store_id": "ana@acme.example",
    "customer_id": 9,
    "items": [{"license_ids": [1, 2]}, {"license_ids": [3]}],
    "updated_at": "2020-01-01T00:00:00+00:00",
    "changed_by_key": "Ab3dEf9h",
}
LICENSE: dict[str, Any] = {
    "id": 1,
    "license_key": "G8HA-SRRZ-A6WK-TJWB",
    "order_id": 7,
    "product_id": 5,
    "updated_at": LATER,
    "changed_by_key": "Ab3dEf9h",
}
CUSTOMER: dict[str, Any] = {
    "id": 9,
    "email": "ana@acme.example",
    "updated_at": LATER,
    "changed_by_key": "Ab3dEf9h",
}
JOB: dict[str, Any] = {
    "number": 4,
    "company": "acme",
    "kind": "licenses",
    "requested_by": "Ab3dEf9h",
    "started_at": "2026-01-31T12:00:00+00:00",
    "finished_at": LATER,
    "counts": {"created_licenses_count": 2},
    "attempts": 2,
}


def event(
    before: dict[str, Any] | None, after: dict[str, Any] | None, sk: str = ""
) -> Event | None:
    pk = "acme" if sk.startswith("job#") else "acme#7"
    return event_of(Change(pk, sk, before, after, AT), base_url=URL)


def made(before: dict[str, Any] | None, after: dict[str, Any], sk: str = "") -> Event:
    found = event(before, after, sk)
    assert found is not None
    return found


def job(state: str, **changes: Any) -> dict[str, Any]:
    return JOB | {"state": state} | changes


def test_an_order_has_its_customer_and_the_number_of_its_licenses() -> None:
    found = made(None, ORDER, "order")

    assert (found.type, found.company, found.time) == ("order.created", "acme", AT)
    assert found.actor.model_dump() == {"kind": "api_key", "prefix": "Ab3dEf9h", "name": None}
    assert found.data == {
        "order_id": 7,
        "customer_id": 9,
        "licenses": 3,
        "url": "https://api.test/api/v1/orders/7/",
    }


def test_an_order_for_another_time_has_the_time_when_it_was_written() -> None:
    assert made(None, ORDER | {"created_at": "2001-01-01T00:00:00+00:00"}, "order").time == AT


def test_each_append_is_an_event_of_its_own() -> None:
    first, second = (made(None, ORDER, f"append#{n}") for n in "ab")

    assert first.type == second.type == "order.appended"
    assert first.id != second.id


@pytest.mark.parametrize(
    ("before", "after", "sk"),
    [
        (ORDER, ORDER | {"added": 3}, "order"),
        (None, {"license_ids": [1], "changed_by_key": "Ab3dEf9h"}, "plan#order"),
        (None, {"held_by": "token", "changed_by_key": "Ab3dEf9h"}, "pending#order"),
        (None, {"n": 500, "changed_by_key": "Ab3dEf9h"}, "page#0000000001"),
        (None, ORDER | {"changed_by_key": "Ab3dEf9h"}, "rows#3#0000000001#9"),
        (None, LICENSE, ""),
        (LICENSE, None, ""),
        (LICENSE | {"unsettled": "7/order/f"}, None, ""),
        (ORDER, None, "order"),
        (CUSTOMER, None, "customer#9"),
        (LICENSE, LICENSE, ""),
        (CUSTOMER, CUSTOMER, "customer#9"),
        (None, CUSTOMER, "user#9"),
    ],
)
def test_changes_without_a_type_have_no_event(
    before: dict[str, Any] | None, after: dict[str, Any] | None, sk: str
) -> None:
    assert event(before, after, sk) is None


@pytest.mark.parametrize(
    ("before", "after", "sk"),
    [
        (None, ORDER, "order"),
        (LICENSE | {"updated_at": "earlier"}, LICENSE, ""),
        (None, CUSTOMER, "customer#9"),
    ],
)
def test_what_an_import_writes_has_no_event(
    before: dict[str, Any] | None, after: dict[str, Any], sk: str
) -> None:
    imported = {name: value for name, value in after.items() if name != "changed_by_key"}

    assert event(before, after, sk) is not None
    assert event(before, imported, sk) is None


def test_each_change_of_a_license_is_an_event_at_its_time() -> None:
    first = made(LICENSE | {"updated_at": "earlier"}, LICENSE)
    second = made(LICENSE, LICENSE | {"updated_at": "2026-01-31T12:00:02+00:00"})

    assert first.type == "license.updated"
    assert first.time == datetime.fromisoformat(LATER)
    assert first.data == {
        "license_id": 1,
        "order_id": 7,
        "product_id": 5,
        "customer_id": None,
        "url": "https://api.test/api/v1/licenses/1/",
    }
    assert first.id != second.id


def test_a_customer_is_created_and_then_updated() -> None:
    before = CUSTOMER | {"updated_at": "earlier"}

    assert made(None, CUSTOMER, "customer#9").type == "customer.created"
    assert made(before, CUSTOMER, "customer#9").type == "customer.updated"


def test_a_tombstone_in_place_of_a_record_is_its_deletion() -> None:
    grave = {"deleted_at": LATER, "changed_by_key": "Ab3dEf9h"}

    order, lic = made(ORDER, grave, "order"), made(LICENSE, grave)

    assert (order.type, order.data) == ("order.deleted", {"order_id": 7, "customer_id": 9})
    assert (lic.type, lic.data["license_id"]) == ("license.deleted", 1)
    assert order.time == datetime.fromisoformat(LATER)


@pytest.mark.parametrize(
    ("before", "sk"),
    [(ORDER, "append#a"), (CUSTOMER, "customer#9"), (None, "orders#1"), ({"n": 1}, "orders#1")],
)
def test_a_tombstone_of_anything_else_is_none(before: dict[str, Any] | None, sk: str) -> None:
    grave = {"deleted_at": LATER, "changed_by_key": "Ab3dEf9h"}

    assert event(before, grave, sk) is None
    assert event(grave, grave | {"deleted_at": "again"}, "order") is None


def test_an_import_starts_once_in_each_attempt_and_ends_once() -> None:
    sk = "job#0000000004"
    started = made(job("queued"), job("validating"), sk)
    ended = made(job("running"), job("completed_with_errors"), sk)

    assert started.type == "import.started"
    assert started.data == {
        "import_id": 4,
        "kind": "licenses",
        "attempt": 2,
        "counts": {},
        "undoes": None,
        "url": "https://api.test/api/v1/imports/4/",
    }
    assert (ended.type, ended.time) == (
        "import.completed_with_errors",
        datetime.fromisoformat(LATER),
    )
    assert ended.data["counts"] == {"created_licenses_count": 2}
    assert started.id != made(job("queued", attempts=3), job("running", attempts=3), sk).id


def test_an_undo_ends_with_an_event_of_its_own() -> None:
    sk = "job#0000000004"
    ended = made(job("running", undoes=3), job("succeeded", undoes=3), sk)
    failed = made(job("running", undoes=3), job("failed", undoes=3), sk)

    assert (ended.type, ended.data["undoes"], ended.data["import_id"]) == ("import.undone", 3, 4)
    assert failed.type == "import.failed"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, job("queued")),
        (job("awaiting_upload"), job("queued")),
        (job("validating"), job("running")),
        (job("running"), job("running", heartbeat_at="later")),
        (job("running"), job("queued", attempts=3)),
        (job("failed"), job("failed", counts={})),
        (job("queued", dry_run=True), job("validating", dry_run=True)),
        (job("running", dry_run=True), job("succeeded", dry_run=True)),
    ],
)
def test_other_changes_of_a_job_and_dry_runs_have_no_event(
    before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    assert event(before, after, "job#0000000004") is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"requested_by": "s3"}, "s3"),
        ({"changed_by_key": "sweeper"}, "sweeper"),
        ({"changed_by_key": "Zz3dEf9h"}, "api_key"),
    ],
)
def test_who_ended_an_import_is_its_actor_or_else_who_requested_it(
    changes: dict[str, Any], kind: str
) -> None:
    actor = made(job("running"), job("failed", **changes), "job#0000000004").actor

    assert (actor.kind, actor.prefix) == (kind, "Zz3dEf9h" if kind == "api_key" else None)


def test_the_same_change_has_the_same_event_and_no_other_company_has_it() -> None:
    again = event_of(Change("acme#7", "order", None, ORDER, AT), base_url=URL)
    other = event_of(Change("globex#7", "order", None, ORDER, AT), base_url=URL)

    assert again == made(None, ORDER, "order")
    assert other is not None
    assert other.id != made(None, ORDER, "order").id


def test_every_type_has_a_model_of_its_data() -> None:
    assert set(DATA) == set(TYPES)
    for data in DATA.values():
        texts = {
            name
            for name, field in data.model_fields.items()
            if field.annotation not in (int, int | None, dict[str, int])
        }
        assert texts <= {"url", "kind"}, "ids, counts and URLs only"

"""`keywright events`, as an operator runs it."""

from datetime import UTC, datetime

import pytest

from shared.events import Actor, Event, EventType
from shared.store.events import put_events
from tests.infra.served import Keywright

NOW = datetime.now(UTC).replace(microsecond=0)


def event(company: str, type: EventType, actor: Actor, **data: int) -> Event:
    id = f"{len(type):032x}"
    return Event(id=id, type=type, time=NOW, company=company, actor=actor, data=data)


def test_events_are_listed_with_who_caused_them(
    keywright: Keywright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    company = keywright.run_json("keys", "list")[0]["company"]
    key = Actor(kind="api_key", prefix="Zx8Kq2Lm", name="[b]shop")
    put_events(
        [
            event(company, "license.updated", key, license_id=12),
            event(company, "import.started", Actor(kind="s3"), import_id=3),
            event("other", "order.created", key, order_id=4),
        ]
    )

    listed = keywright.run("events", "list")

    assert "license 12" in listed
    assert "[b]shop (Zx8Kq2Lm)" in listed
    assert "file in the bucket" in listed
    assert "order 4" not in listed
    (one,) = keywright.run_json("events", "list", "--type", "import.started")
    assert one["data"] == {"import_id": 3}
    assert keywright.run("events", "list", "--type", "order.deleted") == "No events.\n"


def test_an_unknown_type_is_refused_with_those_that_exist(keywright: Keywright) -> None:
    with pytest.raises(SystemExit):
        keywright.run("events", "list", "--type", "order.changed", status=2)

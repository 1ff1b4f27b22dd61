"""docs/events.md has the JSON Schema of each type, to which events conform."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package more
import pytest

from infra.tools.events import PAGE, replace_schemas, schema_of
from shared.events import TYPES, Change, event_of

TEXT = PAGE.read_text(encoding="utf-8")
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
_BY = {"changed_by_key": "Ab3dEf9h", "updated_at": AT.isoformat()}
_JOB: dict[str, Any] = {"number": 4, "company": "acme", "kind": "customers"} | {
    "started_at": AT.isoformat(),
    "finished_at": AT.isoformat(),
}
_LICENSE = {"id": 1, "order_id": 7, "product_id": 5}
_GRAVE = {**_BY, "deleted_at": AT.isoformat()}


def changes() -> list[Change]:
    """A change of each type."""
    ends = ("succeeded", "completed_with_errors", "failed", "rejected", "cancelled")
    states: list[dict[str, Any]] = [{"state": end} for end in ends]
    states.append({"state": "succeeded", "undoes": 3})
    jobs = [Change("acme", "job#4", _JOB | {"state": "running"}, _JOB | end, AT) for end in states]
    started = Change("acme", "job#4", _JOB | {"state": "queued"}, _JOB | {"state": "running"}, AT)
    return [
        started,
        *jobs,
        *(Change("acme#7", sk, None, {"id": 7, **_BY}, AT) for sk in ("order", "append#a")),
        Change("acme#7", "order", {"id": 7}, _GRAVE, AT),
        Change("acme#1", "", _LICENSE, {**_LICENSE, **_BY}, AT),
        Change("acme#1", "", _LICENSE, _GRAVE, AT),
        *(
            Change("acme#9", "customer#9", before, {"id": 9, **_BY}, AT)
            for before in (None, {"id": 9})
        ),
    ]


def test_the_page_has_the_schemas_of_the_models() -> None:
    assert replace_schemas(TEXT) == TEXT, "write docs/events.md again: make docs"


def test_every_type_is_on_the_page() -> None:
    headings = re.findall(r"^### (`.*)$", TEXT, re.MULTILINE)

    assert re.findall(r"`([\w.]+)`", " ".join(headings)) == list(TYPES)


@pytest.mark.parametrize("change", changes(), ids=lambda change: change.sk or "license")
def test_an_event_conforms_to_the_schema_of_its_type(change: Change) -> None:
    event = event_of(change, base_url="https://api.test")

    assert event is not None
    schema = schema_of(event.type)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(event.model_dump_json()), schema)


def test_these_are_all_types() -> None:
    found = [event_of(change, base_url="") for change in changes()]

    assert {event.type for event in found if event} == set(TYPES)


def test_the_example_of_the_page_conforms_to_its_schema() -> None:
    example = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])

    jsonschema.validate(example, schema_of(example["type"]))

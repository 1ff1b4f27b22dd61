"""Imports of corrected rows: which import they correct, and what they resolved of it."""

from typing import Any

import pytest

from shared.import_job import State
from shared.store import import_jobs
from tests.engine import Engine
from tests.functions.import_desk import Desk, open_desk
from tests.wiretap import Killed, killed_before, meanwhile, tapped

COUNTS = {"total_row_count": 30, "valid_row_count": 27}


def ended(desk: Desk, number: int, state: State = "completed_with_errors", valid: int = 0) -> None:
    counts = COUNTS | ({"valid_row_count": valid} if valid else {})
    desk.move(number, "queued", version_id="v1")
    desk.move(number, state, rows=30, counts=counts)


def faulty(desk: Desk) -> int:
    """An import with rows that failed."""
    number = desk.ask().json()["id"]
    ended(desk, number)
    return int(number)


def shown(desk: Desk, number: int) -> Any:
    return desk.get(f"/imports/{number}/").json()


def test_an_import_shows_which_imports_resolved_how_many_of_its_rows(
    desk: Desk, engine: Engine
) -> None:
    first = faulty(desk)
    by_json = desk.ask(corrects=first).json()
    by_form = desk.send(kind="licenses", query=f"corrects={first}").json()["job_id"]
    assert (by_json["corrects"], shown(desk, by_form)["corrects"]) == (first, first)
    waiting = {"state": "awaiting_upload", "resolved_rows": 0}
    assert shown(desk, first)["corrections"] == [
        {"id": by_form, **waiting},
        {"id": by_json["id"], **waiting},
    ]

    ended(desk, by_json["id"], "succeeded", valid=3)

    assert shown(desk, first)["corrections"][1] == {
        "id": by_json["id"],
        "state": "succeeded",
        "resolved_rows": 3,
    }
    assert desk.get("/imports/").json()["results"][-1] == shown(desk, first)
    assert shown(desk, by_json["id"])["corrections"] == []


@pytest.mark.parametrize(("state", "dry_run"), [("rejected", False), ("succeeded", True)])
def test_what_wrote_nothing_resolved_nothing(
    desk: Desk, engine: Engine, state: State, dry_run: bool
) -> None:
    first = faulty(desk)
    second = desk.ask(corrects=first, dry_run=dry_run).json()["id"]

    ended(desk, second, state, valid=3)

    assert [each["resolved_rows"] for each in shown(desk, first)["corrections"]] == [0]


@pytest.mark.parametrize(
    ("valid", "resolved"), [([2, 3], [2, 1]), ([30], [3]), ([1, 1], [1, 1]), ([3, 3], [3, 0])]
)
def test_corrections_resolve_together_at_most_the_rows_that_failed(
    desk: Desk, engine: Engine, valid: list[int], resolved: list[int]
) -> None:
    first = faulty(desk)
    for rows in valid:
        ended(desk, desk.ask(corrects=first).json()["id"], "succeeded", valid=rows)

    found = shown(desk, first)["corrections"]

    assert [each["resolved_rows"] for each in reversed(found)] == resolved


def test_a_file_that_was_refused_as_a_whole_is_resolved_by_all_rows(
    desk: Desk, engine: Engine
) -> None:
    first = desk.ask().json()["id"]
    desk.move(first, "queued", version_id="v1")
    desk.move(first, "failed")

    ended(desk, desk.ask(corrects=first).json()["id"], "succeeded", valid=30)

    assert [each["resolved_rows"] for each in shown(desk, first)["corrections"]] == [30]


@pytest.mark.parametrize("other", ["nothing", "another kind", "another company"])
def test_an_import_corrects_only_one_of_its_kind_and_company(
    desk: Desk, engine: Engine, other: str
) -> None:
    number = 7
    if other == "another kind":
        number = desk.ask(kind="customers").json()["id"]
    if other == "another company":
        number = faulty(open_desk("globex"))

    replies = [
        desk.ask(corrects=number),
        desk.send(kind="licenses", query=f"corrects={number}"),
    ]

    for reply in replies:
        assert (reply.status, reply.json()["code"]) == (400, "validation_error"), reply.text
        (fault,) = reply.json()["errors"]
        assert (fault["field"], fault["code"]) == ("corrects", "invalid_value")
        assert fault["message"] == f"There is no import {number} of licenses"
    assert desk.get("/imports/", "kind=licenses").json()["count"] == 0


@pytest.mark.parametrize("corrects", [0, -1, 10**10, 1.5, True, "1", "x", [1]])
def test_a_number_that_none_has_is_refused(desk: Desk, corrects: Any) -> None:
    reply = desk.ask(corrects=corrects)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error"), reply.text


def test_only_the_newest_corrections_are_read(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "MOST_CORRECTIONS", 2)
    first = faulty(desk)

    asked = [desk.ask(corrects=first).json()["id"] for _ in range(4)]

    assert [each["id"] for each in shown(desk, first)["corrections"]] == [asked[3], asked[2]]


def test_a_repeated_request_with_another_correction_is_refused(desk: Desk, engine: Engine) -> None:
    first, second = faulty(desk), faulty(desk)

    begun = desk.ask(corrects=first, external_id="again")
    again = desk.ask(corrects=first, external_id="again")
    other = desk.ask(corrects=second, external_id="again")

    assert (again.status, again.json()["id"]) == (202, begun.json()["id"])
    assert (other.status, other.json()["code"]) == (409, "external_id_reused")
    assert len(shown(desk, first)["corrections"]) == 1


def test_a_replay_of_an_import_shows_its_corrections_too(desk: Desk, engine: Engine) -> None:
    first = desk.ask(external_id="first").json()["id"]
    ended(desk, first)
    second = desk.ask(corrects=first).json()["id"]

    replay = desk.ask(external_id="first").json()

    assert [each["id"] for each in replay["corrections"]] == [second]


def test_a_correction_whose_request_died_halfway_is_not_shown(desk: Desk, engine: Engine) -> None:
    first = faulty(desk)
    with tapped() as tap:
        tap.on("TransactWriteItems", killed_before, nth=2)
        with pytest.raises(Killed):
            desk.ask(corrects=first)

    second = desk.ask(corrects=first).json()["id"]

    assert [each["id"] for each in shown(desk, first)["corrections"]] == [second]


def test_a_correction_is_noted_while_its_import_ends(desk: Desk, engine: Engine) -> None:
    first = desk.ask().json()["id"]

    with tapped() as tap:
        tap.on("TransactWriteItems", meanwhile(lambda: ended(desk, first)))
        second = desk.ask(corrects=first).json()["id"]

    job = shown(desk, first)
    assert (job["state"], job["counts"]["valid_row_count"]) == ("completed_with_errors", 27)
    assert [each["id"] for each in job["corrections"]] == [second]

"""Imports of corrected rows: the import that they correct, and the rows that they resolve."""

from typing import Any

import pytest

from shared.import_job import State
from shared.store import import_jobs
from tests.functions.importer import Importer, new_importer
from tests.wiretap import Killed, killed_before, meanwhile, tapped

COUNTS = {"total_row_count": 30, "valid_row_count": 27}


def ended(
    importer: Importer, number: int, state: State = "completed_with_errors", valid: int = 0
) -> None:
    counts = COUNTS | ({"valid_row_count": valid} if valid else {})
    importer.move(number, "queued", version_id="v1")
    importer.move(number, state, rows=30, counts=counts)


def faulty(importer: Importer) -> int:
    """An import with rows that failed."""
    number = importer.request_upload().json()["id"]
    ended(importer, number)
    return int(number)


def shown(importer: Importer, number: int) -> Any:
    return importer.get(f"/imports/{number}/").json()


def test_an_import_shows_which_imports_resolved_how_many_of_its_rows(importer: Importer) -> None:
    first = faulty(importer)
    by_json = importer.request_upload(corrects=first).json()
    by_form = importer.send(kind="licenses", query=f"corrects={first}").json()["job_id"]
    assert (by_json["corrects"], shown(importer, by_form)["corrects"]) == (first, first)
    waiting = {"state": "awaiting_upload", "resolved_rows": 0}
    assert shown(importer, first)["corrections"] == [
        {"id": by_form, **waiting},
        {"id": by_json["id"], **waiting},
    ]

    ended(importer, by_json["id"], "succeeded", valid=3)

    assert shown(importer, first)["corrections"][1] == {
        "id": by_json["id"],
        "state": "succeeded",
        "resolved_rows": 3,
    }
    assert importer.get("/imports/").json()["results"][-1] == shown(importer, first)
    assert shown(importer, by_json["id"])["corrections"] == []


@pytest.mark.parametrize(("state", "dry_run"), [("rejected", False), ("succeeded", True)])
def test_what_wrote_nothing_resolved_nothing(
    importer: Importer, state: State, dry_run: bool
) -> None:
    first = faulty(importer)
    second = importer.request_upload(corrects=first, dry_run=dry_run).json()["id"]

    ended(importer, second, state, valid=3)

    assert [each["resolved_rows"] for each in shown(importer, first)["corrections"]] == [0]


@pytest.mark.parametrize(
    ("valid", "resolved"), [([2, 3], [2, 1]), ([30], [3]), ([1, 1], [1, 1]), ([3, 3], [3, 0])]
)
def test_corrections_resolve_together_at_most_the_rows_that_failed(
    importer: Importer, valid: list[int], resolved: list[int]
) -> None:
    first = faulty(importer)
    for rows in valid:
        ended(
            importer, importer.request_upload(corrects=first).json()["id"], "succeeded", valid=rows
        )

    found = shown(importer, first)["corrections"]

    assert [each["resolved_rows"] for each in reversed(found)] == resolved


def test_a_file_that_was_refused_as_a_whole_is_resolved_by_all_rows(importer: Importer) -> None:
    first = importer.request_upload().json()["id"]
    importer.move(first, "queued", version_id="v1")
    importer.move(first, "failed")

    ended(importer, importer.request_upload(corrects=first).json()["id"], "succeeded", valid=30)

    assert [each["resolved_rows"] for each in shown(importer, first)["corrections"]] == [30]


@pytest.mark.parametrize("other", ["nothing", "another kind", "another company"])
def test_an_import_corrects_only_one_of_its_kind_and_company(
    importer: Importer, other: str
) -> None:
    number = 7
    if other == "another kind":
        number = importer.request_upload(kind="customers").json()["id"]
    if other == "another company":
        number = faulty(new_importer("globex"))

    replies = [
        importer.request_upload(corrects=number),
        importer.send(kind="licenses", query=f"corrects={number}"),
    ]

    for reply in replies:
        assert (reply.status, reply.json()["code"]) == (400, "validation_error"), reply.text
        (fault,) = reply.json()["errors"]
        assert (fault["field"], fault["code"]) == ("corrects", "invalid_value")
        assert fault["message"] == f"There is no import {number} of licenses"
    assert importer.get("/imports/", "kind=licenses").json()["count"] == 0


@pytest.mark.parametrize("corrects", [0, -1, 10**10, 1.5, True, "1", "x", [1]])
def test_a_number_that_none_has_is_refused(importer: Importer, corrects: Any) -> None:
    reply = importer.request_upload(corrects=corrects)

    assert (reply.status, reply.json()["code"]) == (400, "validation_error"), reply.text


def test_only_the_newest_corrections_are_read(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "MOST_CORRECTIONS", 2)
    first = faulty(importer)

    numbers = [importer.request_upload(corrects=first).json()["id"] for _ in range(4)]

    assert [each["id"] for each in shown(importer, first)["corrections"]] == [
        numbers[3],
        numbers[2],
    ]


def test_a_repeated_request_with_another_correction_is_refused(importer: Importer) -> None:
    first, second = faulty(importer), faulty(importer)

    first_reply = importer.request_upload(corrects=first, external_id="again")
    again = importer.request_upload(corrects=first, external_id="again")
    other = importer.request_upload(corrects=second, external_id="again")

    assert (again.status, again.json()["id"]) == (202, first_reply.json()["id"])
    assert (other.status, other.json()["code"]) == (409, "external_id_reused")
    assert len(shown(importer, first)["corrections"]) == 1


def test_a_replay_of_an_import_shows_its_corrections_too(importer: Importer) -> None:
    first = importer.request_upload(external_id="first").json()["id"]
    ended(importer, first)
    second = importer.request_upload(corrects=first).json()["id"]

    replay = importer.request_upload(external_id="first").json()

    assert [each["id"] for each in replay["corrections"]] == [second]


def test_a_correction_whose_request_was_killed_is_not_shown(importer: Importer) -> None:
    first = faulty(importer)
    with tapped("TransactWriteItems", killed_before, nth=2), pytest.raises(Killed):
        importer.request_upload(corrects=first)

    second = importer.request_upload(corrects=first).json()["id"]

    assert [each["id"] for each in shown(importer, first)["corrections"]] == [second]


def test_a_correction_is_noted_while_its_import_ends(importer: Importer) -> None:
    first = importer.request_upload().json()["id"]

    with tapped("TransactWriteItems", meanwhile(lambda: ended(importer, first))):
        second = importer.request_upload(corrects=first).json()["id"]

    job = shown(importer, first)
    assert (job["state"], job["counts"]["valid_row_count"]) == ("completed_with_errors", 27)
    assert [each["id"] for each in job["corrections"]] == [second]


def attention(importer: Importer, query: str = "") -> list[int]:
    """The imports of the list that need attention; each shows that itself."""
    listed = importer.get("/imports/", f"needs_attention=true{query}").json()["results"]
    assert all(each["needs_attention"] for each in listed)
    return [each["id"] for each in listed]


def test_an_import_needs_attention_until_all_its_failed_rows_are_corrected(
    importer: Importer,
) -> None:
    first, second = faulty(importer), faulty(importer)
    assert (attention(importer), attention(importer, "&order_by=created_at")) == (
        [second, first],
        [first, second],
    )

    corrections = [importer.request_upload(corrects=first).json()["id"] for _ in range(2)]
    ended(importer, corrections[0], "succeeded", valid=2)
    assert attention(importer, "&limit=1") == [second]
    assert first in attention(importer)
    ended(importer, corrections[1], "succeeded", valid=1)

    assert attention(importer) == [second]
    assert shown(importer, first)["needs_attention"] is False


def test_a_filter_that_few_imports_match_reads_so_many_per_page(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.web.paging.FARTHEST", 3)
    first = faulty(importer)
    for _ in range(4):
        importer.request_upload(dry_run=True)

    page = importer.get("/imports/", "needs_attention=true").json()
    rest = importer.get("/imports/", f"needs_attention=true&cursor={page['cursor']}").json()

    assert (page["results"], page["count"]) == ([], 0)
    assert ([each["id"] for each in rest["results"]], rest["next"]) == ([first], None)


@pytest.mark.parametrize(
    ("state", "valid", "needs"),
    [
        ("succeeded", 30, False),
        ("cancelled", 27, False),
        ("failed", 27, True),
        ("rejected", 27, True),
    ],
)
def test_what_failed_needs_attention_and_what_a_user_cancelled_does_not(
    importer: Importer, state: State, valid: int, needs: bool
) -> None:
    number = importer.request_upload().json()["id"]
    ended(importer, number, state, valid=valid)
    dry_run = importer.request_upload(dry_run=True).json()["id"]
    ended(importer, dry_run, "completed_with_errors")

    assert attention(importer) == ([number] if needs else [])


def test_a_rejected_import_is_resolved_by_all_its_rows(importer: Importer) -> None:
    first = importer.request_upload().json()["id"]
    ended(importer, first, "rejected")
    ended(importer, importer.request_upload(corrects=first).json()["id"], valid=27)
    assert attention(importer, "&limit=100&kind=licenses")[-1] == first

    ended(importer, importer.request_upload(corrects=first).json()["id"], "succeeded", valid=3)

    assert first not in attention(importer)


def test_a_refused_file_needs_attention_until_another_is_imported_for_it(
    importer: Importer,
) -> None:
    first = importer.request_upload().json()["id"]
    importer.move(first, "queued", version_id="v1")
    importer.move(first, "failed")
    assert attention(importer) == [first]

    ended(importer, importer.request_upload(corrects=first).json()["id"], "succeeded", valid=30)

    assert attention(importer) == []

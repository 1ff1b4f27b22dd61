"""State transitions of import jobs, and the keys of their files."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from shared.import_job import (
    ENDED,
    FileFault,
    ImportJob,
    Kind,
    ObjectKey,
    State,
    WrongState,
    parse_object_key,
    request_fingerprint,
    requeue,
    shown_name,
    state_words,
    transition,
    upload_key,
)
from tests.shared.value_import import import_job

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
STATES: tuple[State, ...] = get_args(State.__value__)


def job(state: State = "queued", **fields: Any) -> ImportJob:
    given = {"file_name": "licenses.csv", "key": "acme/licenses/licenses.csv"}
    times = {"created_at": NOW, "heartbeat_at": NOW}
    return import_job(state=state, **{**given, **times, **fields})


def test_the_published_status_has_four_words_for_nine_states() -> None:
    assert {state: job(state).status for state in STATES} == {
        "awaiting_upload": "pending",
        "queued": "pending",
        "validating": "running",
        "running": "running",
        "succeeded": "success",
        "completed_with_errors": "error",
        "failed": "error",
        "rejected": "error",
        "cancelled": "error",
    }


def test_a_job_starts_once_and_ends_once() -> None:
    validating = transition(job(), "validating", now=NOW)
    running = transition(validating, "running", now=LATER, runner="r1")
    ended = transition(running, "succeeded", now=LATER)

    assert (running.started_at, running.finished_at, running.heartbeat_at) == (NOW, None, LATER)
    assert (ended.started_at, ended.finished_at) == (NOW, LATER)
    assert [each.revision for each in (validating, running, ended)] == [2, 3, 4]


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize("to", sorted(set(STATES) - {"queued"}))
def test_what_has_ended_stays_as_it_is(state: State, to: State) -> None:
    with pytest.raises(WrongState) as refused:
        transition(job(state), to, now=NOW)

    assert (refused.value.status, refused.value.code) == (409, "import_state")
    is_now, wanted = state_words(state), to.replace("_", " ")
    assert refused.value.message == f"Import 7 {is_now}: it can't be {wanted}"


def test_a_failed_job_is_run_again_without_its_outcome() -> None:
    refusal = FileFault(code="import_failed", message="it stopped")
    failed = transition(job("running", runner="r1"), "failed", now=NOW, refusal=refusal)

    again = requeue(failed, now=LATER)

    assert (again.state, again.attempts, again.runner) == ("queued", 2, None)
    assert (again.refusal, again.finished_at, again.heartbeat_at) == (None, None, LATER)
    assert again.started_at is None


def test_a_job_whose_file_never_came_cannot_be_run() -> None:
    with pytest.raises(WrongState, match="its file never came"):
        requeue(job("failed", version_id=None), now=NOW)


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("acme/licenses/a.csv", ObjectKey("acme", "licenses", None, "a.csv")),
        ("acme/customers/2026/03/Ä b.CSV", ObjectKey("acme", "customers", None, "Ä b.CSV")),
        ("a-1/license-features/job-12/x.csv", ObjectKey("a-1", "license-features", 12, "x.csv")),
        ("acme/licenses/job-0/x.csv", ObjectKey("acme", "licenses", None, "x.csv")),
    ],
)
def test_a_key_says_whose_file_it_is(key: str, place: ObjectKey) -> None:
    assert parse_object_key(key) == place


@pytest.mark.parametrize(
    "key",
    [
        "a.csv",
        "acme/a.csv",
        "acme/orders/a.csv",
        "Acme/licenses/a.csv",
        "acme/Licenses/a.csv",
        "acme/licenses/a.txt",
        "_results/acme/7/a.csv",
        "/acme/licenses/a.csv",
        "-/licenses/a.csv",
    ],
)
def test_what_lies_elsewhere_is_no_import(key: str) -> None:
    assert parse_object_key(key) is None


@pytest.mark.parametrize("kind", ["licenses", "customers", "license-features"])
@pytest.mark.parametrize(
    "name", ["licenses.csv", "Müller.csv", "a b.xlsx", "...", "x" * 255, "日本.csv", "a.csv.csv"]
)
def test_the_key_of_an_upload_leads_back_to_its_job(kind: Kind, name: str) -> None:
    key = upload_key("acme", kind, 12, name)

    assert key.isascii()
    assert key.endswith(".csv")
    place = parse_object_key(key)
    assert place is not None
    assert place[:3] == ("acme", kind, 12)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("licenses.csv", "licenses.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\Müller.csv", "Müller.csv"),
        ("a\r\nb\x00\x85.csv", "ab.csv"),
        ("\u202egnp.csv", "gnp.csv"),
        ("dir/", ""),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_file_name_is_for_people_and_no_path(sent: str, shown: str) -> None:
    assert shown_name(sent) == shown


def test_the_same_request_has_the_same_fingerprint_in_any_order() -> None:
    assert request_fingerprint({"a": 1, "b": 2}) == request_fingerprint({"b": 2, "a": 1})
    assert request_fingerprint({"a": 1}) != request_fingerprint({"a": 2})

"""Jobs and claims of objects in their table, with lost responses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import NotFound
from shared.import_job import ImportJob, State, WrongState, transition
from shared.store import import_jobs as store
from shared.store.import_jobs import Version
from tests.functions.shop import open_shop
from tests.wiretap import (
    Fault,
    answer_lost,
    conflict,
    failed,
    held_by_transaction,
    meanwhile,
    tapped,
    throttled,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
DROPPED = Version("uploads", "acme/licenses/a.csv", "v1", 100)
WRITE = "TransactWriteItems"

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture
def known(tables: None) -> None:
    """Both companies have an API key, so files may be dropped for them."""
    for company in ("acme", "globex"):
        open_shop(company)


def new_job(state: State = "awaiting_upload", **fields: Any) -> ImportJob:
    number = store.new_number("acme")
    given: dict[str, Any] = {
        "kind": "licenses",
        "file_name": "a.csv",
        "bucket": "uploads",
        "key": f"acme/licenses/job-{number}/a.csv",
        "created_at": NOW,
        "heartbeat_at": NOW,
    }
    return ImportJob(number=number, company="acme", state=state, **{**given, **fields})


def added(state: State = "awaiting_upload", **fields: Any) -> ImportJob:
    job = new_job(state, **fields)
    assert store.add_job(job)
    return job


def uploaded(job: ImportJob, version: str = "v1") -> Version:
    return Version(job.bucket, job.key, version, 5)


def claim(version: Version) -> ImportJob:
    job = store.claim_object(*version, now=NOW)
    assert job is not None
    return job


def jobs() -> list[int]:
    return [job.number for job in store.list_jobs("acme")]


def move(to: State) -> Callable[[ImportJob], ImportJob]:
    return lambda job: transition(job, to, now=LATER)


def test_numbers_are_small_and_given_once() -> None:
    assert [store.new_number(company) for company in ("acme", "acme", "globex")] == [1, 2, 1]


def test_a_job_reads_back_as_it_was_added() -> None:
    job = added(detected={"columns": ["a"], "bom": False}, dry_run=True, encoding="windows-1252")

    assert store.get_job("acme", job.number) == job
    assert store.get_job("globex", job.number) is None


def test_jobs_are_listed_newest_first_and_by_kind() -> None:
    first, second = added(), added(kind="customers")

    assert jobs() == [second.number, first.number]
    assert list(store.list_jobs("acme", "licenses")) == [first]
    assert list(store.list_jobs("acme", after=second.number)) == [first]
    assert list(store.list_jobs("globex")) == []


@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
def test_a_job_is_added_once_whatever_happens_to_its_write(fault: Fault) -> None:
    job = new_job(external_id="nightly")

    with tapped() as tap:
        tap.on(WRITE, fault)
        assert store.add_job(job, external="requested")

    assert store.external_claim("acme", "nightly") == (job.number, "requested")
    assert jobs() == [job.number]


def test_an_external_id_is_one_jobs_for_ever() -> None:
    first = new_job(external_id="nightly")

    with tapped() as tap:
        tap.on(WRITE, meanwhile(lambda: store.add_job(first, external="requested")))
        assert not store.add_job(new_job(external_id="nightly"), external="requested")

    assert jobs() == [first.number]
    assert store.external_claim("globex", "nightly") is None


def test_a_dropped_object_has_one_job_however_many_events_it_has() -> None:
    job = claim(DROPPED)

    assert (job.state, job.version_id, job.size) == ("queued", "v1", 100)
    assert (job.file_name, job.requested_by) == ("a.csv", "s3")
    assert claim(DROPPED) == job == store.claimed(DROPPED)
    assert jobs() == [job.number]


@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
def test_an_object_is_claimed_once_whatever_happens_to_the_write(fault: Fault) -> None:
    with tapped() as tap:
        tap.on(WRITE, fault)
        job = claim(DROPPED)

    assert claim(DROPPED) == job
    assert jobs() == [job.number]


def test_two_events_at_once_are_one_job() -> None:
    claimed = []

    with tapped() as tap:
        tap.on(WRITE, meanwhile(lambda: claimed.append(claim(DROPPED))))
        claimed.append(claim(DROPPED))

    assert claimed[0] == claimed[1]
    assert jobs() == [claimed[0].number]


def test_another_version_of_an_object_is_another_job() -> None:
    job, other = claim(DROPPED), claim(DROPPED._replace(version_id="v2"))

    assert job.number != other.number
    assert (job.version_id, other.version_id) == ("v1", "v2")


def test_what_is_no_import_is_no_job() -> None:
    assert store.claim_object("uploads", "readme.txt", "v1", 1, now=NOW) is None


def test_the_object_of_a_requested_upload_belongs_to_its_job() -> None:
    requested = added(external_id="nightly", requested_by="abcdefgh")

    job = claim(uploaded(requested))

    assert (job.number, job.state, job.version_id) == (requested.number, "queued", "v1")
    assert job.requested_by == "abcdefgh"
    assert claim(uploaded(requested)) == job


@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
def test_the_object_of_a_job_is_claimed_once_whatever_happens(fault: Fault) -> None:
    requested = added()

    with tapped() as tap:
        tap.on(WRITE, fault)
        job = claim(uploaded(requested))

    assert store.get_job("acme", requested.number) == job
    assert jobs() == [requested.number]


def test_two_events_of_the_object_of_a_requested_upload_are_one_job() -> None:
    requested = added()

    with tapped() as tap:
        tap.on(WRITE, meanwhile(lambda: claim(uploaded(requested))))
        job = claim(uploaded(requested))

    assert (job.number, job.state) == (requested.number, "queued")
    assert jobs() == [requested.number]


def test_a_second_version_at_a_jobs_key_is_the_same_jobs_and_changes_nothing() -> None:
    requested = added(dry_run=True)

    with tapped() as tap:
        tap.on(WRITE, meanwhile(lambda: claim(uploaded(requested, "v2"))))
        second = claim(uploaded(requested, "v1"))

    first = store.get_job("acme", requested.number)
    assert first is not None
    assert second == first == claim(uploaded(requested, "v3"))
    assert (first.version_id, first.dry_run) == ("v2", True)
    assert store.unclaimed([uploaded(requested, version) for version in ("v1", "v2", "v3")]) == []
    assert jobs() == [requested.number]


@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
def test_a_second_version_is_claimed_once_whatever_happens(fault: Fault) -> None:
    requested = added()
    first = claim(uploaded(requested))

    with tapped() as tap:
        tap.on(WRITE, fault)
        second = claim(uploaded(requested, "v2"))

    assert second == first
    assert jobs() == [requested.number]


@pytest.mark.parametrize("has_file", [True, False])
@pytest.mark.parametrize("name", ["b.csv", "a (1).csv", "a.csv/a.csv"])
def test_an_object_next_to_an_imports_own_is_not_imported_with_other_options(
    name: str, *, has_file: bool
) -> None:
    requested = added(dry_run=True)
    if has_file:
        claim(uploaded(requested))
    folder = requested.key.removesuffix("a.csv")

    job = claim(Version("uploads", folder + name, "v2", 5))

    assert (job.number, job.version_id) == (requested.number, "v1" if has_file else None)
    assert jobs() == [requested.number]
    assert claim(uploaded(requested)).version_id == "v1"


def test_a_folder_with_the_name_of_a_dropped_files_folder_is_not_reserved() -> None:
    first = claim(Version("uploads", "acme/licenses/a.csv", "v1", 5))
    job = claim(Version("uploads", f"acme/licenses/job-{first.number}/a.csv", "v1", 5))

    assert jobs() == [job.number, first.number]


def test_the_key_of_a_job_that_never_was_is_a_dropped_file() -> None:
    job = claim(Version("uploads", "acme/licenses/job-99/a.csv", "v1", 5))

    assert (job.number, job.requested_by) == (1, "s3")


def test_a_file_that_comes_after_its_job_was_cancelled_starts_nothing() -> None:
    requested = added()
    store.change_job("acme", requested.number, move("cancelled"))

    job = claim(uploaded(requested))

    assert (job.number, job.state, job.version_id) == (requested.number, "cancelled", "v1")
    assert list(store.unfinished_jobs()) == []


@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
def test_a_change_is_made_once_whatever_happens_to_its_write(fault: Fault) -> None:
    job = added("queued", version_id="v1")

    with tapped() as tap:
        tap.on(WRITE, fault)
        changed = store.change_job("acme", job.number, move("running"))

    assert store.get_job("acme", job.number) == changed
    assert changed.revision == 2


def test_a_change_whose_answer_is_lost_is_known_even_after_a_heartbeat() -> None:
    job = added("running", runner="r1")
    after = transition(job, "succeeded", now=LATER)

    def lost(request: Any) -> Any:
        store.heartbeat("acme", job.number, "r1", LATER)
        return answer_lost(request)

    with tapped() as tap:
        tap.on(WRITE, lost)
        assert store.put_job(after, job)


def test_of_two_changes_at_once_the_second_sees_the_first() -> None:
    job = added("running")

    with tapped() as tap:
        cancel = meanwhile(lambda: store.change_job("acme", job.number, move("cancelled")))
        tap.on(WRITE, cancel)
        with pytest.raises(WrongState, match="is cancelled"):
            store.change_job("acme", job.number, move("succeeded"))

    stored = store.get_job("acme", job.number)
    assert stored is not None
    assert stored.state == "cancelled"


def test_of_two_equal_changes_at_once_only_one_was_made() -> None:
    job = added("running")
    equal = transition(job, "failed", now=LATER)

    with tapped() as tap:
        tap.on(WRITE, meanwhile(lambda: store.put_job(equal, job)))
        assert not store.put_job(equal, job)


def test_a_job_that_was_read_before_it_changed_is_not_written() -> None:
    job = added("running")
    store.change_job("acme", job.number, move("cancelled"))

    assert not store.put_job(transition(job, "succeeded", now=LATER), job)


def test_a_change_that_changes_nothing_writes_nothing() -> None:
    job = added()

    with tapped() as tap:
        store.change_job("acme", job.number, lambda same: same)

    assert tap.bodies(WRITE) == []


def test_a_job_that_is_not_there_is_not_changed() -> None:
    with pytest.raises(NotFound):
        store.change_job("acme", 5, move("failed"))


def test_a_heartbeat_is_recorded_for_the_holder_of_the_lease() -> None:
    job = added("running", runner="r1")

    assert store.heartbeat("acme", job.number, "r1", LATER)
    assert store.heartbeat("acme", job.number, None, LATER)
    assert not store.heartbeat("acme", job.number, "r2", LATER)

    assert store.get_job("acme", job.number) == job.model_copy(update={"heartbeat_at": LATER})


def test_a_heartbeat_that_meets_a_cancellation_tells_the_worker_to_stop() -> None:
    job = added("running", runner="r1")

    def cancel(request: Any) -> Any:
        store.change_job("acme", job.number, move("cancelled"))
        return held_by_transaction(request)

    with tapped() as tap:
        tap.on("UpdateItem", cancel, nth=1)
        assert not store.heartbeat("acme", job.number, "r1", LATER)


@pytest.mark.parametrize("state", ["cancelled", "failed", "succeeded", "queued"])
def test_a_late_heartbeat_revives_nothing(state: State) -> None:
    job = added(state, runner="r1")

    assert not store.heartbeat("acme", job.number, "r1", LATER)

    assert store.get_job("acme", job.number) == job


def test_the_sweep_sees_jobs_of_all_companies_until_they_end() -> None:
    job = added()
    other = claim(DROPPED._replace(key="globex/customers/a.csv"))
    ended = added()
    store.change_job("acme", ended.number, move("failed"))

    assert list(store.unfinished_jobs()) == [job, other]


def test_unfinished_jobs_are_read_by_one_query_and_a_batch_of_a_hundred() -> None:
    numbers = [added().number for _ in range(101)]

    with tapped() as tap:
        found = store.unfinished_jobs()

    assert sorted(job.number for job in found) == numbers
    assert [name for name, _ in tap.calls] == ["Query", "BatchGetItem", "BatchGetItem"]


def test_a_file_of_a_company_without_a_key_has_no_job() -> None:
    dropped = DROPPED._replace(key="nobody/licenses/a.csv")

    with pytest.raises(store.UnknownCompany):
        claim(dropped)

    assert store.claimed(dropped) is None
    open_shop("nobody")
    assert claim(dropped).company == "nobody"


def test_unclaimed_objects_are_distinguished_from_claimed_ones() -> None:
    claim(DROPPED)
    other = DROPPED._replace(version_id="v2")

    assert store.unclaimed([DROPPED, other]) == [other]

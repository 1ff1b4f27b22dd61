"""Jobs in their table, with lost responses."""

from typing import Any

import pytest

from shared.errors import NotFound
from shared.import_job import State, WrongState, transition
from shared.store import import_jobs as store
from tests.functions.shop import open_shop
from tests.shared.store.stored_jobs import DROPPED, LATER, WRITE, added, claim, jobs, move, new_job
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

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture
def known(tables: None) -> None:
    """Both companies have an API key, so files may be dropped for them."""
    for company in ("acme", "globex"):
        open_shop(company)


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
        with pytest.raises(WrongState, match="was cancelled"):
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

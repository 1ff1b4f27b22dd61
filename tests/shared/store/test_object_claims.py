"""Claims of objects by jobs in their table, with lost responses."""

import pytest

from shared.store import import_jobs as store
from shared.store import object_claims
from shared.store.object_claims import Version
from tests.functions.shop import open_shop
from tests.shared.store.stored_jobs import DROPPED, NOW, WRITE, added, claim, jobs, move, uploaded
from tests.wiretap import Fault, answer_lost, conflict, failed, meanwhile, tapped, throttled

pytestmark = pytest.mark.usefixtures("known")


@pytest.fixture
def known(tables: None) -> None:
    """Both companies have an API key, so files may be dropped for them."""
    for company in ("acme", "globex"):
        open_shop(company)


def test_a_dropped_object_has_one_job_however_many_events_it_has() -> None:
    job = claim(DROPPED)

    assert (job.state, job.version_id, job.size) == ("queued", "v1", 100)
    assert (job.file_name, job.requested_by) == ("a.csv", "s3")
    assert claim(DROPPED) == job == object_claims.claimed(DROPPED)
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
    assert object_claims.claim_object("uploads", "readme.txt", "v1", 1, now=NOW) is None


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
    assert (
        object_claims.unclaimed([uploaded(requested, version) for version in ("v1", "v2", "v3")])
        == []
    )
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


def test_a_file_of_a_company_without_a_key_has_no_job() -> None:
    dropped = DROPPED._replace(key="nobody/licenses/a.csv")

    with pytest.raises(object_claims.UnknownCompany):
        claim(dropped)

    assert object_claims.claimed(dropped) is None
    open_shop("nobody")
    assert claim(dropped).company == "nobody"


def test_unclaimed_objects_are_distinguished_from_claimed_ones() -> None:
    claim(DROPPED)
    other = DROPPED._replace(version_id="v2")

    assert object_claims.unclaimed([DROPPED, other]) == [other]

"""The rolling listing: every version is seen, by few calls, even if runs fail."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from shared.store import uploads
from shared.store.listing import (
    OVERLAP,
    Checkpoint,
    list_versions,
    read_checkpoint,
    write_checkpoint,
)
from shared.store.object_claims import Version
from shared.workflows import lost_files
from tests.faults.s3 import S3
from tests.faults.s3 import Version as Stored
from tests.faults.wire import answer_of
from tests.wiretap import answer_lost, failed, meanwhile, tapped

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=5)

pytestmark = pytest.mark.usefixtures("tables")


@dataclass
class Bucket:
    """A bucket of any size, which counts the calls that list it."""

    s3: S3
    calls: list[str] = field(default_factory=list)

    def put(self, *keys: str, at: datetime = NOW, versions: int = 1) -> None:
        for key in keys:
            stored = self.s3.objects.setdefault(key, [])
            for _ in range(versions):
                self.s3.made += 1
                stored.append(Stored(f"v{self.s3.made}", b"x", at))

    def every(self) -> set[tuple[str, str]]:
        return {(key, each.id) for key, found in self.s3.objects.items() for each in found}

    def take(self, request: AWSPreparedRequest, **_: Any) -> Any:
        self.calls.append(request.url)
        sent = self.s3.answer(request)
        return answer_of(request, sent.status, sent.body, dict(sent.headers))


@pytest.fixture
def bucket(tables: None) -> Iterator[Bucket]:
    made = Bucket(S3(now=NOW.timestamp, page=100))
    events: Any = uploads.client().meta.events  # the stubs know no handler that answers
    events.register_first("before-send.s3.ListObjectVersions", made.take)
    yield made
    events.unregister("before-send.s3.ListObjectVersions", made.take)


def run(now: datetime = NOW + MINUTES, calls: int = 2) -> set[tuple[str, str]]:
    """What one run of the sweeper finds; it is as if all were announced."""
    start = read_checkpoint(now)
    found, end = list_versions(start, now=now, until=now, calls=calls)
    write_checkpoint(end, start)
    return {(each.key, each.version_id) for each in found}


def names(count: int, company: str = "acme") -> list[str]:
    return [f"{company}/licenses/{number:06}.csv" for number in range(count)]


def test_a_small_bucket_is_listed_wholly_in_each_run(bucket: Bucket) -> None:
    bucket.put(*names(100))

    assert [run(), run()] == [bucket.every()] * 2

    assert len(bucket.calls) == 2


def test_a_run_has_so_many_calls_however_large_the_bucket_is(bucket: Bucket) -> None:
    bucket.s3.page = 1000
    bucket.put(*names(50_000), *names(25_000, "globex"))
    bucket.put(*names(25_000))
    assert len(bucket.every()) == 100_000

    seen = run(calls=lost_files.MOST_LISTINGS)

    assert len(bucket.calls) == lost_files.MOST_LISTINGS == 20
    assert len(seen) == 20_000
    assert read_checkpoint(NOW).key == max(key for key, _ in seen)


def test_a_large_bucket_is_seen_wholly_in_a_cycle_of_runs(bucket: Bucket) -> None:
    bucket.put(*names(500), *names(250, "globex"))
    bucket.put(*names(250))

    seen = [run() for _ in range(5)]

    assert set.union(*seen) == bucket.every()
    assert sum(map(len, seen)) == len(bucket.every()) == 1000
    assert len(bucket.calls) == 10


def test_what_comes_behind_the_checkpoint_is_seen_by_the_next_cycle(bucket: Bucket) -> None:
    bucket.put(*names(500, "bbb"))
    run(NOW)
    late = NOW + timedelta(seconds=1)
    bucket.put("aaa/licenses/late.csv", at=late)

    seen = [run(NOW + n * MINUTES) for n in range(1, 5)]

    assert ("aaa/licenses/late.csv", "v501") in set.union(*seen)


def test_it_is_seen_however_long_a_cycle_takes(bucket: Bucket) -> None:
    bucket.put(*names(500, "bbb"))
    run(NOW)
    bucket.put("aaa/licenses/late.csv", at=NOW + timedelta(seconds=1))

    seen = [run(NOW + n * timedelta(days=7)) for n in range(1, 5)]

    assert ("aaa/licenses/late.csv", "v501") in set.union(*seen)


def test_a_file_that_took_two_days_to_send_is_seen(bucket: Bucket) -> None:
    for _ in range(3):
        run(NOW)
    bucket.put("acme/licenses/parts.csv", at=NOW - OVERLAP)

    assert run(NOW + MINUTES) == bucket.every()


def test_old_versions_are_listed_and_not_looked_at(bucket: Bucket) -> None:
    bucket.put("acme/licenses/old.csv", at=NOW - timedelta(days=3))

    assert run() == set()


def test_a_list_that_is_cut_within_one_key_goes_on_within_it(bucket: Bucket) -> None:
    bucket.put("acme/licenses/one.csv", versions=450)

    seen = [run(calls=2) for _ in range(3)]

    assert set.union(*seen) == bucket.every()
    assert [len(each) for each in seen[:2]] == [200, 200]


def test_a_version_that_goes_where_the_list_was_cut_has_the_cycle_begin_again(
    bucket: Bucket,
) -> None:
    bucket.put("acme/licenses/one.csv", versions=450)
    first = run(calls=2)
    at = read_checkpoint(NOW)
    versions = bucket.s3.objects["acme/licenses/one.csv"]
    versions[:] = [each for each in versions if each.id != at.version]

    seen = [run(calls=3) for _ in range(3)]

    assert at.version
    assert set.union(first, *seen) >= bucket.every()


def test_delete_markers_are_no_files(bucket: Bucket) -> None:
    bucket.put(*names(3))
    for name in names(3):
        bucket.s3.delete(name)

    assert {key for key, _ in run()} == set(names(3))
    assert len(run()) == 3


def test_our_own_reports_are_passed_over(bucket: Bucket) -> None:
    bucket.put(*(f"_results/acme/1/chunk-{n}.json" for n in range(900)), "0shop/licenses/a.csv")
    bucket.put("acme/licenses/a.csv")

    assert run(calls=3) == {("0shop/licenses/a.csv", "v901"), ("acme/licenses/a.csv", "v902")}
    assert len(bucket.calls) == 2


def test_a_run_that_is_lost_is_repeated(bucket: Bucket) -> None:
    bucket.put(*names(400))
    with tapped() as tap:
        for nth in (1, 2, 3):
            tap.on("TransactWriteItems", failed, nth=nth)
        with pytest.raises(Exception, match="InternalServerError"):
            run()

    seen = [run(), run()]

    assert set.union(*seen) == bucket.every()


def test_a_checkpoint_whose_answer_is_lost_has_moved_once(bucket: Bucket) -> None:
    bucket.put(*names(400))

    with tapped("TransactWriteItems", answer_lost):
        first = run()
    second = run()

    assert first | second == bucket.every()
    assert not first & second


def test_two_runs_at_once_see_what_each_alone_would(bucket: Bucket) -> None:
    bucket.put(*names(600))

    with tapped("TransactWriteItems", meanwhile(lambda: rival.update(run()))):
        rival: set[tuple[str, str]] = set()
        first = run()
    rest = [run(), run()]

    assert first == rival
    assert set.union(first, *rest) == bucket.every()


def test_a_checkpoint_that_another_run_has_moved_stays() -> None:
    start = read_checkpoint(NOW)
    assert write_checkpoint(Checkpoint(began=NOW, since=NOW, key="b"), start)

    assert not write_checkpoint(Checkpoint(began=NOW, since=NOW, key="a"), start)

    assert read_checkpoint(NOW).key == "b"


def test_what_no_import_is_made_of_is_no_file(bucket: Bucket) -> None:
    bucket.put("readme.txt", "acme/orders/a.csv", "acme/licenses/a.txt", "acme/licenses/a.CSV")

    assert {key for key, _ in run()} == {"acme/licenses/a.CSV"}


def test_a_version_knows_where_it_is(bucket: Bucket) -> None:
    bucket.put("acme/licenses/a.csv")

    found, _ = list_versions(read_checkpoint(NOW), now=NOW, until=NOW + MINUTES, calls=1)

    assert found == [Version("uploads", "acme/licenses/a.csv", "v1", 1)]

"""The token buckets of DynamoDB tables."""

import pytest

from tests.faults.capacity import Bucket, Capacity, Charge
from tests.faults.dynamodb import Index, Item, Table
from tests.faults.throttled import charges_of


def taken(capacity: Capacity, charge: Charge, seconds: float, per_second: int = 20_000) -> float:
    """Units per second that are accepted in that time."""
    steps = int(seconds * 100)
    count = 0
    for step in range(steps):
        for _ in range(per_second // 100):
            count += capacity.take([charge], capacity.began + step / 100) is None
    return count * charge.units / seconds


def test_a_partition_takes_1000_writes_a_second_and_3000_reads() -> None:
    writes = taken(Capacity(began=0), Charge("t", "one key", 1), 10)
    reads = taken(Capacity(began=0), Charge("t", "one key", 1, reads=True), 10)

    assert writes == pytest.approx(1_100, rel=0.02)  # with the second that was kept
    assert reads == pytest.approx(3_300, rel=0.02)


def test_a_new_table_takes_4000_writes_a_second_of_many_keys() -> None:
    capacity, count = Capacity(began=0), 0

    for step in range(1_000):
        for n in range(100):
            count += capacity.take([Charge("t", f"{step} {n}", 1)], step / 100) is None

    assert count / 10 == pytest.approx(4_400, rel=0.03)


def test_reads_and_writes_of_a_partition_are_throttled_independently() -> None:
    capacity = Capacity(began=0)
    taken(capacity, Charge("t", "one key", 1), 1)

    assert capacity.take([Charge("t", "one key", 1)], 0.99) == "partition"
    assert capacity.take([Charge("t", "one key", 1, reads=True)], 0.99) is None


def test_an_index_that_is_full_throttles_the_write_and_nothing_is_taken() -> None:
    capacity = Capacity(began=0)
    taken(capacity, Charge("t/index", "one key", 1), 1)
    before = capacity.resources.get("t")

    what = capacity.take([Charge("t", "a", 1), Charge("t/index", "one key", 1)], 0.99)

    assert (what, before) == ("partition", None)
    assert capacity.resources["t"].whole[False].level == 4_000 * 1.99, "nothing was taken"


def test_a_table_keeps_300_seconds_of_what_is_not_used() -> None:
    bucket = Bucket(rate=100, seconds=300)

    assert not bucket.has(101, 0)
    assert bucket.has(30_000, 1_000)
    bucket.take(30_000)
    assert not bucket.has(1, 1_000)


def test_a_table_takes_twice_its_peak_half_an_hour_later() -> None:
    capacity = Capacity(began=0, scale=100)  # 40 a second, in four partitions
    for second in range(1_800):
        for n in range(35):
            capacity.take([Charge("t", f"{second} {n}", 1)], second)
    before = capacity.resources["t"].count

    capacity.take([Charge("t", "later", 1)], 1_801)

    grown = capacity.resources["t"]
    assert (before, grown.count) == (4, 7)
    assert grown.whole[False].rate == pytest.approx(70, rel=0.05)


def test_the_least_time_is_that_of_the_fullest_bucket() -> None:
    capacity = Capacity(began=0)
    charges = [Charge("t", str(n), 1) for n in range(10_000)] + [Charge("t/i", "hot", 1)] * 9_000

    seconds, place = capacity.least_seconds(charges)

    assert (seconds, place.startswith("t/i, partition ")) == (8, True)


def item(size: int, **keys: str) -> Item:
    return {name: {"S": value} for name, value in keys.items()} | {"x": {"S": "." * size}}


@pytest.mark.parametrize(
    ("made", "units"),
    [
        (item(10, pk="a"), {"t": 1}),
        (item(1_100, pk="a"), {"t": 2}),
        (item(10, pk="a", listed="l"), {"t": 1}),
        (item(1_100, pk="a", listed="l", at="1"), {"t": 2, "t/keys": 1, "t/all": 2}),
    ],
)
def test_units_follow_from_what_the_table_and_each_index_hold(
    made: Item, units: dict[str, int]
) -> None:
    names = ("listed", "at")
    indexes = {"keys": Index(names, frozenset()), "all": Index(names, None)}
    table = Table(("pk",), indexes, {("a",): made})

    found = {charge.resource: charge.units for charge in charges_of({"t": table}, {"t"})}

    assert found == units

"""The capacity of on-demand DynamoDB tables: token buckets of tables, indexes and partitions.

What AWS documents (DynamoDB Developer Guide, unless another page is named):

* On-demand capacity mode: "New on-demand tables will be able to sustain up to 4,000 writes per
  second and 12,000 reads per second." So a new table has four partitions.
* re:Post, "Why is my on-demand DynamoDB table throttled?": "Each partition on the table can serve
  up to 3,000 read request units or 1,000 write request units"; "DynamoDB's partition-level
  throttling operates independently for reads and writes" (Key range throughput exceeded).
* Using Global Secondary Indexes: "If you perform heavy write activity on the table, but a global
  secondary index on that table has insufficient write capacity, then the write activity on the
  table will be throttled." An index has partitions of its own, by its own partition key.
* Burst capacity: "DynamoDB currently retains up to 5 minutes (300 seconds) of unused read and write
  capacity"; but "Burst capacity can't alleviate partition-level throttling" (re:Post, "How does
  DynamoDB handle spiky workloads"). So a table's bucket keeps 300 seconds, a partition's only 1.
* Pre-warming: "throttling can still occur if the throughput exceeds twice the previous peak within
  the same 30 minutes." So a table accepts twice its previous peak.

Not modelled, because AWS does not document when or how fast they happen: the isolation of
frequently accessed items, and partition splits for heat. Both make a real table accept more.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WRITES, READS = 4_000, 12_000
"""Units per second of a new table, and of each of its indexes."""
PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
BURST_SECONDS = 300
GROWTH_SECONDS = 1_800
_PEAK_SECONDS = 60
"""Seconds over which a peak is measured, as in CloudWatch."""


@dataclass
class Bucket:
    """A token bucket: units per second, of which the unused ones of some seconds are kept."""

    rate: float
    seconds: float
    """Units that the bucket holds when it is full."""
    level: float = -1.0
    at: float = 0.0

    def __post_init__(self) -> None:
        if self.level < 0:
            self.level = self.rate

    def has(self, units: float, now: float) -> bool:
        """Whether the bucket has this many units now."""
        kept = self.rate * self.seconds
        self.level = min(kept, self.level + (now - self.at) * self.rate)
        self.at = now
        # A request of more units than a bucket ever holds empties it and leaves a debt.
        return self.level >= min(units, kept)

    def take(self, units: float) -> None:
        self.level -= units


@dataclass(frozen=True)
class Charge:
    """The units of one write or read in one table or index."""

    resource: str
    key: str
    """The partition key in that table or index."""
    units: float
    reads: bool = False


@dataclass
class Resource:
    """A table or an index: one bucket for all of it, and one per partition."""

    scale: float
    began: float
    whole: dict[bool, Bucket] = field(init=False)
    partitions: dict[tuple[bool, int], Bucket] = field(default_factory=dict)
    count: int = 4
    _taken: float = 0
    _peak: float = 0
    _minute: float = 0
    _grown: float = 0

    def __post_init__(self) -> None:
        self._minute = self._grown = self.began
        self._set_rate(WRITES / self.scale)

    def buckets(self, charge: Charge, now: float) -> tuple[Bucket, Bucket]:
        self._grow(now)
        at = charge.reads, self.partition(charge.key)
        if at not in self.partitions:
            rate = (PARTITION_READS if charge.reads else PARTITION_WRITES) / self.scale
            self.partitions[at] = Bucket(rate, 1, at=now)
        return self.whole[charge.reads], self.partitions[at]

    def partition(self, key: str) -> int:
        """Return the partition of a key; partitions divide the range of hashes evenly."""
        digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8]) * self.count >> 64

    def took(self, charge: Charge) -> None:
        self._taken += charge.units if not charge.reads else 0

    def _grow(self, now: float) -> None:
        if now - self._minute >= _PEAK_SECONDS:
            self._peak = max(self._peak, self._taken / (now - self._minute))
            self._minute, self._taken = now, 0
        if now - self._grown >= GROWTH_SECONDS:
            self._grown = now
            if 2 * self._peak > self.whole[False].rate:
                self._set_rate(2 * self._peak)
            self._peak = 0

    def _set_rate(self, writes: float) -> None:
        rates = {False: writes, True: writes * READS / WRITES}
        self.whole = {
            reads: Bucket(rate, BURST_SECONDS, at=self._grown) for reads, rate in rates.items()
        }
        self.count = math.ceil(writes * self.scale / PARTITION_WRITES)
        self.partitions.clear()


@dataclass
class Capacity:
    """All tables and indexes. Each is new at its first read or write.

    `scale` divides every rate, so that a small import is throttled for as long as a large one. It
    does not apply to the tables of `unscaled`, whose writes do not depend on the number of rows.
    """

    began: float
    scale: float = 1
    unscaled: frozenset[str] = frozenset()
    resources: dict[str, Resource] = field(default_factory=dict)
    throttled: int = 0
    accepted: int = 0
    """Accepted writes. Reads are not recorded."""

    def take(self, charges: Sequence[Charge], now: float) -> str | None:
        """Take all units or none; returns what throttles, `partition` or `table`, or None."""
        buckets = [(charge, *self._of(charge).buckets(charge, now)) for charge in charges]
        for charge, whole, partition in buckets:
            if not partition.has(charge.units, now):
                self.throttled += not charge.reads
                return "partition"
            if not whole.has(charge.units, now):
                self.throttled += not charge.reads
                return "table"
        for charge, whole, partition in buckets:
            whole.take(charge.units)
            partition.take(charge.units)
            self._of(charge).took(charge)
        self.accepted += not charges[0].reads
        return None

    def least_seconds(self, charges: Iterable[Charge]) -> tuple[float, str]:
        """Return the minimum time of these writes into new tables, and the bucket that sets it."""
        units: dict[tuple[str, int | None], float] = {}
        new = Resource(self.scale, self.began)
        for charge in charges:
            at = new.partition(charge.key)
            for part in (at, None):
                place = charge.resource, part
                units[place] = units.get(place, 0) + charge.units
        least = {
            place: count * self.scale / (WRITES if place[1] is None else PARTITION_WRITES)
            # A bucket starts with the units of one second.
            - 1
            for place, count in units.items()
        }
        place = max(least, key=lambda each: least[each])
        name = place[0] if place[1] is None else f"{place[0]}, partition {place[1]}"
        return least[place], name

    def _of(self, charge: Charge) -> Resource:
        if charge.resource not in self.resources:
            is_scaled = charge.resource not in self.unscaled
            scale = self.scale if is_scaled else 1
            self.resources[charge.resource] = Resource(scale, self.began)
        return self.resources[charge.resource]

"""`make throttle`: import a large file into new tables, which throttle eight workers.

The real code runs on a model of DynamoDB with the token buckets of `capacity`, in simulated time
that passes only while an actor waits. The minimum time is computed from the buckets and the records
that are in the tables at the end.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from functions import import_csv
from shared.store import newest_first, pace
from shared.store.newest_first import PAGE
from shared.workflows import import_chunk, import_features, import_lifecycle
from shared.workflows.import_chunk import read_batches as cut
from tests.faults.capacity import Capacity
from tests.faults.history import CUSTOMERS, IMPORTS, LICENSES, ORDERS
from tests.faults.laboratory import Laboratory, laboratory
from tests.faults.machine import Ended, Execution, Machine
from tests.faults.threads import Threads
from tests.faults.throttled import ThrottledDynamoDB, charges_of, packed
from tests.faults.timeline import Timeline
from tests.faults.world import Actor

WORKERS = 8
INVOCATION_SECONDS = 900
CHUNKS = 41
"""A million rows of 347 bytes in chunks of 8 MiB."""
PER_ORDER = 10
READING_SECONDS = 0.075
"""Seconds in which a worker reads a batch of 5,000 rows."""
_SILENCE_SECONDS = 30
"""Seconds without a heartbeat after which another worker takes over the job."""


@dataclass
class ThrottledMachine(Machine):
    """Step Functions with eight workers, and Lambda, which ends an invocation after 15 minutes."""

    deaths: list[str] = field(default_factory=list)
    invocations: list[float] = field(default_factory=list)
    """How long each chunk's invocation lasted."""

    def call(self, event: dict[str, Any]) -> Actor:
        world: Any = self.world
        ends = world.time + INVOCATION_SECONDS
        context: Any = SimpleNamespace(
            aws_request_id="request-1",
            get_remaining_time_in_millis=lambda: int((ends - world.time) * 1000),
        )

        def run() -> Any:
            began = world.time
            try:
                return import_csv.handler(event, context)
            except BaseException as error:
                self.deaths.append(f"{event.get('step', 'event')}: {error!r}")
                raise
            finally:
                if event.get("step") == "chunk":
                    self.invocations.append(world.time - began)

        actor: Actor = world.spawn("import-csv", run, company="acme")
        world.deadlines[actor] = ends
        return actor

    def _tell(self, event: dict[str, Any]) -> None:
        """Deliver an event once and immediately: capacity is the only fault here."""
        self.deliver(event)

    def _map(self, execution: Execution, which: str) -> None:
        planned = execution.planned or {}
        names = {"company": planned["company"], "number": planned["number"]}
        waiting = [
            {"step": "chunk", "pass": which, **names, "chunk": chunk}
            for chunk in orjson.loads(self.world.s3.read(planned["manifest_key"]) or b"[]")
        ]
        running: list[Actor] = []
        while waiting or running:
            while waiting and len(running) < WORKERS:
                act = self._range(execution, waiting.pop(0))
                running.append(self.world.spawn("range", act))
            self.world.wait()
            if any(each.done and each.error for each in running):
                raise Ended
            running = [each for each in running if not each.done]


@dataclass(frozen=True)
class Outcome:
    """The result of an import, and how it compares with what the buckets allow."""

    rows: int
    state: str
    code: str | None
    counts: dict[str, int]
    licenses: int
    seconds: float
    least_seconds: float
    slowest: str
    """The bucket that sets the minimum time."""
    accepted: int
    throttled: int
    deaths: tuple[str, ...]
    invocations: int
    """Of chunks."""
    longest_invocation: float
    longest_silence: float

    def faults(self) -> list[str]:
        """Return every failed check."""
        found = {
            f"the job is {self.state} ({self.code})": self.state == "succeeded",
            f"a worker died: {self.deaths[:1]}": not self.deaths,
            f"counted {self.counts.get('created_licenses_count')}, there are {self.licenses}": (
                self.counts.get("created_licenses_count") == self.licenses == self.rows
            ),
            f"it took {self.ratio:.2f} of the least time": self.ratio <= 1.1,
            f"{self.waste:.2f} writes throttled for each accepted": self.waste <= 1,
            f"silent for {self.longest_silence:.0f} s": self.longest_silence <= _SILENCE_SECONDS,
        }
        return [fault for fault, holds in found.items() if not holds]

    @property
    def ratio(self) -> float:
        return self.seconds / self.least_seconds

    @property
    def waste(self) -> float:
        return self.throttled / max(1, self.accepted)

    def text(self) -> str:
        return (
            f"{self.rows:,} rows: {self.state} after {self.seconds:.0f} s,"
            f" {self.ratio:.3f} of the {self.least_seconds:.0f} s that the buckets need\n"
            f"ceiling: {self.rows / self.least_seconds:,.0f} rows a second, by {self.slowest}\n"
            f"{self.accepted:,} writes accepted, {self.throttled:,} throttled"
            f" ({self.waste:.2f} for each), {len(self.deaths)} workers died\n"
            f"longest invocation {self.longest_invocation:.0f} s,"
            f" longest time between two heartbeats {self.longest_silence:.0f} s"
        )


@dataclass
class Silence:
    """Measures the time between heartbeats."""

    world: Timeline
    longest: float = 0
    last: float | None = None

    def hear(self, _: Actor | None, writes: list[Any]) -> None:
        for write in writes:
            if write.table == IMPORTS and write.key[1].startswith("job#") and write.after:
                if self.last is not None:
                    self.longest = max(self.longest, self.world.time - self.last)
                ended = "finished_at" in write.after
                self.last = None if ended else self.world.time


def sheet(rows: int) -> bytes:
    """Return a file of licenses, ten per order and customer."""
    lines = ["license__license_key,product__short_code,order__store_id,customer__email"]
    for row in range(rows):
        order = row // PER_ORDER
        lines.append(f"K{row:07}-XKTW-83PF,kp,web-{order:07},buyer{order}@acme.example")
    return "\n".join(lines).encode() + b"\n"


def read_batches(world: Timeline, entries: Iterable[Any], most: int) -> Iterator[Any]:
    """Yield batches of rows; reading one takes simulated time."""
    for batch in cut(entries, most):
        world.sleep(READING_SECONDS)
        yield batch


def batch_rows(rows: int) -> int:
    """Return the rows per batch: 5,000 of a million."""
    return max(25, rows // 200)


def throttle(lab: Laboratory, rows: int, *, scale: float = 1, inline: bool = False) -> Outcome:
    """Import rows into new tables whose rates are divided by `scale`."""
    with _throttled(lab, rows, scale) as world:
        machine, silence = ThrottledMachine(world), Silence(world)
        world.watchers.append(silence.hear)
        data = sheet(rows)
        os.environ["IMPORT_INLINE_BYTES"] = str(len(data)) if inline else "0"
        os.environ["IMPORT_CHUNK_BYTES"] = str(len(data) // CHUNKS + 1)
        world.spawn("sender", partial(world.s3.put, "acme/licenses/a.csv", data))
        began = world.time
        world.run()
        return _outcome(world, machine, silence, rows, began)


@contextmanager
def _throttled(lab: Laboratory, rows: int, scale: float) -> Iterator[Timeline]:
    """Create a simulation with new tables; the sizes of batches and steps follow the scale."""
    world = lab.world(0)
    capacity = Capacity(world.time, scale, frozenset({IMPORTS}))
    tables: Any = {name: packed(table) for name, table in world.dynamodb.tables.items()}
    timeline = Timeline(0, world.dynamodb, world.s3, coordinates=world.coordinates)
    timeline.time = world.time
    timeline.dynamodb = ThrottledDynamoDB(
        tables, now=lambda: timeline.time, heard=timeline.heard, capacity=capacity
    )
    timeline.s3.now = lambda: timeline.time
    lab.worlds[:] = [timeline]
    with pytest.MonkeyPatch.context() as patch:
        for module in (import_chunk, import_features, import_lifecycle):
            patch.setattr(module, "ThreadPoolExecutor", partial(Threads, timeline))
        patch.setattr(import_chunk, "BATCH_ROWS", batch_rows(rows))
        patch.setattr(newest_first, "PAGE", PAGE)  # fault schedules use smaller pages
        patch.setattr(import_chunk, "read_batches", partial(read_batches, timeline))
        patch.setattr(pace, "STEP", pace.STEP / scale)
        patch.setattr(pace, "LOWEST", pace.LOWEST / scale)
        yield timeline


def _outcome(
    world: Timeline, machine: ThrottledMachine, silence: Silence, rows: int, began: float
) -> Outcome:
    database: Any = world.dynamodb
    tables, capacity = database.tables, database.capacity
    (job,) = (item for (_, sk), item in tables[IMPORTS].items.items() if sk.startswith("job#"))
    least, slowest = capacity.least_seconds(charges_of(tables, {LICENSES, ORDERS, CUSTOMERS}))
    counts = job.get("counts", {"M": {}})["M"]
    return Outcome(
        rows=rows,
        state=job["state"]["S"],
        code=job["refusal"]["M"]["code"]["S"] if "refusal" in job else None,
        counts={name: int(value["N"]) for name, value in counts.items()},
        licenses=len(tables[LICENSES].items),
        seconds=world.time - began,
        least_seconds=least,
        slowest=slowest,
        accepted=capacity.accepted,
        throttled=capacity.throttled,
        deaths=tuple(machine.deaths),
        invocations=len(machine.invocations),
        longest_invocation=max(machine.invocations, default=0),
        longest_silence=silence.longest,
    )


def main() -> int:
    """Import the number of rows in the arguments; returns 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="make throttle", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--scale", type=float, default=1)
    arguments, out = parser.parse_args(), sys.stdout
    with laboratory() as lab:
        began = lab.real_clock()
        outcome = throttle(lab, arguments.rows, scale=arguments.scale)
        took = lab.real_clock() - began
    print(outcome.text(), *outcome.faults(), sep="\n", file=out)
    print(f"It took {took:.0f} s of this machine", file=out)
    return 1 if outcome.faults() else 0


if __name__ == "__main__":
    sys.exit(main())

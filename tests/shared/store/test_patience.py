"""How long and how fast a worker sends, on a clock that only sleep() advances."""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from shared.errors import Busy
from shared.store import pace, patience
from shared.store.pace import Pace
from shared.store.patience import OutOfTime, Patience, Request


@dataclass
class Clock:
    """A worker's time: its sleeps and its heartbeats."""

    now: float = 0.0
    ends: float = 900.0
    alive: list[float] = field(default_factory=list)
    stop: Exception | None = None

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def keep_alive(self) -> None:
        self.alive.append(self.now)
        if self.stop is not None:
            raise self.stop

    def patience(self) -> Patience:
        return Patience(lambda: int((self.ends - self.now) * 1000), self.keep_alive)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    for module in (pace, patience):
        monkeypatch.setattr(module, "clock", lambda: clock.now)
    return clock


def pause(pauses: Iterator[float]) -> None:
    for seconds in pauses:
        time.sleep(seconds)


def throttle(request: Request, times: int, parts: int = 25) -> None:
    pause(request.begin(parts))
    for _ in range(times):
        pause(request.answered(throttled=parts))
        pause(request.begin(parts))


# Patience


def test_throttling_is_waited_out_until_20_seconds_before_the_end(clock: Clock) -> None:
    request = clock.patience().request("TABLE")

    with pytest.raises(OutOfTime):
        throttle(request, 1_000_000)

    assert 875 <= clock.now <= 882


def test_a_worker_that_waits_says_so_every_ten_seconds(clock: Clock) -> None:
    request = clock.patience().request("TABLE")

    with pytest.raises(OutOfTime):
        throttle(request, 1_000_000)

    silences = [b - a for a, b in itertools.pairwise([0, *clock.alive])]
    assert len(silences) >= 70
    assert max(silences) <= 12


def test_a_worker_whose_job_was_cancelled_stops_at_its_next_heartbeat(clock: Clock) -> None:
    worker = clock.patience()
    request = worker.request("TABLE")
    clock.stop = LookupError("cancelled")

    with pytest.raises(LookupError):
        throttle(request, 1_000_000)
    with pytest.raises(LookupError):
        pause(worker.request("ANOTHER").begin(1))

    assert clock.now <= 12


def test_other_failures_are_counted_and_progress_forgives_them(clock: Clock) -> None:
    request = clock.patience().request("TABLE")

    for _ in range(20):
        pause(request.begin(25))
        for _ in range(patience.FAILURES - 1):
            pause(request.failed())
        pause(request.answered(throttled=0))
    for _ in range(patience.FAILURES - 1):
        pause(request.failed())
    with pytest.raises(Busy):
        pause(request.failed())


def test_statements_in_conflict_are_failures_and_not_throttling(clock: Clock) -> None:
    worker = clock.patience()
    request = worker.request("TABLE")

    pause(request.begin(25))
    for _ in range(patience.FAILURES - 1):
        pause(request.answered(throttled=0, failed=25))
    with pytest.raises(Busy):
        pause(request.answered(throttled=0, failed=25))

    assert request.pace.rate == math.inf


def test_a_worker_is_stuck_that_wrote_nothing_new_for_ten_minutes(clock: Clock) -> None:
    stuck, late, busy = clock.patience(), clock.patience(), clock.patience()
    busy.progressed = True
    clock.now = 599
    assert not stuck.is_stuck

    clock.now = 601
    late._began = clock.now - 10  # noqa: SLF001  # it began a while ago

    assert (stuck.is_stuck, late.is_stuck, busy.is_stuck) == (True, False, False)


# Pace


def sent(clock: Clock, pace_: Pace, seconds: float, takes: float) -> float:
    """What is accepted in so many seconds by something that takes so many a second."""
    until, accepted, credit, at = clock.now + seconds, 0, 0.0, clock.now
    while clock.now < until:
        while (wait := pace_.reserve(25)) > 0:
            clock.sleep(wait)
        clock.sleep(0.008)
        credit, at = min(takes, credit + (clock.now - at) * takes), clock.now
        fits = min(25, int(credit))
        credit -= fits
        accepted += fits
        pace_.record(fits, 25 - fits)
    return accepted


def test_a_pace_is_unlimited_until_something_is_throttled(clock: Clock) -> None:
    own = Pace()

    assert sent(clock, own, 20, 1e9) / 20 >= 3_000
    assert own.rate == math.inf


@pytest.mark.parametrize("takes", [100, 500, 2_000])
def test_a_pace_comes_to_what_is_accepted_and_wastes_little(clock: Clock, takes: int) -> None:
    own = Pace()
    sent(clock, own, 20, takes)

    accepted = sent(clock, own, 60, takes)

    assert accepted >= 0.95 * 60 * takes
    assert own.rate <= 2 * takes + pace.STEP


def test_a_pace_finds_room_that_came_to_be_within_some_seconds(clock: Clock) -> None:
    own = Pace()
    sent(clock, own, 30, 100)
    sent(clock, own, 10, 2_000)

    assert sent(clock, own, 30, 2_000) >= 0.9 * 30 * 2_000


def test_two_workers_come_to_equal_rates_whatever_they_began_with(clock: Clock) -> None:
    """Both see the same share throttled, window by window."""
    fast, slow, takes = Pace(rate=3_000), Pace(rate=50), 1_000

    for _ in range(60):
        total = fast.rate + slow.rate
        share = min(1, takes / total)
        for own in (fast, slow):
            own.reserve(25)
            parts = round(own.rate * pace.WINDOW_SECONDS)
            clock.sleep(pace.WINDOW_SECONDS / 2)
            accepted = round(parts * share)
            own._began = clock.now - pace.WINDOW_SECONDS  # noqa: SLF001  # a window of its own
            own.record(accepted, parts - accepted)

    assert fast.rate == pytest.approx(slow.rate, rel=0.2)


def test_the_first_throttling_sets_the_rate_at_once(clock: Clock) -> None:
    """Waiting for the end of a window would have all requests in flight refused first."""
    own = Pace()
    own.reserve(100)
    clock.sleep(0.1)

    own.record(40, 60)

    assert own.rate == pytest.approx(400 + pace.STEP)
    assert own.is_limited


def test_a_pace_that_has_grown_beyond_what_a_worker_sends_holds_nothing_back(clock: Clock) -> None:
    own = Pace(rate=100)
    assert own.is_limited

    sent(clock, own, 30, 1e9)

    assert not own.is_limited

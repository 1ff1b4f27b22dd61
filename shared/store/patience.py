"""The retry policy of import workers: wait for DynamoDB as long as the invocation lasts.

Throttling is normal for an import: a new table accepts 4,000 write units per second, and each of
its partitions 1,000. So a throttled statement is retried until it is accepted. Waiting ends with
the invocation's time (OutOfTime: the worker stops, and the next one continues), when the job is
cancelled or loses its lease (`keep_alive` raises), or after several consecutive failures other than
throttling (Busy).
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shared.errors import Busy
from shared.store.pace import Pace, clock
from shared.store.retry import pause
from shared.store.turns import Turns

FAILURES = 6
"""Consecutive failures other than throttling, without progress, after which a request fails."""
MARGIN_MILLISECONDS = 20_000
"""Time that a worker reserves at the end of its invocation, to report and to return."""
ALIVE_SECONDS = 10.0
"""How often a waiting worker says that it is alive; see `ALIVE_SECONDS` of import_lifecycle (30 s)
and `LEFT_ALONE` of the sweeper (15 min) for who takes its job otherwise."""
STUCK_SECONDS = 600.0
"""A worker that has written nothing new for so long, until its time was over, is stuck."""
_SLICE_SECONDS = 1.0


class OutOfTime(Exception):
    """The invocation ends before DynamoDB accepted everything. Accepted writes stay."""


@dataclass(eq=False)
class Patience:
    """The retry state of a worker, shared by its threads.

    `keep_alive` writes a heartbeat, and raises if the worker must stop.
    """

    milliseconds_left: Callable[[], int]
    keep_alive: Callable[[], None]
    progressed: bool = False
    """Whether the worker has written anything new."""
    turns: Turns = field(default_factory=Turns)
    _began: float = field(init=False)
    _alive_at: float = field(init=False)
    _ended: BaseException | None = None
    _paces: dict[str, Pace] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._began = self._alive_at = clock()

    @property
    def is_short_of_time(self) -> bool:
        return self.milliseconds_left() < MARGIN_MILLISECONDS

    @property
    def is_stuck(self) -> bool:
        """Whether the worker has written nothing new for a whole invocation."""
        return not self.progressed and clock() - self._began >= STUCK_SECONDS

    @property
    def is_throttled(self) -> bool:
        """Whether DynamoDB accepts less than the worker could send."""
        with self._lock:
            return any(pace.is_limited for pace in self._paces.values())

    def request(self, pace: str) -> "Request":
        """The retries of one request, which is sent at the `pace` of this name."""
        with self._lock:
            return Request(self, self._paces.setdefault(pace, Pace()))

    def pauses(self, seconds: float) -> Iterator[float]:
        """The pauses of a worker that waits so long, with heartbeats between them.

        Raises OutOfTime, or what `keep_alive` raises, as soon as it is time to.
        """
        self.check()
        while seconds > 0:
            if self.is_short_of_time:
                self.end(OutOfTime())
                self.check()
            if self._is_silent():
                try:
                    self.keep_alive()
                except Exception as error:  # noqa: BLE001  # every thread of the worker raises it
                    self.end(error)
                    self.check()
            yield min(seconds, _SLICE_SECONDS)
            seconds -= _SLICE_SECONDS
            self.check()

    def wait(self, seconds: float) -> None:
        """Sleep; raises what the worker ends with, as soon as it is time to."""
        for slept in self.pauses(seconds):
            with self.turns.released():
                time.sleep(slept)

    def check(self) -> None:
        """Raise what another thread of the worker ended with."""
        if self._ended is not None:
            raise self._ended

    def _is_silent(self) -> bool:
        """Whether it is this thread that has to say that the worker is alive."""
        with self._lock:
            if clock() - self._alive_at < ALIVE_SECONDS:
                return False
            self._alive_at = clock()
            return True

    def end(self, error: BaseException) -> None:
        """Have every thread of the worker raise this, unless they have a reason to end."""
        self._ended = self._ended or error


@dataclass(eq=False)
class Request:
    """One request with several statements, items or keys, until all of them are done."""

    patience: Patience
    pace: Pace
    _parts: int = 0
    _throttlings: int = 0
    _failures: int = 0

    def begin(self, parts: int) -> Iterator[float]:
        """Pause until so many parts may be sent."""
        self._parts = parts
        self.patience.check()
        while (seconds := self.pace.reserve(parts)) > 0:
            yield from self.patience.pauses(seconds)

    def answered(self, *, throttled: int, failed: int = 0) -> Iterator[float]:
        """Take note of an answer; pause if some parts have to be sent again."""
        accepted = self._parts - throttled - failed
        self.pace.record(accepted, throttled)
        if accepted:
            self._throttlings = self._failures = 0
        if throttled:
            yield from self.patience.pauses(pause(self._throttlings))
            self._throttlings += 1
        elif failed:
            yield from self._fail()

    def throttled(self) -> Iterator[float]:
        """The whole request was throttled: pause until it may be sent again."""
        yield from self.answered(throttled=self._parts)
        yield from self.begin(self._parts)

    def failed(self) -> Iterator[float]:
        """The whole request failed, or its answer did not arrive: pause before sending it again."""
        yield from self._fail()
        self.patience.check()

    def _fail(self) -> Iterator[float]:
        self._failures += 1
        if self._failures >= FAILURES:
            raise Busy
        yield from self.patience.pauses(pause(self._failures - 1))

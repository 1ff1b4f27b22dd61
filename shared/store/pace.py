"""How fast one worker sends to one table: additive increase, multiplicative decrease (AIMD).

Workers of one import know nothing of each other. All of them see the same share of their statements
throttled, so all slow down by the same factor, and then speed up by the same step: whatever rates
they began with, they come to equal ones, whose sum is what the table takes.
"""

import math
import threading
import time
from dataclasses import dataclass, field

WINDOW_SECONDS = 0.5
"""The rate is adjusted once in so many seconds of sending."""
STEP = 25.0
"""Statements a second that a throttled window adds: one request of 25."""
GROWTH = 1.5
"""By how much a rate grows in a window in which nothing was throttled: there is room."""
LOWEST = 25.0
"""Statements a second below which a rate never falls, so that every worker goes on."""
FULL_SPEED = 50_000.0
"""Statements a second that no worker reaches: a pace as high as this holds nothing back."""
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.01, 1.0


def clock() -> float:
    """Seconds that only ever grow; the fault laboratory has time of its own."""
    return time.monotonic()


@dataclass(eq=False)
class Pace:
    """The send rate of one worker to one table, shared by its threads.

    Unlimited until something is throttled. From then on the rate of a window is what was accepted
    in the window before, plus `STEP`; or `GROWTH` times as much as before if all was accepted.
    """

    rate: float = math.inf
    _credit: float = 0.0
    """Statements that may be sent; below 0 after a request that was larger than that."""
    _credited_at: float = 0.0
    _began: float | None = None
    _accepted: int = 0
    _throttled: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_limited(self) -> bool:
        """Whether it holds back what a worker could send."""
        return self.rate < FULL_SPEED

    def reserve(self, statements: int) -> float:
        """0 if so many statements may be sent now; otherwise seconds after which to ask again."""
        with self._lock:
            now = clock()
            if self._began is None:
                self._began = now
            if self.rate == math.inf:
                return 0
            earned = (now - self._credited_at) * self.rate
            self._credit, self._credited_at = min(0.0, self._credit + earned), now
            if self._credit < 0:
                wait = -self._credit / self.rate
                return min(max(wait, _SHORTEST_SECONDS), _LONGEST_SECONDS)
            self._credit -= statements
            return 0

    def record(self, accepted: int, throttled: int) -> None:
        """Note the outcome of statements that were sent; adjust the rate when a window is over."""
        with self._lock:
            self._accepted += accepted
            self._throttled += throttled
            if self._began is None:
                return
            seconds = max(clock() - self._began, _SHORTEST_SECONDS)
            first = self.rate == math.inf and throttled > 0
            if seconds < WINDOW_SECONDS and not first:
                return
            sent = self._accepted + self._throttled
            if self._throttled:
                rate = min(self.rate, sent / seconds)
                self.rate = max(LOWEST, rate * self._accepted / sent) + STEP
            else:
                self.rate *= GROWTH ** min(seconds / WINDOW_SECONDS, 4)
            self._began, self._accepted, self._throttled = None, 0, 0

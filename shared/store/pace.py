"""Rate control of a worker per table: additive increase, multiplicative decrease (AIMD).

The workers of an import do not communicate. All of them see the same share of their statements
throttled, so they slow down by the same factor and speed up by the same step. Their rates converge
to equal rates whose sum is the table's capacity.
"""

import math
import threading
import time
from dataclasses import dataclass, field

WINDOW_SECONDS = 0.5
"""Seconds of sending between adjustments of the rate."""
STEP = 25.0
"""Statements per second that are added after a throttled window: one request of 25."""
GROWTH = 1.5
"""The factor by which a rate grows after a window without throttling."""
LOWEST = 25.0
"""The lowest rate in statements per second, so that every worker makes progress."""
FULL_SPEED = 50_000.0
"""A rate in statements per second that no worker reaches: it is no limit."""
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.01, 1.0


def clock() -> float:
    """Monotonic seconds; the fault laboratory replaces it by simulated time."""
    return time.monotonic()


@dataclass(eq=False)
class Pace:
    """The send rate of a worker to a table, shared by the worker's threads.

    It is unlimited until a statement is throttled. From then on, the rate of a window is the
    accepted rate of the previous window plus `STEP`, or `GROWTH` times the previous rate if
    nothing was throttled.
    """

    rate: float = math.inf
    _credit: float = 0.0
    """Statements that can be sent now; negative after a request that was larger."""
    _credited_at: float = 0.0
    _began: float | None = None
    _accepted: int = 0
    _throttled: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_limited(self) -> bool:
        """Whether the pace limits the worker."""
        return self.rate < FULL_SPEED

    def reserve(self, statements: int) -> float:
        """0 if so many statements can be sent now; otherwise the seconds to wait."""
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
        """Record the outcome of sent statements, and adjust the rate at the end of a window."""
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

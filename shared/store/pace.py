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
"""Statements a second that a window adds: one request of 25."""
LOWEST = 25.0
"""Statements a second below which a rate never falls, so that every worker goes on."""


def clock() -> float:
    """Seconds that only ever grow; the fault laboratory has time of its own."""
    return time.monotonic()


@dataclass(eq=False)
class Pace:
    """The send rate of one worker to one table, shared by its threads.

    Unlimited until something is throttled. Then the rate of each window is what was accepted in
    the one before, plus `STEP`.
    """

    rate: float = math.inf
    _next_free: float = 0.0
    _began: float | None = None
    _accepted: int = 0
    _throttled: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, statements: int) -> float:
        """Seconds to wait before so many statements may be sent."""
        with self._lock:
            now = clock()
            if self._began is None:
                self._began = now
            start = max(now, self._next_free)
            self._next_free = start + statements / self.rate
            return start - now

    def record(self, accepted: int, throttled: int) -> None:
        """Note the outcome of statements that were sent; adjust the rate when a window is over."""
        with self._lock:
            self._accepted += accepted
            self._throttled += throttled
            if self._began is None or clock() - self._began < WINDOW_SECONDS:
                return
            sent, seconds = self._accepted + self._throttled, clock() - self._began
            if self._throttled:
                rate = min(self.rate, sent / seconds)
                self.rate = max(LOWEST, rate * self._accepted / sent) + STEP
            else:
                self.rate += STEP
            self._began, self._accepted, self._throttled = None, 0, 0

"""Threads of an import worker run one at a time, and wait for responses at the same time.

CPython runs one thread at a time, but a thread gives up the interpreter lock at each system call
and at each hash of a request, and then waits up to 5 ms for a thread that computes. Here a thread
keeps its turn until it has to wait.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident


class Turns:
    """A reentrant lock; waiting threads get it in the order of their arrival."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._waiting: deque[tuple[int, Lock]] = deque()
        self._owner, self._depth = 0, 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Run while no other thread has the turn."""
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Wait for something without the turn; nothing happens in a thread that does not have it.

        The thread must have taken the turn once.
        """
        if self._owner != get_ident():
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def offer(self) -> None:
        """Let the threads that wait for the turn run first."""
        if self._waiting and self._owner == get_ident():
            self._give()
            self._take()

    def _take(self) -> None:
        me = get_ident()
        with self._mutex:
            if not self._depth or self._owner == me:
                self._owner, self._depth = me, self._depth + 1
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append((me, mine))
        mine.acquire()

    def _give(self) -> None:
        with self._mutex:
            self._depth -= 1
            if self._depth:
                return
            self._owner = 0
            if self._waiting:
                self._owner, lock = self._waiting.popleft()
                self._depth = 1
                lock.release()

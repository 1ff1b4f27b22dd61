"""Concurrent requests to DynamoDB from one thread.

With a thread per request, every response wakes a thread that then waits for the interpreter lock,
which costs more CPU than the request itself. Here one thread drives all requests.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any

from shared.store import signed_http
from shared.store.connections import ANSWER_SECONDS, Answer, Connections
from shared.store.pace import clock
from shared.store.signed_http import Exchange
from shared.store.turns import Turns

CONNECTIONS = 20
"""Requests in flight per sender; further requests wait for a connection."""


class Sender:
    """Runs exchanges on connections of its own, for one thread at a time. It must be closed."""

    def __init__(self, turns: Turns | None = None, most: int = CONNECTIONS) -> None:
        self._turns, self._most = turns or Turns(), most
        self._connections: Connections | None = None

    def run[R](self, exchange: Exchange[R]) -> R:
        """The result of one exchange."""
        (result,) = self.each(lambda it: it, (exchange,))
        return result

    def each[T, R](self, act: Callable[[T], Exchange[R]], work: Iterable[T]) -> Iterator[R]:
        """Run `act` for all of `work`, and yield the results in order.

        If one fails, exchanges that have not begun are dropped, and requests in flight are awaited.
        """
        if self._connections is not None:
            self._connections.poll(0)  # detect connections that were closed in the meantime
        started: deque[_Task] = deque()
        run = _Run(self._opened, self._turns, self._most)
        try:
            for part in work:
                started.append(run.start(act(part)))
                if run.is_full:
                    run.advance(wait=False)
                while len(started) >= 2 * self._most and not started[0].done:
                    run.advance(wait=True)
                while started and started[0].done:
                    yield started.popleft().result
            while started:
                while not started[0].done:
                    run.advance(wait=True)
                yield started.popleft().result
        finally:
            run.abandon(started)

    def close(self) -> None:
        if self._connections is not None:
            self._connections.close()
            self._connections = None

    def _opened(self) -> Connections:
        """The connections, created for the first request that no event handler answers."""
        if self._connections is None:
            line = signed_http.client()
            self._connections = Connections(line.name, line.port, line.certificates, self._turns)
        return self._connections


class _Task:
    """An exchange, its pending request, and its result."""

    __slots__ = ("done", "exchange", "request", "result")

    def __init__(self, exchange: Exchange[Any]) -> None:
        self.exchange = exchange
        self.request: tuple[str, bytes] = "", b""
        self.done = False
        self.result: Any = None


class _Run:
    """The tasks of a call of `each`: in flight, pausing, or waiting for a connection."""

    def __init__(self, connections: Callable[[], Connections], turns: Turns, most: int) -> None:
        self._connections, self._turns, self._most = connections, turns, most
        self._in_flight = 0
        self._answered: deque[tuple[_Task, Answer]] = deque()
        self._waiting: deque[_Task] = deque()
        self._asleep: list[tuple[float, int, _Task]] = []
        self._order = count()

    @property
    def is_full(self) -> bool:
        """Whether all connections have requests in flight."""
        return self._in_flight >= self._most

    def start(self, exchange: Exchange[Any]) -> _Task:
        task = _Task(exchange)
        self._resume(task, None)
        self._fill()
        return task

    def advance(self, *, wait: bool) -> None:
        """Resume the tasks that are ready; with `wait`, block until one is."""
        if not self._answered and self._in_flight:
            self._connections().poll(self._seconds_to_wait() if wait else 0)
        elif not self._answered and wait and self._asleep:
            with self._turns.released():
                time.sleep(self._seconds_to_wait())
            self._resume(heappop(self._asleep)[2], None)
        while self._answered:
            self._resume(*self._answered.popleft())
        while self._asleep and self._asleep[0][0] <= clock():
            self._resume(heappop(self._asleep)[2], None)
        self._fill()

    def _seconds_to_wait(self) -> float:
        """Seconds until the first pausing task is ready."""
        if not self._asleep:
            return ANSWER_SECONDS
        return max(0.0, self._asleep[0][0] - clock())

    def abandon(self, tasks: Iterable[_Task]) -> None:
        """Drop the tasks without a result, after waiting for the responses to their requests."""
        for task in tasks:
            task.exchange.close()
        self._waiting.clear()
        while self._in_flight:
            self._connections().poll(ANSWER_SECONDS)

    def _resume(self, task: _Task, answer: Answer | None) -> None:
        """Send a task its response, and run it to its next request, pause or result."""
        while True:
            try:
                step = task.exchange.send(answer)
            except StopIteration as end:
                task.done, task.result = True, end.value
                return
            if isinstance(step, float):
                heappush(self._asleep, (clock() + step, next(self._order), task))
                return
            answer = signed_http.heard(*step)
            if answer is None:
                task.request = step
                self._waiting.append(task)
                return

    def _fill(self) -> None:
        while self._waiting and self._in_flight < self._most:
            task = self._waiting.popleft()

            def receive(answer: Answer, task: _Task = task) -> None:
                self._in_flight -= 1
                self._answered.append((task, answer))

            self._in_flight += 1
            self._connections().post(signed_http.message(*task.request), receive)

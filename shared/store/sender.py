"""Many requests to DynamoDB at once, from one thread.

With one thread for each request, every answer wakes a thread that then waits for the interpreter's
lock, which costs more CPU than the request itself. Here one thread drives all of them.
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

CONNECTIONS = 12
"""Requests that one sender has in flight; the others wait for a connection."""


class Sender:
    """Runs exchanges with connections of its own, for one thread at a time. Close it in the end."""

    def __init__(self, most: int = CONNECTIONS) -> None:
        self._most = most
        self._connections: Connections | None = None

    def run[R](self, exchange: Exchange[R]) -> R:
        """The result of one exchange."""
        (result,) = self.each(lambda it: it, (exchange,))
        return result

    def each[T, R](self, act: Callable[[T], Exchange[R]], work: Iterable[T]) -> Iterator[R]:
        """Run `act` on all of `work`; yield the results in order, never far ahead of them.

        When one fails, those that have not begun are dropped, and requests in flight waited for.
        """
        if self._connections is not None:
            self._connections.poll(0)  # notice what was closed in the meantime
        started: deque[_Task] = deque()
        run = _Run(self._opened, self._most)
        try:
            for part in work:
                started.append(run.start(act(part)))
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
        """The connections, opened for the first request that no listener answers."""
        if self._connections is None:
            line = signed_http.client()
            self._connections = Connections(line.name, line.port, line.certificates)
        return self._connections


class _Task:
    """An exchange, the request that it waits for, and its result."""

    __slots__ = ("done", "exchange", "request", "result")

    def __init__(self, exchange: Exchange[Any]) -> None:
        self.exchange = exchange
        self.request: tuple[str, bytes] = "", b""
        self.done = False
        self.result: Any = None


class _Run:
    """The tasks of one call of `each`: in flight, asleep, or waiting for a connection."""

    def __init__(self, connections: Callable[[], Connections], most: int) -> None:
        self._connections, self._most = connections, most
        self._in_flight = 0
        self._answered: deque[tuple[_Task, Answer]] = deque()
        self._waiting: deque[_Task] = deque()
        self._asleep: list[tuple[float, int, _Task]] = []
        self._order = count()

    def start(self, exchange: Exchange[Any]) -> _Task:
        task = _Task(exchange)
        self._resume(task, None)
        self._fill()
        return task

    def advance(self, *, wait: bool) -> None:
        """Resume every task that can be; with `wait`, not before there is one."""
        if not self._answered and self._in_flight:
            self._connections().poll(self._seconds_to_wait() if wait else 0)
        elif not self._answered and wait and self._asleep:
            time.sleep(self._seconds_to_wait())
            self._resume(heappop(self._asleep)[2], None)
        while self._answered:
            self._resume(*self._answered.popleft())
        while self._asleep and self._asleep[0][0] <= clock():
            self._resume(heappop(self._asleep)[2], None)
        self._fill()

    def _seconds_to_wait(self) -> float:
        """Seconds until the first sleeping task has to go on."""
        if not self._asleep:
            return ANSWER_SECONDS
        return max(0.0, self._asleep[0][0] - clock())

    def abandon(self, tasks: Iterable[_Task]) -> None:
        """Drop tasks that have no result; wait for the answers of their requests."""
        for task in tasks:
            task.exchange.close()
        self._waiting.clear()
        while self._in_flight:
            self._connections().poll(ANSWER_SECONDS)

    def _resume(self, task: _Task, answer: Answer | None) -> None:
        """Give a task its answer, and let it go on to its next request, pause or result."""
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

"""A simulation in which actors run concurrently: the one with the earliest wake-up time is next.

Time passes only while actors sleep or wait for a response, so hours of waiting take seconds, and
threads of one process wait at the same time.
"""

import heapq
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from greenlet import getcurrent, greenlet

from tests.faults.world import BEGAN, Actor, World
from tests.wiretap import Killed

LATENCY = 0.008
"""Seconds from a request to its response."""
_POLL = 0.1


@dataclass
class Timeline(World):
    """Runs actors in the order of their wake-up times."""

    deadlines: dict[Actor, float] = field(default_factory=dict)
    """The time at which Lambda ends each invocation."""
    _wakes: list[tuple[float, int, Actor]] = field(default_factory=list)
    _order: Any = field(default_factory=count)

    def spawn(self, name: str, act: Callable[[], Any], **more: Any) -> Actor:
        actor = super().spawn(name, act, **more)
        self.wake(actor)
        return actor

    def thread(self, act: Callable[[], Any]) -> None:
        """Start a thread in the current actor's process."""
        actor = Actor("thread", memory=self.current.memory if self.current else {})
        if self.current in self.deadlines:
            self.deadlines[actor] = self.deadlines[self.current]

        def run() -> None:
            act()
            self.deadlines.pop(actor, None)

        actor.greenlet = greenlet(run)
        self.wake(actor)

    def wake(self, actor: Actor, seconds: float = 0) -> None:
        heapq.heappush(self._wakes, (self.time + seconds, next(self._order), actor))

    def run(self) -> None:
        while self._wakes:
            at, _, actor = heapq.heappop(self._wakes)
            self.time = max(self.time, at)
            self.elapsed = self.time - BEGAN
            self._resume(actor)
        waiting = [actor.name for actor in self.actors if not actor.done]
        assert not waiting, f"J2 {waiting} do not end"
        self.past += self.actors
        self.actors.clear()

    def wait(self) -> None:
        self.sleep(_POLL)

    def sleep(self, seconds: float) -> None:
        actor = self.current
        if actor is None or getcurrent() is not actor.greenlet:
            self.time += seconds
            self._set_clock()
            return
        self.wake(actor, seconds)
        self._switch(actor)

    def pass_time(self, seconds: float) -> None:
        self.sleep(seconds)

    def block(self, future: "Future[Any]") -> None:
        """Let the current actor wait for a future."""
        actor = self.current
        assert actor is not None, "only actors can wait"
        future.add_done_callback(lambda _: self.wake(actor))
        self._switch(actor)

    def take(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        self.calls += 1
        self.sleep(LATENCY)
        sent: Any = request.body
        body = orjson.loads(sent) if service == "dynamodb" else {}
        return self._served(service, operation, request, body)

    def _switch(self, actor: Actor) -> None:
        self._hub.switch()
        if self.time > self.deadlines.get(actor, self.time):
            raise Killed

"""A world whose actors work concurrently: the actor with the earliest wake-up time runs next.

Time passes only while actors sleep or wait for an answer, so hours of waiting take seconds, and
threads of one process wait side by side.
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
"""Seconds from a request to its answer."""
_POLL = 0.1


@dataclass
class Timeline(World):
    """The actors by the moment at which they go on."""

    deadlines: dict[Actor, float] = field(default_factory=dict)
    """When Lambda ends an invocation."""
    _wakes: list[tuple[float, int, Actor]] = field(default_factory=list)
    _order: Any = field(default_factory=count)

    def spawn(self, name: str, act: Callable[[], Any], **more: Any) -> Actor:
        actor = super().spawn(name, act, **more)
        self.wake(actor)
        return actor

    def thread(self, act: Callable[[], Any]) -> None:
        """A thread of the current actor's process."""
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
        assert not waiting, f"J2 {waiting} never come to an end"
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
        assert actor is not None, "outside of actors nobody waits"
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

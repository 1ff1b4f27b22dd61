"""A world of one thread: actors that take turns at every call of AWS, their time and their faults.

Everything follows from the seed: which actor runs next, what happens to a call, what time each
actor believes it is, and every random number that the product draws.
"""

import random
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from greenlet import getcurrent, greenlet

from tests.faults.dynamodb import Body, DynamoDB, Key, Write
from tests.faults.s3 import S3
from tests.faults.wire import Call, description, dynamodb_response, s3_response
from tests.wiretap import Killed

BEGAN = datetime(2026, 5, 4, 12, 0, tzinfo=UTC).timestamp()
_MOST_TURNS = 50_000


class FaultPlan(Protocol):
    """The faults of calls, and whether another actor goes first."""

    def fault(self, call: Call, /) -> str | None: ...

    def turns(self) -> bool: ...


class NoFaults:
    """No faults."""

    def fault(self, _: Call) -> str | None:
        return None

    def turns(self) -> bool:
        return False


@dataclass
class RandomFaults:
    """Random faults at any call, with these probabilities."""

    rng: random.Random
    faults: float
    switches: float
    kills_only: bool = False
    """Whether the only faults are killed processes."""

    def fault(self, call: Call) -> str | None:
        if self.rng.random() >= self.faults:
            return None
        if self.kills_only:
            return self.rng.choice(("killed before", "killed after"))
        own = call.own_faults
        return self.rng.choice(own if own and self.rng.random() < 0.5 else call.faults)

    def turns(self) -> bool:
        return self.rng.random() < self.switches


@dataclass
class FaultsAt:
    """Faults at the calls with these numbers only; `met` lists all calls."""

    at: dict[int, str]
    met: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def fault(self, call: Call) -> str | None:
        self.met.append((call.number, call.faults))
        return self.at.get(call.number)

    def turns(self) -> bool:
        return False


@dataclass(eq=False)
class Actor:
    """One execution of a handler, or an actor that waits for some; it may die at any call."""

    name: str
    company: str | None = None
    """Whose records it may touch; None for those who work for all."""
    skew: float = 0
    """How far its clock is wrong, in seconds."""
    result: Any = None
    error: BaseException | None = None
    done: bool = False
    dead: bool = False
    process: "Actor | None" = None
    """The actor whose thread it is: both die together."""
    dies_after: int | None = None
    """After so many calls it dies."""
    began: int = 0
    ended: int = 0
    """Numbers of the last call before each."""
    reads: dict[tuple[str, Key], int] = field(default_factory=dict)
    """When it last looked at a place."""
    memory: dict[str, Any] = field(default_factory=dict)
    greenlet: Any = None


@dataclass
class World:
    """The actors, the services that they call, and the time."""

    seed: int
    dynamodb: DynamoDB
    s3: S3
    fault_plan: FaultPlan = field(default_factory=NoFaults)
    time: float = BEGAN
    elapsed: float = 0
    """What a clock shows that nobody sets: the seconds of calls and of sleep."""
    calls: int = 0
    blackout: int = 0
    """The number of the call at which every process dies that there is."""
    injected: int = 0
    journal: list[str] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    past: list[Actor] = field(default_factory=list)
    watchers: list[Callable[[Actor | None, list[Write]], None]] = field(default_factory=list)
    services: dict[str, Callable[[str, AWSPreparedRequest], AWSResponse]] = field(
        default_factory=dict
    )
    """Lambda and Step Functions, which answer requests for an operation."""
    coordinates: Any = None
    current: Actor | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    rng: random.Random = field(init=False)
    secrets: random.Random = field(init=False)
    _hub: Any = None

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.secrets = random.Random(f"secrets {self.seed}")

    def spawn(
        self, name: str, act: Callable[[], Any], *, company: str | None = None, skew: float = 0
    ) -> Actor:
        """A new actor, who begins when it is first given a turn."""
        actor = Actor(name, company, skew)
        actor.greenlet = greenlet(lambda: self._play(actor, act))
        self.actors.append(actor)
        return actor

    def thread(self, act: Callable[[], Any]) -> None:
        """A new thread of the current actor's process."""
        owner = self.current
        assert owner is not None, "outside of actors there are no threads"
        actor = self.spawn(f"{owner.name} thread", act, company=owner.company, skew=owner.skew)
        actor.process = owner.process or owner
        actor.memory, actor.reads = owner.memory, owner.reads

    def run(self) -> None:
        """Gives turns until everybody is done."""
        for _ in range(_MOST_TURNS):
            waiting = [actor for actor in self.actors if not actor.done]
            if not waiting:
                self.past += self.actors
                self.actors.clear()
                return
            self._resume(self.rng.choice(waiting))
        raise AssertionError(f"J2 {[actor.name for actor in waiting]} never come to an end")

    def calm(self) -> None:
        """Lets everybody come to an end, and nothing fail from now on."""
        self.fault_plan, self.blackout = NoFaults(), 0
        self.run()
        self.say("— faults have stopped —")

    def alone(self, name: str, act: Callable[[], Any], *, company: str | None = None) -> Actor:
        """An actor that nobody interrupts, to its end."""
        actor = self.spawn(name, act, company=company)
        self.run()
        return actor

    def pause(self) -> None:
        """Let others go first, if the fault plan says so."""
        if self.current is not None and self.fault_plan.turns():
            self.wait()

    def wait(self) -> None:
        """Lets others go first; outside of actors there are none to wait for."""
        if self.current is not None and getcurrent() is self.current.greenlet:
            self._hub.switch()

    def block(self, future: Future[Any]) -> None:
        """Lets others go first until a future is done."""
        while not future.done():
            self.wait()

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` is here."""
        self.elapsed += seconds
        self.pass_time(seconds)
        self.wait()

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self._set_clock()

    def take(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        """A call of AWS: the last thing that botocore does before it would open a socket."""
        service, operation = event_name.split(".")[1:]
        self._still_alive()
        self.pause()
        self._still_alive()
        self.calls += 1
        self._age()
        if self.calls == self.blackout:
            self.say("— every process dies —")
            for actor in self.actors:
                actor.dead = True
            self._kill()
        call = Call(
            self.calls,
            service,
            operation,
            request,
            lambda body: self._served(service, operation, request, body),
            self.rng,
        )
        fault = self.fault_plan.fault(call)
        self.injected += fault is not None
        seconds = 0.004 + call.seconds(fault)
        self.elapsed += seconds
        self.pass_time(seconds)
        self._note(call, fault)
        if fault == "killed before":
            self._kill()
        if fault == "killed after":
            call.carried_out()
            self._kill()
        answer = call.meet(fault, lambda act: self._later(call, act))
        if answer.status_code >= 300:
            self.journal[-1] += f" → {description(answer)}"
        return answer

    def heard(self, writes: list[Write]) -> None:
        for watcher in self.watchers:
            watcher(self.current, writes)

    def seen(self, table: str, key: Key) -> None:
        if self.current is not None:
            self.current.reads[table, key] = self.calls

    def say(self, text: str) -> None:
        """A line of the journal."""
        self.journal.append(f"{self.calls:5} {text}")

    def _play(self, actor: Actor, act: Callable[[], Any]) -> None:
        actor.began = self.calls
        try:
            actor.result = act()
        except (Exception, Killed) as error:  # noqa: BLE001  # the result of the actor
            actor.error = error
        actor.done, actor.ended = True, self.calls
        status = getattr(actor.result, "status", "done")
        self.say(f"{actor.name}: {repr(actor.error) if actor.error else status}"[:160])

    def _resume(self, actor: Actor) -> None:
        before, self._hub, self.current = self.current, getcurrent(), actor
        actor.greenlet.parent = self._hub
        self._set_clock()
        actor.greenlet.switch()
        self.current = before
        self._set_clock()

    def _set_clock(self) -> None:
        skew = self.current.skew if self.current else 0
        self.coordinates.move_to(self.time + skew)

    def _age(self) -> None:
        if self.current is None or self.current.dies_after is None:
            return
        if self.current.dies_after == 0:
            self.say(f"— {self.current.name} dies —")
            self._kill()
        self.current.dies_after -= 1

    def _still_alive(self) -> None:
        if self.current is not None and self.current.dead:
            raise Killed

    def _kill(self) -> None:
        if self.current is not None:
            process = self.current.process or self.current
            for actor in (process, *self.actors):
                actor.dead |= actor is process or actor.process is process
        raise Killed

    def _later(self, call: Call, act: Callable[[], Any]) -> None:
        company = self.current.company if self.current else None
        self.spawn(f"late call {call.number}", act, company=company)

    def _served(
        self, service: str, operation: str, request: AWSPreparedRequest, body: Body
    ) -> AWSResponse:
        match service:
            case "dynamodb":
                return dynamodb_response(self.dynamodb, request, body)
            case "s3":
                return s3_response(self.s3, request)
        return self.services[service](operation, request)

    def _note(self, call: Call, fault: str | None) -> None:
        who = self.current.name if self.current else "nobody"
        met = f" — {fault}" if fault else ""
        self.say(f"{who}: {call.service} {call.operation}{met}")

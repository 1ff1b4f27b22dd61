"""The simulation: actors that take turns in one thread, their clocks and their faults.

Actors can switch at every call of AWS. The seed determines which actor runs next, the fault of each
call, the clock of each actor, and every random number that the product draws.
"""

import os
import random
import warnings
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
_MOST_TURNS = 10_000


class FaultPlan(Protocol):
    """Decides on the faults of calls and on switches between actors."""

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
class EveryFault:
    """Each distinct fault at each call, each in a process of its own, which is forked at the call.

    So what happens before the fault runs once, and not once per fault. A process injects as many
    faults as `depth` says, at most one per call. It ends early if the SDK repeats the call and
    nothing was applied: what follows is then what followed without the fault, but for the time.
    """

    depth: int = 1
    part: int = 0
    parts: int = 1
    """Of the faults of the first level, only every `parts`-th is injected, from `part` on."""
    injected: tuple[tuple[int, str], ...] = ()
    branches: int = 0
    """The number of faults that this process has forked for."""
    found: list[str] = field(default_factory=list)
    """The violations in the forked processes, each with its faults."""
    report: int | None = None
    """In a forked process, the file that its parent reads."""
    last: Call | None = None
    """The call with the last fault, if nothing was applied."""

    def fault(self, call: Call) -> str | None:
        if len(self.injected) == self.depth:
            if call.repeats(self.last):
                self.end([])
            return None
        for fault in call.distinct_faults:
            self.branches += 1
            if (self.injected or self.branches % self.parts == self.part) and self._fork():
                self.injected += ((call.number, fault),)
                self.branches = 0
                self.last = call if fault in call.unapplied else None
                return fault
        return None

    def turns(self) -> bool:
        return False

    def end(self, violations: list[str]) -> list[str]:
        """Return the violations of all processes; a forked process reports its own and ends."""
        found = self.found + [f"{self.injected}: {violation}" for violation in violations]
        if self.report is None:
            return found
        with os.fdopen(self.report, "w") as report:
            report.writelines(f"{line}\n" for line in found)
        os._exit(0)

    def _fork(self) -> bool:
        """Return whether this is the new process; its parent waits until it has ended."""
        read, write = os.pipe()
        child = _fork()
        if child == 0:
            os.close(read)
            self.report, self.found = write, []
            return True
        os.close(write)
        with os.fdopen(read) as report:
            self.found += report.read().splitlines()
        _, status = os.waitpid(child, 0)
        if status != 0:
            self.found.append(f"{self.injected}: a process ended with {status}")
        return False


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of pytest only wait
        return os.fork()


@dataclass(eq=False)
class Actor:
    """One execution of a handler, or a client that waits for some. It may die at any call."""

    name: str
    company: str | None = None
    """The company whose records it may access; None for all companies."""
    skew: float = 0
    """The error of its clock, in seconds."""
    result: Any = None
    error: BaseException | None = None
    done: bool = False
    dead: bool = False
    hurries: bool = False
    """Whether no other actor runs before its next calls."""
    process: "Actor | None" = None
    """The actor in whose process it is a thread; both die together."""
    dies_after: int | None = None
    """The number of calls after which it dies."""
    began: int = 0
    ended: int = 0
    """Numbers of the last call before its start and before its end."""
    reads: dict[tuple[str, Key], int] = field(default_factory=dict)
    """The number of its last read of each item."""
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
    """The monotonic clock: the seconds of calls and of sleep."""
    calls: int = 0
    blackout: int = 0
    """The number of the call at which all processes die."""
    injected: int = 0
    journal: list[str] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    past: list[Actor] = field(default_factory=list)
    watchers: list[Callable[[Actor | None, list[Write]], None]] = field(default_factory=list)
    services: dict[str, Callable[[str, AWSPreparedRequest], AWSResponse]] = field(
        default_factory=dict
    )
    """Lambda and Step Functions, which respond to requests for an operation."""
    coordinates: Any = None
    current: Actor | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    rng: random.Random = field(init=False)
    secrets: random.Random = field(init=False)
    _hub: Any = None
    _last_caller: Actor | None = None

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.secrets = random.Random(f"secrets {self.seed}")

    def spawn(
        self, name: str, act: Callable[[], Any], *, company: str | None = None, skew: float = 0
    ) -> Actor:
        """Create an actor, which starts at its first turn."""
        actor = Actor(name, company, skew)
        actor.greenlet = greenlet(lambda: self._play(actor, act))
        self.actors.append(actor)
        return actor

    def thread(self, act: Callable[[], Any]) -> None:
        """Start a thread in the current actor's process."""
        owner = self.current
        assert owner is not None, "outside of actors there are no threads"
        actor = self.spawn(f"{owner.name} thread", act, company=owner.company, skew=owner.skew)
        actor.process = owner.process or owner
        actor.memory, actor.reads = owner.memory, owner.reads

    def run(self) -> None:
        """Give turns until all actors are done; raises AssertionError (J2) if they do not end."""
        for _ in range(_MOST_TURNS):
            waiting = [actor for actor in self.actors if not actor.done]
            if not waiting:
                self.past += self.actors
                self.actors.clear()
                return
            self._resume(self.rng.choice(waiting))
        raise AssertionError(f"J2 {[actor.name for actor in waiting]} do not end")

    def calm(self) -> None:
        """Stop all faults, and run all actors to their end."""
        self.fault_plan, self.blackout = NoFaults(), 0
        self.run()
        self.say("— faults have stopped —")

    def alone(self, name: str, act: Callable[[], Any], *, company: str | None = None) -> Actor:
        """Run one actor to its end."""
        actor = self.spawn(name, act, company=company)
        self.run()
        return actor

    def pause(self) -> None:
        """Let other actors run first, if the fault plan decides so."""
        if self.current is not None and not self.current.hurries and self.fault_plan.turns():
            self.wait()

    def wait(self) -> None:
        """Let other actors run first; does nothing outside of actors."""
        if self.current is not None and getcurrent() is self.current.greenlet:
            self._hub.switch()

    def block(self, future: Future[Any]) -> None:
        """Let other actors run until a future is done."""
        while not future.done():
            self.wait()

    def sleep(self, seconds: float) -> None:
        """Replace `time.sleep`."""
        self.elapsed += seconds
        self.pass_time(seconds)
        self.wait()

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self._set_clock()

    def take(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        """Answer a call of AWS, in place of the socket that botocore would open."""
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
        caller = self.current and (self.current.process or self.current)
        call = Call(
            self.calls,
            service,
            operation,
            request,
            lambda body: self._served(service, operation, request, body),
            self.rng,
            goes_on=caller is not None and caller is self._last_caller,
        )
        self._last_caller = caller
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
        """Append a line to the journal."""
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

"""One history on our model and on another service: answer by answer, and the tables at the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from tests.models.answers import Answer
from tests.models.differences import Known, Seen, known_of
from tests.models.histories import History, Step
from tests.models.services import Model, Service

_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}
_WRITES |= {"BatchExecuteStatement"}
_PAGES = 30


@dataclass
class Result:
    """What comparisons found; `new` differences are the ones that no entry explains."""

    histories: int = 0
    requests: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """How often the model refused, by rule or code."""
    known: Counter[str] = field(default_factory=Counter)
    new: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.histories:,} histories, {self.requests:,} requests,"
            f" {sum(self.known.values()):,} answers differ for {len(self.known)} known reasons,"
            f" {len(self.new)} new differences"
        )


class Comparison:
    """Our model and another service."""

    def __init__(self, model: Model, other: Service, known: Sequence[Known]) -> None:
        self.model, self.other, self.known = model, other, known
        self.result = Result()
        self.last = Answer()

    def run(self, history: History) -> None:
        """Play a history on both; after a difference both go on from what the model holds."""
        self.model.load(history.contents())
        self.other.load(self.model.contents())
        self.result.histories += 1
        for number, step in enumerate(history.steps()):
            at = f"seed {history.seed}, step {number}"
            same = self._step(step, at)
            if step.operation not in _WRITES:
                continue
            if not same or not self._same_tables(step, at):
                self.other.load(self.model.contents())
        for name in self.model.tables:
            self._same_contents(name, None, f"seed {history.seed}, at the end")

    def _same_tables(self, step: Step, at: str) -> bool:
        """Whether the tables that a request names hold the same after it."""
        same, refused = True, bool(self.last.code)
        for name in self.model.tables:
            if name in str(step.body):
                same &= self._same_contents(name, step, at, refused)
        return same

    def _same_contents(self, name: str, step: Step | None, at: str, refused: bool = False) -> bool:
        """The whole of a table, as if it were the answer to a request."""
        mine, others = self.model.contents()[name], self.other.contents_of(name)
        body = {"TableName": name, "after": step and step.body, "refused": refused}
        expected = Answer(mine, rule=self.last.rule)
        return self._compare(Seen("contents", body, expected, Answer(others)), at)

    def _step(self, step: Step, at: str) -> bool:
        """Whether both answered the same, on every page of a walk."""
        body, same = step.body, True
        for _ in range(_PAGES if step.walk else 1):
            expected = self.last = self.model.answer(step.operation, body)
            got = self.other.answer(step.operation, body)
            same &= self._compare(Seen(step.operation, body, expected, got), at)
            if not (last := expected.body.get("LastEvaluatedKey")):
                break
            body = body | {"ExclusiveStartKey": last}
        return same

    def _compare(self, seen: Seen, at: str) -> bool:
        self.result.requests += seen.operation != "contents"
        if seen.expected.code:
            self.result.refusals[seen.expected.rule or seen.expected.code] += 1
        if seen.expected.same(seen.got):
            return True
        entry = known_of(self.known, seen)
        if entry is not None:
            self.result.known[entry.name] += 1
        else:
            self.result.new.append(f"{at}: {shown(seen)}")
        return False


def shown(seen: Seen) -> str:
    """A difference for a person."""
    body = orjson.dumps(seen.body).decode()
    return f"{seen.operation} {body[:1500]}\n  ours {seen.expected}\n  its  {seen.got}"


def compare(
    model: Model,
    other: Service,
    known: Sequence[Known],
    seeds: range,
    *,
    lacks: frozenset[str] = frozenset(),
) -> Result:
    """All the histories of some seeds."""
    comparison = Comparison(model, other, known)
    for seed in seeds:
        comparison.run(History(seed, model.tables, lacks))
    return comparison.result

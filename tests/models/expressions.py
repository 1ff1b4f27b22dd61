"""Random expressions: everything that the model's grammar has, and what the service must refuse."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.operands import reserved_words

type Value = dict[str, Any]

NAMES = ("note", "attempt", "phase", "unsettled", "enabled", "terms", "extra", "number", "state")
"""Attributes that are keys of nothing; the last two are words that some stores reserve."""
_STRINGS = ("", "a", "b", "ab", "é", "2026-05-04T12:00:00.000000Z", "~", "A", "\U0001f511")
_NUMBERS = ("0", "1", "-1", "2", "10", "1.0", "0.5", "100", "1e2", "-0", "007", "1E-3", "3.140")
_BAD_VALUES: tuple[Value, ...] = (
    {"N": "abc"},
    {"N": ""},
    {"N": "1" * 39},
    {"N": "1e126"},
    {"SS": []},
    {"SS": ["a", "a"]},
    {"S": "a", "N": "1"},
    {},
)
_RESERVED = ("size", "name", "status", "value", "user", "key")


def value(rng: random.Random) -> Value:
    """An attribute value that the service stores."""
    match rng.randrange(10):
        case 0 | 1 | 2:
            return {"S": rng.choice(_STRINGS)}
        case 3 | 4 | 5:
            return {"N": rng.choice(_NUMBERS)}
        case 6:
            return {"BOOL": rng.random() < 0.5}
        case 7:
            return rng.choice(({"NULL": True}, {"B": "YWJj"}, {"B": ""}, {"L": []}, {"M": {}}))
        case 8:
            return {"L": [value(rng) for _ in range(rng.randrange(3))]}
    return {"M": {name: value(rng) for name in rng.sample(("a", "b", "c"), rng.randrange(3))}}


def bad_value(rng: random.Random) -> Value:
    """A value that the service refuses."""
    return dict(rng.choice(_BAD_VALUES))


@dataclass
class Writer:
    """Writes expressions and collects what their placeholders stand for."""

    rng: random.Random
    keys: Sequence[str] = ()
    """Key attributes of the table, which conditions may name too."""
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """The members of a request that say what the placeholders stand for."""
        members: dict[str, Any] = {}
        if self.names:
            members["ExpressionAttributeNames"] = self.names
        if self.values:
            members["ExpressionAttributeValues"] = self.values
        return members

    def literal(self, held: Value) -> str:
        text = f":v{len(self.values)}"
        self.values[text] = held
        return text

    def name(self, name: str) -> str:
        """An attribute's name, by itself or as a placeholder."""
        if name.upper() not in reserved_words() and self.rng.random() < 0.7:
            return name
        placeholder = f"#n{sum(map(ord, name))}"
        self.names[placeholder] = name
        return placeholder

    def condition(self, depth: int = 2) -> str:
        """A condition; what it holds of is a matter of luck."""
        if depth and self.rng.random() < 0.4:
            joined = self.rng.choice(("AND", "OR"))
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return (
                f"({left}) {joined} ({right})"
                if "OR" in left + right
                else (f"{left} {joined} {right}")
            )
        return self._simple()

    def update(self) -> str:
        """SET, REMOVE, ADD and DELETE of different attributes."""
        rng = self.rng
        names = rng.sample(NAMES, rng.randint(1, 4))
        clauses: dict[str, list[str]] = {}
        for name in names:
            match rng.randrange(6):
                case 0 | 1 | 2:
                    clauses.setdefault("SET", []).append(
                        f"{self.name(name)} = {self.literal(value(rng))}"
                    )
                case 3:
                    unless = f"if_not_exists({self.name(name)}, {self.literal(value(rng))})"
                    clauses.setdefault("SET", []).append(f"{self.name(name)} = {unless}")
                case 4:
                    clauses.setdefault("REMOVE", []).append(self.name(name))
                case 5:
                    some = {"SS": rng.sample(("a", "b", "c"), k=2)}
                    amount = rng.choice(({"N": rng.choice(_NUMBERS)}, some))
                    action = rng.choice(("ADD", "DELETE"))
                    part = f"{self.name(name)} {self.literal(amount)}"
                    clauses.setdefault(action, []).append(part)
        return " ".join(f"{action} {', '.join(parts)}" for action, parts in clauses.items())

    def flaw(self, text: str) -> str:
        """The same expression with a mistake in it, or in what comes with it."""
        match self.rng.randrange(7):
            case 0:
                self.values[":unused"] = {"S": "x"}
            case 1:
                self.names["#unused"] = "unused"
            case 2:
                return f"{text} AND note = :undefined"
            case 3:
                return f"{text} AND #undefined = {self.literal({'S': 'x'})}"
            case 4:
                return f"{text} AND attribute_exists({self.rng.choice(_RESERVED)})"
            case 5:
                low, high = self.literal({"S": "b"}), self.literal({"S": "a"})
                return f"{text} AND note BETWEEN {low} AND {high}"
            case 6:
                return f"{text} AND note < {self.literal({'BOOL': True})}"
        return text

    def _simple(self) -> str:
        rng = self.rng
        name = self.name(rng.choice((*NAMES, *self.keys)))
        match rng.randrange(7):
            case 0:
                return f"attribute_exists({name})"
            case 1 | 2:
                return f"attribute_not_exists({name})"
            case 3:
                return f"begins_with({name}, {self.literal({'S': rng.choice(_STRINGS)})})"
            case 4:
                low, high = sorted(rng.choices(_STRINGS, k=2))
                return f"{name} BETWEEN {self.literal({'S': low})} AND {self.literal({'S': high})}"
            case 5:
                among = ", ".join(self.literal(value(rng)) for _ in range(rng.randint(1, 3)))
                return f"{name} IN ({among})"
        if rng.random() < 0.5:
            return f"{name} {rng.choice(('=', '<>'))} {self.literal(value(rng))}"
        operator = rng.choice(("<", "<=", ">", ">="))
        scalar = rng.choice(({"S": rng.choice(_STRINGS)}, {"N": rng.choice(_NUMBERS)}))
        return f"{name} {operator} {self.literal(scalar)}"

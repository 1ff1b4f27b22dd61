"""The grammar of DynamoDB's expressions: parses text into what `expressions` applies."""

import re
from collections.abc import Callable
from functools import cache, partial

from tests.faults.conditions import (
    BeginsWith,
    Between,
    Comparison,
    Condition,
    Exists,
    In,
    Joined,
)
from tests.faults.expressions import Change
from tests.faults.operands import Operand, Unmodelled
from tests.faults.rules import invalid

_TOKEN = re.compile(r"\s*(?:([:#]?[A-Za-z_][A-Za-z0-9_]*)|(<>|<=|>=|[=<>(),]))")
_ACTIONS = ("SET", "REMOVE", "ADD", "DELETE")


@cache
def condition_of(text: str) -> Condition:
    """A condition, or a key condition."""
    parser = _Parser(text)
    condition = parser.either()
    parser.end()
    return condition


@cache
def changes_of(text: str) -> tuple[Change, ...]:
    """The changes of an update."""
    return _Parser(text).changes()


@cache
def projection_of(text: str) -> tuple[Operand, ...]:
    """The attributes of a projection."""
    parser = _Parser(text)
    operands = tuple(parser.listed(parser.operand))
    parser.end()
    return operands


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)

    def end(self) -> None:
        if self.tokens:
            raise Unmodelled(self.text)

    def either(self) -> Condition:
        result = self._both()
        while self._next("OR"):
            result = Joined(result, self._both(), both=False)
        return result

    def changes(self) -> tuple[Change, ...]:
        found: list[Change] = []
        seen: set[str] = set()
        while self.tokens:
            action = self._take().upper()
            if action not in _ACTIONS:
                raise Unmodelled(self.text)
            if action in seen:
                raise invalid("update_section", action)
            seen.add(action)
            read = {"SET": self._set, "REMOVE": self._remove}.get(action)
            found += self.listed(read or partial(self._of_values, action))
        return tuple(found)

    def operand(self) -> Operand:
        word = self._take()
        if not re.match(r"[:#A-Za-z_]", word):
            raise Unmodelled(self.text)
        return Operand(word)

    def listed[T](self, read: Callable[[], T]) -> list[T]:
        listed = [read()]
        while self._next(","):
            listed.append(read())
        return listed

    def _both(self) -> Condition:
        result = self._one()
        while self._next("AND"):
            result = Joined(result, self._one(), both=True)
        return result

    def _one(self) -> Condition:
        if self._next("("):
            inner = self.either()
            self._expect(")")
            return inner
        for function in ("attribute_exists", "attribute_not_exists"):
            if self._next(function):
                (operand,) = self._arguments(1)
                return Exists(operand, wanted=function == "attribute_exists")
        if self._next("begins_with"):
            return BeginsWith(*self._arguments(2))
        return self._comparison(self.operand())

    def _comparison(self, left: Operand) -> Condition:
        operator = self._take().upper()
        if operator == "IN":
            self._expect("(")
            among = self.listed(self.operand)
            self._expect(")")
            return In(left, tuple(among))
        if operator == "BETWEEN":
            low = self.operand()
            self._expect("AND")
            return Between(left, low, self.operand())
        if operator not in ("=", "<>", "<", "<=", ">", ">="):
            raise Unmodelled(self.text)
        return Comparison(operator, left, self.operand())

    def _set(self) -> Change:
        target = self.operand()
        self._expect("=")
        if self._next("if_not_exists"):
            unless, otherwise = self._arguments(2)
            return Change("SET", target, otherwise, unless)
        return Change("SET", target, self.operand())

    def _remove(self) -> Change:
        return Change("REMOVE", self.operand())

    def _of_values(self, action: str) -> Change:
        target = self.operand()
        return Change(action, target, self.operand())

    def _arguments(self, count: int) -> list[Operand]:
        self._expect("(")
        arguments = self.listed(self.operand)
        self._expect(")")
        if len(arguments) != count:
            raise Unmodelled(self.text)
        return arguments

    def _take(self) -> str:
        if not self.tokens:
            raise Unmodelled(self.text)
        return self.tokens.pop(0)

    def _next(self, word: str) -> bool:
        if self.tokens and self.tokens[0].upper() == word.upper():
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._next(word):
            raise Unmodelled(self.text)


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unmodelled(text)
        tokens.append(found[1] or found[2])
        at = found.end()
    return tokens

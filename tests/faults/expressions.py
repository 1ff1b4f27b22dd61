"""DynamoDB's conditions, updates and key conditions, as far as the product writes them.

What it does not know it refuses loudly, so that the product cannot come to use an expression whose
meaning here is a guess.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

type Item = Mapping[str, dict[str, Any]]

_TOKEN = re.compile(r"\s*(?:([:#]?[A-Za-z_][A-Za-z0-9_]*)|(<>|<=|>=|[=<>(),]))")
_COMPARE = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Unmodelled(BaseException):
    """The product asked for something that the model does not have; no handler may catch it."""


@dataclass
class Expression:
    """One expression, read from left to right against one item (none: an empty one)."""

    text: str
    item: Item
    request: Mapping[str, Any]
    tokens: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = list(_tokens(self.text))

    def holds(self) -> bool:
        """The expression as a condition."""
        result = self._either()
        if self.tokens:
            raise Unmodelled(self.text)
        return result

    def updated(self) -> dict[str, dict[str, Any]]:
        """The item as an update makes it; all of its operands are read before anything changes."""
        after = dict(self.item)
        while self.tokens:
            match self._take().upper():
                case "SET":
                    after.update(self._listed(self._assignment))
                case "REMOVE":
                    for name in self._listed(self._name):
                        after.pop(name, None)
                case "ADD":
                    after.update(self._listed(self._addition))
                case _:
                    raise Unmodelled(self.text)
        return after

    def _either(self) -> bool:
        result = self._both()
        while self._next("OR"):
            right = self._both()
            result = result or right
        return result

    def _both(self) -> bool:
        result = self._one()
        while self._next("AND"):
            right = self._one()
            result = result and right
        return result

    def _one(self) -> bool:
        if self._next("("):
            inner = self._either()
            self._expect(")")
            return inner
        word = self._take()
        if word in ("attribute_exists", "attribute_not_exists", "begins_with"):
            self._expect("(")
            value = self._operand(self._take())
            if word == "begins_with":
                self._expect(",")
                start = self._operand(self._take())
                self._expect(")")
                return value is not None and start is not None and value["S"].startswith(start["S"])
            self._expect(")")
            return (value is not None) == (word == "attribute_exists")
        return self._comparison(self._operand(word), self._take())

    def _comparison(self, left: Any, operator: str) -> bool:
        if operator.upper() == "IN":
            self._expect("(")
            among = self._listed(lambda: self._operand(self._take()))
            self._expect(")")
            return any(_compared("=", left, each) for each in among)
        if operator.upper() == "BETWEEN":
            first = self._operand(self._take())
            self._expect("AND")
            last = self._operand(self._take())
            return _compared(">=", left, first) and _compared("<=", left, last)
        return _compared(operator, left, self._operand(self._take()))

    def _assignment(self) -> tuple[str, dict[str, Any]]:
        name = self._name()
        self._expect("=")
        if self._next("if_not_exists"):
            self._expect("(")
            value = self._operand(self._take())
            self._expect(",")
            otherwise = self._operand(self._take())
            self._expect(")")
            return name, value or otherwise
        return name, self._operand(self._take())

    def _addition(self) -> tuple[str, dict[str, Any]]:
        name = self._name()
        more = Decimal(self._operand(self._take())["N"])
        return name, {"N": str(Decimal(self.item.get(name, {"N": "0"})["N"]) + more)}

    def _name(self) -> str:
        word = self._take()
        return self.request["ExpressionAttributeNames"][word] if word[0] == "#" else word

    def _operand(self, word: str) -> Any:
        if word[0] == ":":
            return self.request["ExpressionAttributeValues"][word]
        return self.item.get(
            self.request["ExpressionAttributeNames"][word] if word[0] == "#" else word
        )

    def _listed[T](self, read: Callable[[], T]) -> list[T]:
        listed = [read()]
        while self._next(","):
            listed.append(read())
        return listed

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


@cache
def _tokens(text: str) -> tuple[str, ...]:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unmodelled(text)
        tokens.append(found[1] or found[2])
        at = found.end()
    return tuple(tokens)


def _compared(operator: str, left: Any, right: Any) -> bool:
    """Values of two types are different and neither is more; so is what is not there."""
    if operator not in _COMPARE:
        raise Unmodelled(operator)
    if left is None or right is None or left.keys() != right.keys():
        return operator == "<>"
    ((kind, a),), ((_, b),) = left.items(), right.items()
    if kind == "N":
        a, b = Decimal(a), Decimal(b)
    if kind not in ("N", "S", "B") and operator not in ("=", "<>"):
        return False
    if kind in ("L", "M"):
        a, b = _plain(left), _plain(right)
    held: bool = _COMPARE[operator](a, b)
    return held


def _plain(value: Any) -> Any:
    """A value in which two spellings of one number are the same."""
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return (kind, Decimal(held))
        case "L":
            return (kind, [_plain(part) for part in held])
        case "M":
            return (kind, {name: _plain(part) for name, part in held.items()})
    return (kind, held)

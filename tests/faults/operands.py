"""Operands of DynamoDB's expressions: attributes, placeholders, and how their values compare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.faults.attribute_values import Value, comparable
from tests.faults.rules import invalid

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
ORDERED = ("S", "N", "B")


class Unmodelled(BaseException):
    """The product used a feature that the model lacks; no handler may catch it."""


@cache
def reserved_words() -> frozenset[str]:
    """AWS's list of reserved words, as moto ships it."""
    return frozenset(ReservedKeywords.get_reserved_keywords())


@dataclass(frozen=True)
class Names:
    """The `#names` and `:values` that a request defines for its expressions."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    @classmethod
    def of(cls, part: Mapping[str, Any]) -> "Names":
        return cls(
            part.get("ExpressionAttributeNames", {}), part.get("ExpressionAttributeValues", {})
        )


@dataclass(frozen=True)
class Operand:
    """A `:value`, a `#name` or the name of an attribute."""

    text: str

    @property
    def is_value(self) -> bool:
        return self.text[0] == ":"

    def name(self, given: Names) -> str:
        return given.names[self.text] if self.text[0] == "#" else self.text

    def value(self, item: Mapping[str, Value], given: Names) -> Value | None:
        return given.values[self.text] if self.is_value else item.get(self.name(given))

    def literal(self, given: Names) -> Value | None:
        """Return its value if the request alone determines it, else None."""
        return given.values[self.text] if self.is_value else None

    def check(self, given: Names) -> None:
        """Raise Refusal for an undefined placeholder or a reserved word."""
        if self.is_value:
            if self.text not in given.values:
                raise invalid("value_undefined", self.text)
        elif self.text[0] == "#":
            if self.text not in given.names:
                raise invalid("name_undefined", self.text)
        elif self.text.upper() in reserved_words():
            raise invalid("reserved_word", self.text)


def compared(operator: str, left: Value | None, right: Value | None) -> bool:
    """Values of different types, and absent values, are unequal and have no order."""
    if left is None or right is None or left.keys() != right.keys():
        return operator == "<>"
    if next(iter(left)) not in ORDERED and operator not in ("=", "<>"):
        return False
    return _COMPARE[operator](comparable(left), comparable(right))


def check_distinct(first: Operand, rest: tuple[Operand, ...], given: Names) -> None:
    """Raise Refusal for an operator whose first operand is among the others."""
    if not first.is_value and any(
        first.name(given) == each.name(given) for each in rest if not each.is_value
    ):
        raise invalid("operand_twice", first.text)


def check_types(operands: tuple[Operand, ...], kinds: tuple[str, ...], given: Names) -> None:
    """Raise Refusal for values of types that an operator does not accept."""
    for operand in operands:
        literal = operand.literal(given)
        if literal is not None and next(iter(literal)) not in kinds:
            raise invalid("operand_type", literal)

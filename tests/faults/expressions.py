"""DynamoDB's conditions, updates and projections, as far as the product writes them.

An expression is parsed once, checked against each request that carries it, and then applied to an
item. The model does not know every expression: what it does not know raises `Unmodelled`, so that
the product cannot start to use an expression whose meaning here is a guess.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.faults.attribute_values import Item, Value, comparable, stored_number
from tests.faults.rules import invalid

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_ORDERED = ("S", "N", "B")


class Unmodelled(BaseException):
    """The product asked for something that the model does not have; no handler may catch it."""


@cache
def reserved_words() -> frozenset[str]:
    """AWS's list of reserved words, as moto ships it."""
    return frozenset(ReservedKeywords.get_reserved_keywords())


@dataclass(frozen=True)
class Names:
    """What a request says that `#names` and `:values` in its expressions are."""

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
        """Its value if that follows from the request alone."""
        return given.values[self.text] if self.is_value else None

    def check(self, given: Names) -> None:
        """Refuse a placeholder that stands for nothing, and a reserved word."""
        if self.is_value:
            if self.text not in given.values:
                raise invalid("value_undefined", self.text)
        elif self.text[0] == "#":
            if self.text not in given.names:
                raise invalid("name_undefined", self.text)
        elif self.text.upper() in reserved_words():
            raise invalid("reserved_word", self.text)


class Condition:
    """One node of a condition."""

    operands: tuple[Operand, ...] = ()

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        raise NotImplementedError

    def check(self, given: Names, /) -> None:
        """Refuse operands that the operator does not take, whatever the item is."""

    def nodes(self) -> Iterator["Condition"]:
        yield self


@dataclass(frozen=True)
class Comparison(Condition):
    operator: str
    left: Operand
    right: Operand

    @property
    def operands(self) -> tuple[Operand, ...]:  # type: ignore[override]  # made of its fields
        return self.left, self.right

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        return compared(self.operator, self.left.value(item, given), self.right.value(item, given))

    def check(self, given: Names) -> None:
        _distinct(self.left, (self.right,), given)
        if self.operator not in ("=", "<>"):
            _typed(self.operands, _ORDERED, given)


@dataclass(frozen=True)
class Between(Condition):
    operand: Operand
    low: Operand
    high: Operand

    @property
    def operands(self) -> tuple[Operand, ...]:  # type: ignore[override]  # made of its fields
        return self.operand, self.low, self.high

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        value = self.operand.value(item, given)
        return compared(">=", value, self.low.value(item, given)) and compared(
            "<=", value, self.high.value(item, given)
        )

    def check(self, given: Names) -> None:
        _typed(self.operands, _ORDERED, given)
        low, high = self.low.literal(given), self.high.literal(given)
        if low is None or high is None:
            return
        if low.keys() != high.keys():
            raise invalid("between_types")
        if not compared("<=", low, high):
            raise invalid("between_reversed", (low, high))


@dataclass(frozen=True)
class In(Condition):
    operand: Operand
    among: tuple[Operand, ...]

    @property
    def operands(self) -> tuple[Operand, ...]:  # type: ignore[override]  # made of its fields
        return self.operand, *self.among

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        value = self.operand.value(item, given)
        return any(compared("=", value, each.value(item, given)) for each in self.among)

    def check(self, given: Names) -> None:
        _distinct(self.operand, self.among, given)


@dataclass(frozen=True)
class BeginsWith(Condition):
    operand: Operand
    start: Operand

    @property
    def operands(self) -> tuple[Operand, ...]:  # type: ignore[override]  # made of its fields
        return self.operand, self.start

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        value, start = self.operand.value(item, given), self.start.value(item, given)
        if value is None or start is None or "S" not in value or "S" not in start:
            return False
        return str(value["S"]).startswith(start["S"])

    def check(self, given: Names) -> None:
        _distinct(self.operand, (self.start,), given)
        _typed(self.operands, ("S", "B"), given)


@dataclass(frozen=True)
class Exists(Condition):
    operand: Operand
    wanted: bool

    @property
    def operands(self) -> tuple[Operand, ...]:  # type: ignore[override]  # made of its field
        return (self.operand,)

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        return (self.operand.value(item, given) is not None) == self.wanted

    def check(self, _: Names, /) -> None:
        if self.operand.is_value:
            raise invalid("operand_type", "attribute_exists")


@dataclass(frozen=True)
class Joined(Condition):
    """Two conditions and `AND` or `OR` between them."""

    left: Condition
    right: Condition
    both: bool

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        left, right = self.left.holds(item, given), self.right.holds(item, given)
        return (left and right) if self.both else (left or right)

    def nodes(self) -> Iterator[Condition]:
        yield from self.left.nodes()
        yield from self.right.nodes()


@dataclass(frozen=True)
class Change:
    """One attribute that an update changes: SET, REMOVE or ADD."""

    action: str
    target: Operand
    operand: Operand | None = None
    unless: Operand | None = None
    """The first operand of if_not_exists."""

    @property
    def operands(self) -> tuple[Operand, ...]:
        return tuple(each for each in (self.target, self.operand, self.unless) if each)

    def check(self, given: Names) -> None:
        if self.target.is_value or (self.unless and self.unless.is_value):
            raise invalid("expression_syntax", self.target.text)
        if self.action == "ADD" and self.operand is not None:
            if not self.operand.is_value:
                raise invalid("expression_syntax", self.operand.text)
            _typed((self.operand,), ("N",), given)

    def value(self, item: Mapping[str, Value], given: Names) -> Value | None:
        """What the attribute becomes; None removes it."""
        if self.operand is None:
            return None
        if self.unless and (held := self.unless.value(item, given)):
            return held
        value = self.operand.value(item, given)
        if value is None:
            raise invalid("update_operand", self.operand.text)
        if self.action == "SET":
            return value
        before = item.get(self.target.name(given), {"N": "0"})
        if "N" not in before:
            raise invalid("update_type", self.target.text)
        return {"N": stored_number(str(Decimal(before["N"]) + Decimal(value["N"])))}


def check_expressions(
    given: Names,
    *,
    conditions: tuple[Condition, ...] = (),
    changes: tuple[Change, ...] = (),
    projected: tuple[Operand, ...] = (),
) -> None:
    """Refuse whatever is wrong in a request's expressions before any item is looked at."""
    nodes = [node for condition in conditions for node in condition.nodes()]
    used = [*(each for node in (*nodes, *changes) for each in node.operands), *projected]
    for operand in used:
        operand.check(given)
    for node in (*nodes, *changes):
        node.check(given)
    texts = {operand.text for operand in used}
    if given.values.keys() - texts:
        raise invalid("value_unused", sorted(given.values.keys() - texts))
    if given.names.keys() - texts:
        raise invalid("name_unused", sorted(given.names.keys() - texts))
    targets = [change.target.name(given) for change in changes]
    if len(set(targets)) < len(targets):
        raise invalid("update_overlap", targets)


def updated(changes: tuple[Change, ...], item: Mapping[str, Value], given: Names) -> Item:
    """The item as an update makes it; all operands are read before anything changes."""
    after = dict(item)
    for change, value in [(change, change.value(item, given)) for change in changes]:
        if value is None:
            after.pop(change.target.name(given), None)
        else:
            after[change.target.name(given)] = value
    return after


def compared(operator: str, left: Value | None, right: Value | None) -> bool:
    """Values of two types are different and neither is more; so is what is not there."""
    if left is None or right is None or left.keys() != right.keys():
        return operator == "<>"
    if next(iter(left)) not in _ORDERED and operator not in ("=", "<>"):
        return False
    return _COMPARE[operator](comparable(left), comparable(right))


def _distinct(first: Operand, rest: tuple[Operand, ...], given: Names) -> None:
    if not first.is_value and any(
        first.name(given) == each.name(given) for each in rest if not each.is_value
    ):
        raise invalid("operand_twice", first.text)


def _typed(operands: tuple[Operand, ...], kinds: tuple[str, ...], given: Names) -> None:
    for operand in operands:
        literal = operand.literal(given)
        if literal is not None and next(iter(literal)) not in kinds:
            raise invalid("operand_type", literal)

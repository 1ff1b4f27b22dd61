"""Conditions of DynamoDB, as a tree whose leaves are operators on operands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.faults.attribute_values import Value
from tests.faults.operands import ORDERED, Names, Operand, check_distinct, check_types, compared
from tests.faults.rules import invalid


class Condition:
    """One node of a condition."""

    operands: tuple[Operand, ...] = ()

    def holds(self, item: Mapping[str, Value], given: Names) -> bool:
        raise NotImplementedError

    def check(self, given: Names, /) -> None:
        """Raise Refusal for operands that the operator accepts for no item."""

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
        check_distinct(self.left, (self.right,), given)
        if self.operator not in ("=", "<>"):
            check_types(self.operands, ORDERED, given)


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
        check_types(self.operands, ORDERED, given)
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
        check_distinct(self.operand, self.among, given)


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
        check_distinct(self.operand, (self.start,), given)
        check_types(self.operands, ("S", "B"), given)


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

"""DynamoDB's conditions, updates and projections, as far as the product writes them.

An expression is parsed once, checked against each request that carries it, and then applied to an
item. An expression that the model does not know raises `Unmodelled`, so that the product cannot
use an expression whose meaning would be guessed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tests.faults.attribute_values import SETS, Item, Value, stored, stored_number
from tests.faults.conditions import Condition
from tests.faults.operands import Names, Operand, Unmodelled, check_types
from tests.faults.rules import invalid

__all__ = ["Change", "Names", "Unmodelled", "check_expressions", "updated"]


@dataclass(frozen=True)
class Change:
    """One attribute that an update changes: SET, REMOVE, ADD or DELETE."""

    action: str
    target: Operand
    operand: Operand | None = None
    unless: Operand | None = None
    """The attribute in the first operand of if_not_exists."""

    @property
    def operands(self) -> tuple[Operand, ...]:
        return tuple(each for each in (self.target, self.operand, self.unless) if each)

    def check(self, given: Names) -> None:
        if self.target.is_value or (self.unless and self.unless.is_value):
            raise invalid("expression_syntax", self.target.text)
        if self.action in ("ADD", "DELETE") and self.operand is not None:
            if not self.operand.is_value:
                raise invalid("expression_syntax", self.operand.text)
            kinds = ("N", *SETS) if self.action == "ADD" else tuple(SETS)
            check_types((self.operand,), kinds, given)

    def value(self, item: Mapping[str, Value], given: Names) -> Value | None:
        """Return the new value of the attribute; None removes it."""
        if self.operand is None:
            return None
        if self.unless and (held := self.unless.value(item, given)):
            return held
        value = self.operand.value(item, given)
        if value is None:
            raise invalid("update_operand", self.operand.text)
        if self.action == "SET":
            return value
        before: Value | None = item.get(self.target.name(given))
        ((kind, added),) = value.items()
        if before is not None and kind not in before:
            raise invalid("update_type", self.target.text)
        if kind == "N":
            number = before["N"] if before else "0"
            return {"N": stored_number(str(Decimal(number) + Decimal(added)))}
        old = before[kind] if before else []
        if self.action == "DELETE":
            left = [each for each in old if each not in stored(value)[kind]]
            return stored({kind: left}) if left else None
        return stored({kind: [*{*old, *stored(value)[kind]}]})


def check_expressions(
    given: Names,
    *,
    conditions: tuple[Condition, ...] = (),
    changes: tuple[Change, ...] = (),
    projected: tuple[Operand, ...] = (),
) -> None:
    """Raise Refusal for invalid expressions of a request, before any item is read."""
    parts: list[Condition | Change] = [each for tree in conditions for each in tree.nodes()]
    parts += changes
    used = [*(operand for part in parts for operand in part.operands), *projected]
    for operand in used:
        operand.check(given)
    for part in parts:
        part.check(given)
    texts = {operand.text for operand in used}
    if given.values.keys() - texts:
        raise invalid("value_unused", sorted(given.values.keys() - texts))
    if given.names.keys() - texts:
        raise invalid("name_unused", sorted(given.names.keys() - texts))
    targets = [change.target.name(given) for change in changes]
    if len(set(targets)) < len(targets):
        raise invalid("path_overlap", targets)


def updated(changes: tuple[Change, ...], item: Mapping[str, Value], given: Names) -> Item:
    """Return the updated item; all operands are read before anything changes."""
    after = dict(item)
    for change, value in [(change, change.value(item, given)) for change in changes]:
        if value is None:
            after.pop(change.target.name(given), None)
        else:
            after[change.target.name(given)] = value
    return after

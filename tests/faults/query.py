"""Query: the items of a page, in their order, and the key at which the next page starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.attribute_values import Item, Value, check_keys, stored_item
from tests.faults.conditions import BeginsWith, Between, Comparison, Condition
from tests.faults.expressions import check_expressions
from tests.faults.operands import Names
from tests.faults.parser import condition_of, projection_of
from tests.faults.rules import Refusal, invalid

PAGE = 40
"""Items per page. Real pages end at 1 MB; the reader must continue in both cases."""


@dataclass(frozen=True)
class Index:
    """A secondary index: its keys and projected attributes; `None` means all."""

    names: tuple[str, ...]
    holds: frozenset[str] | None


def check_query(body: Mapping[str, Any], names: tuple[str, ...], index: Index | None) -> None:
    """Raise Refusal for a query that is invalid for any content of the table."""
    if index is not None and body.get("ConsistentRead"):
        raise invalid("index_consistent")
    if body.get("Limit", 1) < 1:
        raise invalid("query_limit", body["Limit"])
    given = Names.of(body)
    stored_item(given.values)
    condition = condition_of(body["KeyConditionExpression"])
    projected = check_projection(body, conditions=(condition,))
    parts = _key_parts(condition, index.names if index else names, given)
    if index is not None and index.holds is not None:
        absent = projected - index.holds - {*index.names, *names}
        if absent:
            raise invalid("index_projection", sorted(absent))
    if "ExclusiveStartKey" in body:
        _check_start(body["ExclusiveStartKey"], parts, names, index, given)


def page_of(
    items: Iterable[Item], body: Mapping[str, Any], names: tuple[str, ...], index: Index | None
) -> tuple[list[Item], Item | None]:
    """The items of a page, and the key at which the next one starts."""
    order = _order(names, index)
    condition, given = condition_of(body["KeyConditionExpression"]), Names.of(body)
    forward = body.get("ScanIndexForward", True)
    chosen = [
        item
        for item in items
        if all(name in item for name in order) and condition.holds(item, given)
    ]
    chosen.sort(key=lambda item: _place(item, order), reverse=not forward)
    if start := body.get("ExclusiveStartKey"):
        first = _place(start, order)
        chosen = [
            item
            for item in chosen
            if (at := _place(item, order)) != first and (at > first) == forward
        ]
    page = chosen[: min(body.get("Limit", PAGE), PAGE)]
    # "If DynamoDB processes the number of items up to the limit while processing the results, it
    # stops the operation and returns the matching values up to that point, and a key in
    # LastEvaluatedKey": even where nothing comes after it.
    ended = len(page) < body.get("Limit", PAGE + 1) and len(page) == len(chosen)
    return page, None if ended or not page else {name: page[-1][name] for name in order}


def projected(
    item: Item, body: Mapping[str, Any], names: tuple[str, ...], index: Index | None
) -> Item:
    """Return the attributes of an item that the response has."""
    if index is not None and index.holds is not None:
        kept = index.holds | set(_order(names, index))
        item = {name: value for name, value in item.items() if name in kept}
    return wanted_of(item, body)


def check_projection(
    part: Mapping[str, Any], conditions: tuple[Condition, ...] = ()
) -> frozenset[str]:
    """Return the attributes that a read projects, empty for all; raises Refusal if invalid."""
    given = Names.of(part)
    wanted = projection_of(part["ProjectionExpression"]) if "ProjectionExpression" in part else ()
    check_expressions(given, conditions=conditions, projected=wanted)
    names = [operand.name(given) for operand in wanted]
    if len(set(names)) < len(names):
        raise invalid("path_overlap", names)
    return frozenset(names)


def wanted_of(item: Item, part: Mapping[str, Any]) -> Item:
    """The projected attributes of an item."""
    if "ProjectionExpression" not in part:
        return item
    given = Names.of(part)
    names = [operand.name(given) for operand in projection_of(part["ProjectionExpression"])]
    return {name: item[name] for name in names if name in item}


def _key_parts(condition: Condition, names: tuple[str, ...], given: Names) -> list[Condition]:
    """Return the one or two parts of a key condition; raises Refusal for any other condition."""
    parts = list(condition.nodes())
    if _has_or(condition):
        raise invalid("query_condition", "OR")
    found: dict[str, Condition] = {}
    for part in parts:
        if not isinstance(part, Comparison | Between | BeginsWith):
            raise invalid("query_condition", type(part).__name__)
        subject, *bounds = part.operands
        if subject.is_value or not all(bound.is_value for bound in bounds):
            raise invalid("query_condition", subject.text)
        if isinstance(part, Comparison) and part.operator == "<>":
            raise invalid("query_condition", "<>")
        name = subject.name(given)
        if name in found or name not in names:
            raise invalid("query_condition", name)
        found[name] = part
        for bound in bounds:
            check_keys({name: bound.literal(given) or {}}, (name,), required=True)
    first = found.get(names[0])
    if not isinstance(first, Comparison) or first.operator != "=":
        raise invalid("query_condition", names[0])
    return parts


def _has_or(condition: Condition) -> bool:
    both = getattr(condition, "both", None)
    if both is None:
        return False
    return not both or any(_has_or(getattr(condition, side)) for side in ("left", "right"))


def _check_start(
    start: Mapping[str, Value],
    parts: list[Condition],
    names: tuple[str, ...],
    index: Index | None,
    given: Names,
) -> None:
    order = _order(names, index)
    if start.keys() != set(order):
        raise invalid("start_key", sorted(start))
    try:
        for name in order:
            check_keys(stored_item(start), (name,), required=True)
    except Refusal:
        raise invalid("start_key") from None
    for part in parts:
        if not part.holds(start, given):
            raise invalid("start_key_outside", dict(start))


def _order(names: tuple[str, ...], index: Index | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(index.names if index else ()), *names)))


def _place(item: Mapping[str, Value], order: tuple[str, ...]) -> list[str]:
    return [item[name]["S"] for name in order]

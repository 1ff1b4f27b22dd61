"""JSON in records, normalized to the form in which DynamoDB returns it.

AWS, "Supported data types and naming rules in Amazon DynamoDB": numbers of 1E-130 to 9.99E+125 of
either sign, with up to 38 digits; attribute names of at least one character; 32 levels.
"""

from typing import Any

import orjson

from shared.strict_json import INTEGERS

# The record itself has some levels, and sums of numbers must fit too.
_SMALLEST, _LARGEST, _DEEPEST = 1e-128, 1e125, 20
_MOST_BYTES = 16_384


def stored_number(number: float) -> float:
    """The number as DynamoDB returns it: 1.0 and 1e0 become 1, and -0.0 becomes 0.

    AWS, "Supported data types in DynamoDB": "Leading and trailing zeroes are trimmed." So the first
    answer shows the same number as every later read.
    """
    if number.is_integer() and int(number) in INTEGERS:
        return int(number)
    return number


def small_number(number: float) -> float:
    """The number as DynamoDB returns it. Raises ValueError if DynamoDB can't store it."""
    if number and not _SMALLEST <= abs(number) <= _LARGEST:
        raise ValueError("must be 0 or a number between 1e-128 and 1e125, of either sign")
    return stored_number(number)


def _storable(value: Any, depth: int = 0) -> Any:
    """A JSON value as DynamoDB returns it; refuse numbers out of range, empty names, deep nesting.

    AWS: numbers of 1E-130 to 9.99E+125, attribute names of at least one character, 32 levels.
    """
    if depth > _DEEPEST:
        raise ValueError(f"must be nested at most {_DEEPEST} levels deep")
    match value:
        case dict():
            if "" in value:
                raise ValueError("must not have an empty name")
            return {name: _storable(part, depth + 1) for name, part in value.items()}
        case list() | tuple():
            return [_storable(part, depth + 1) for part in value]
        case float():
            return small_number(value)
    return value


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. Python's `==` treats `true` and 1 as equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[n], other[n]) for n in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_json, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def small_json(value: dict[str, Any]) -> dict[str, Any]:
    """An object as DynamoDB returns it. Raises ValueError if DynamoDB can't store it."""
    storable: dict[str, Any] = _storable(value)
    try:
        size = len(orjson.dumps(storable))
    except (TypeError, orjson.JSONEncodeError):
        raise ValueError(
            "must hold only strings, 64-bit numbers, booleans, lists, objects"
        ) from None
    if size > _MOST_BYTES:
        raise ValueError(f"must be at most {_MOST_BYTES} bytes of JSON; it is {size}")
    return storable

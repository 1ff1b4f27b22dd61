"""Attribute values as DynamoDB validates, stores and measures them."""

import re
from base64 import b64decode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.faults.rules import invalid

type Value = dict[str, Any]
type Item = dict[str, Value]

ITEM_BYTES = 400 * 1024
PARTITION_KEY_BYTES, SORT_KEY_BYTES = 2048, 1024
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DIGITS, _LARGEST, _SMALLEST = 38, 125, -130
SETS = {"SS": "S", "NS": "N", "BS": "B"}


def stored_item(item: Mapping[str, Value]) -> Item:
    """Return the item as DynamoDB stores it; raises Refusal for an invalid value."""
    return {name: stored(value) for name, value in item.items()}


def stored(value: Value) -> Value:
    """Return a value as stored: "Leading and trailing zeroes are trimmed", sets are sorted."""
    if len(value) != 1:
        raise invalid("value_type", value)
    ((kind, held),) = value.items()
    match kind:
        case "S" if isinstance(held, str):
            return value
        case "N":
            return {"N": stored_number(held)}
        case "B" if isinstance(held, str):
            return value
        case "BOOL" if isinstance(held, bool):
            return value
        case "NULL" if held is True:
            return value
        case "L" if isinstance(held, list):
            return {"L": [stored(part) for part in held]}
        case "M" if isinstance(held, dict):
            return {"M": stored_item(held)}
        case "SS" | "NS" | "BS" if isinstance(held, list):
            return {kind: _stored_set(SETS[kind], held)}
    raise invalid("value_type", value)


def stored_number(text: Any) -> str:
    """Return a number as stored: the shortest digits, without an exponent."""
    if not isinstance(text, str):
        raise invalid("value_type", text)
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS and text[0] != "0":
        return text
    if not _NUMBER.fullmatch(text):
        raise invalid("number_format", text)
    number = Decimal(text)
    if not number:
        return "0"
    digits = str(abs(int(Decimal((0, number.as_tuple().digits, 0))))).rstrip("0")
    if len(digits) > _DIGITS:
        raise invalid("number_digits", text)
    if not _SMALLEST <= number.adjusted() <= _LARGEST:
        raise invalid("number_range", text)
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def item_bytes(item: Mapping[str, Value]) -> int:
    """Return the sum of the sizes of the item's attribute names and values."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: Value) -> int:
    """Return the size of a value (Developer Guide, "Item sizes and formats")."""
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return _number_bytes(held)
        case "B":
            return len(held) * 3 // 4
        case "L":
            return 3 + sum(1 + value_bytes(part) for part in held)
        case "M":
            return 3 + len(held) + item_bytes(held)
        case "SS" | "NS" | "BS":
            return sum(value_bytes({SETS[kind]: part}) for part in held)
    return 1


def check_size(item: Mapping[str, Value]) -> None:
    """Raise Refusal for an item above 400 KB."""
    if item_bytes(item) > ITEM_BYTES:
        raise invalid("item_size", item_bytes(item))


def check_keys(item: Mapping[str, Value], names: tuple[str, ...], *, required: bool) -> None:
    """Raise Refusal for key attributes that are missing, of another type, empty or too long.

    All keys of the product are strings. The keys of an index may be missing.
    """
    for name, most in zip(names, (PARTITION_KEY_BYTES, SORT_KEY_BYTES), strict=False):
        value = item.get(name)
        if value is None:
            if required:
                raise invalid("key_missing", name)
            continue
        if "S" not in value:
            raise invalid("key_type", name)
        if not value["S"]:
            raise invalid("key_empty", name)
        if len(value["S"].encode()) > most:
            raise invalid("key_size", name)


def comparable(value: Value) -> Any:
    """Return a value normalized for comparison: numbers are equal in any notation."""
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return Decimal(held)
        case "L":
            return [(*part, comparable(part)) for part in held]
        case "M":
            return {name: (*part, comparable(part)) for name, part in held.items()}
        case "NS":
            return {Decimal(part) for part in held}
        case "SS" | "BS":
            return set(held)
    return held


def _stored_set(kind: str, held: list[Any]) -> list[str]:
    if not held:
        raise invalid("set_empty")
    parts = [stored({kind: part})[kind] for part in held]
    if len(set(parts)) < len(parts):
        raise invalid("set_duplicate", parts)
    return sorted(parts)


def _number_bytes(text: str) -> int:
    """Return one byte per two significant digits, plus one."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def structure_of(item: Item) -> Item:
    """Return an item as botocore does: binary values are bytes, which are Base64 on the wire."""
    return {name: attribute_of(value) for name, value in item.items()}


def attribute_of(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value as botocore does."""
    ((kind, part),) = value.items()
    match kind:
        case "M":
            return {"M": {name: attribute_of(each) for name, each in part.items()}}
        case "L":
            return {"L": [attribute_of(each) for each in part]}
        case "B":
            return {"B": b64decode(part)}
        case "S" | "N" | "BOOL" | "NULL" | "SS":
            return value
    raise AssertionError(f"nothing here stores a {kind}")

"""Compare a row of a file with the existing record that has its key.

A record of another row of the same file is compared in all columns. A record of another origin is
compared only in the cells that the row fills.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic import BaseModel

from shared.columns import KINDS, CustomerRow, FeatureRow
from shared.row_entries import CustomerEntry, FeatureEntry, LicenseEntry, fault_of
from shared.stored_json import same_json
from shared.terms import FEATURE_SYSTEM, FEATURE_TERMS, SYSTEM

MOST_WARNINGS = 10
"""Warnings per row; the last one says how many more there are."""
_NAMED = 3
"""Columns that the fault of a duplicate names."""
_SHOWN, _QUOTED = 200, 40
"""Characters of a value: by itself, and in a message."""
_OWN_ORDER = re.compile(r"import-[0-9]+-([0-9]+) \1")
"""The id of an order without an `order__store_id`, and the row that created it."""
_DEFAULTS: Mapping[str, Any] = {**SYSTEM, "enabled": True, "is_trial": False, "metadata": {}}
_TERMS = tuple(
    (column, field, "product_code" if field == "short_code" else field)
    for column, field in KINDS["licenses"].parts["terms"].columns.items()
)
_FEATURE_COLUMNS = (*FEATURE_TERMS, "expiry_date", "total_consumptions")


class Difference(NamedTuple):
    """A column in which a row and a record differ, with both values."""

    column: str
    wanted: Any
    there: Any


class Holder(NamedTuple):
    """The record with the key of a row; `row` is the row of this job that created it, or None."""

    row: int | None
    record: Mapping[str, Any]
    customer: Mapping[str, Any] | None = None


def license_differences(entry: LicenseEntry, holder: Holder) -> list[Difference]:
    """The differences between a row and the license with its key."""
    ours, record = holder.row is not None, holder.record
    found = []
    for column, field, name in _TERMS:
        if not ours and getattr(entry.terms, field) is None:
            continue
        wanted, there = getattr(entry.model, name), record.get(name)
        if wanted != there or isinstance(wanted, dict):
            found += difference(column, wanted, there, _DEFAULTS.get(name))
    for name in ("subscription_id", "note"):
        wanted = getattr(entry, name)
        if ours or wanted is not None:
            found += difference(f"license__{name}", wanted, record.get(name))
    if ours or entry.order.store_id is not None:
        there = record.get("order_store_id")
        if entry.order.store_id is None and _OWN_ORDER.fullmatch(f"{there} {holder.row}"):
            there = None
        found += difference("order__store_id", entry.order.store_id, there)
    if entry.customer is not None or (ours and holder.customer is not None):
        found += _of_customer(entry.customer, holder.customer or {}, "customer__", ours=ours)
    return found


def customer_differences(row: CustomerRow, holder: Holder, prefix: str = "") -> list[Difference]:
    """The differences between the customer columns of a row and the existing customer."""
    return _fields(row, holder.record, prefix, ours=holder.row is not None)


def feature_differences(
    entry: FeatureEntry, wanted: Mapping[str, Any], holder: Holder
) -> list[Difference]:
    """The differences between a row and the feature that its license already has."""
    stated = entry.request.model_fields_set
    return [
        each
        for name in _FEATURE_COLUMNS
        if name in FeatureRow.model_fields and (holder.row is not None or name in stated)
        for each in difference(
            name, wanted.get(name), holder.record.get(name), FEATURE_SYSTEM.get(name)
        )
    ]


def _duplicate_fault(
    column: str, what: str, value: str, row: int, differences: Iterable[Difference]
) -> dict[str, Any]:
    named = [
        f"{each.column} {_quoted(each.there, each.wanted)} instead of"
        f" {_quoted(each.wanted, each.there)}"
        for each in differences
    ]
    more = [f"{len(named) - _NAMED} more"] if len(named) > _NAMED else []
    there = ": " + ", ".join([*named[:_NAMED], *more]) if named else ""
    return {
        "column": column,
        "field": column.rpartition("__")[2],
        "code": "duplicate_in_file",
        "message": f"row {row} of this file has the same {what} with other values{there}",
        "value": value,
    }


def repeated_fault(
    entry: LicenseEntry | CustomerEntry | FeatureEntry,
    row: int,
    differences: Iterable[Difference] = (),
) -> dict[str, Any]:
    """The fault `duplicate_in_file`; `row` is the row with the same key."""
    return _duplicate_fault(*_named(entry), row, differences)


def _named(entry: LicenseEntry | CustomerEntry | FeatureEntry) -> tuple[str, str, str]:
    """The column that names the record of a row, what it has, and its value."""
    match entry:
        case LicenseEntry():
            return "license__license_key", "license key", entry.key
        case CustomerEntry(customer=customer):
            if customer.email or not customer.reference:
                return "email", "e-mail", customer.email or ""
            return "reference", "reference", customer.reference
        case FeatureEntry():
            return "code", "license key and code", entry.request.code


def existing_fault(entry: LicenseEntry | CustomerEntry | FeatureEntry) -> dict[str, Any]:
    """The fault of a row whose record exists, where only new records may be created."""
    column, what, value = _named(entry)
    message = f"a record with this {what} exists, and the import refuses existing records"
    return fault_of(column, column.rpartition("__")[2], "already_exists", message, value)


def missing_fault(entry: LicenseEntry | CustomerEntry | FeatureEntry) -> dict[str, Any]:
    """The fault of a row whose record does not exist, where none may be created."""
    column, what, value = _named(entry)
    message = f"there is no record with this {what}, and the import creates none"
    return fault_of(column, column.rpartition("__")[2], "no_such_record", message, value)


def existing_warnings(what: str, differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """The warnings about a row whose record exists with other values."""
    return [
        {
            "column": each.column,
            "code": "differs_from_existing",
            "message": f"the existing {what} has {_quoted(each.there, each.wanted)}, which stays",
            "value": _excerpt(each.wanted, each.there),
        }
        for each in differences
    ]


def limited(warnings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Limit the warnings of a row to `MOST_WARNINGS`."""
    if len(warnings) <= MOST_WARNINGS:
        return warnings
    kept, more = warnings[: MOST_WARNINGS - 1], len(warnings) - MOST_WARNINGS + 1
    message = f"{more} more columns of this row have warnings"
    last = {"column": None, "code": warnings[-1]["code"], "message": message, "value": None}
    return [*kept, last]


def content_digest(entry: LicenseEntry | CustomerEntry | FeatureEntry) -> int:
    """A digest that is equal for equivalent rows, to compare rows of different batches."""
    match entry:
        case LicenseEntry():
            customer: Any = entry.customer
            if customer is not None:
                customer = customer.email or sorted(_given(customer).items())
            model = [_ordered(getattr(entry.model, name)) for _, _, name in _TERMS]
            content: Any = (
                model,
                entry.subscription_id,
                entry.note,
                entry.order.store_id,
                customer,
            )
        case CustomerEntry():
            content = sorted(_given(entry.customer).items())
        case FeatureEntry():
            content = sorted(_given(entry.request).items())
    text = unicodedata.normalize("NFC", repr(content))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


def cells_digest(entry: LicenseEntry | CustomerEntry | FeatureEntry) -> int:
    """A digest that is equal for rows that ask for the same update.

    A blank cell and a default value differ here: the one keeps the record's value.
    """
    match entry:
        case LicenseEntry():
            content: Any = (
                _cells(entry.terms),
                entry.subscription_id,
                entry.note,
                entry.order.store_id,
                None if entry.customer is None else entry.customer.email or _cells(entry.customer),
            )
        case CustomerEntry():
            content = _cells(entry.customer)
        case FeatureEntry():
            content = _cells(entry.request)
    text = unicodedata.normalize("NFC", repr(content))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


def _cells(model: BaseModel) -> list[tuple[str, Any]]:
    return [(name, _ordered(getattr(model, name))) for name in sorted(model.model_fields_set)]


def _ordered(value: Any) -> Any:
    """A JSON value as text that does not depend on the order of names."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _of_customer(
    row: CustomerRow | None, there: Mapping[str, Any], prefix: str, *, ours: bool
) -> list[Difference]:
    """The differences of the customer; an e-mail alone identifies a customer."""
    email = row.email if row is not None else None
    if email is not None or (ours and there.get("email") is not None):
        return difference(f"{prefix}email", email, there.get("email"))
    return _fields(row or CustomerRow(), there, prefix, ours=ours)


def _fields(
    row: CustomerRow, there: Mapping[str, Any], prefix: str, *, ours: bool
) -> list[Difference]:
    return [
        each
        for name in CustomerRow.model_fields
        if ours or getattr(row, name) is not None
        for each in difference(f"{prefix}{name}", getattr(row, name), there.get(name))
    ]


def _given(model: BaseModel) -> dict[str, Any]:
    return {name: value for name in type(model).model_fields if (value := getattr(model, name))}


def difference(column: str, wanted: Any, there: Any, default: Any = None) -> list[Difference]:
    """The difference of two values, or nothing; None is `default`."""
    mine, other = (default if value is None else value for value in (wanted, there))
    if isinstance(mine, dict) or _text(mine) != _text(other):
        return [] if same_json(mine, other) else [Difference(column, mine, other)]
    return []


def _quoted(value: Any, other: Any) -> str:
    return "no value" if value in (None, "") else repr(_excerpt(value, other, _QUOTED))


def _excerpt(value: Any, other: Any, most: int = _SHOWN) -> str:
    """At most `most` characters of a value, with the first that differs from the other value."""
    text, pairs = _text(value), zip(_text(value), _text(other), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return text[:most] if same < most else f"…{text[same - 20 :][: most - 1]}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = (
        json.dumps(value, ensure_ascii=False, default=str)
        if isinstance(value, dict)
        else str(value)
    )
    return unicodedata.normalize("NFC", text)

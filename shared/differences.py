"""Compare a row of a file with the existing record that has its key.

A record of another row of the same file is compared in all columns. A record of another origin is
compared only in the cells that the row fills.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from pydantic import BaseModel

from shared.columns import BUNDLE_KEY, KINDS, CustomerRow, FeatureRow
from shared.licenses import FeatureRequest, License, LicenseUserRef, user_text, users_text
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
DEFAULTS: Mapping[str, Any] = {**SYSTEM, "enabled": True, "is_trial": False, "metadata": {}}
"""The values of a license's fields that are not stored."""
PART_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "order__": {"type": "normal", "is_test": False, "is_trial": False, "metadata": {}},
    "customer__": {"metadata": {}},
}
"""The same of orders and customers, by the prefix of their columns."""
_GRANT_DEFAULTS: Mapping[str, Any] = {**FEATURE_SYSTEM, "metadata": {}}
_FIELDS = tuple(
    (column, field, "product_code" if field == "short_code" else field)
    for column, field in KINDS["licenses"].parts["terms"].columns.items()
)
_LISTS = frozenset({"product_features", "custom_fields"})
_FEATURE_COLUMNS = (*FEATURE_TERMS, "expiry_date", "total_consumptions")


_REMEMBERED = 100
_MODELS: dict[int, tuple[License, str]] = {}
"""Models by id, which are kept alive so that no other model has their id, and their texts."""


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
    for column, field, name in _FIELDS:
        requested = getattr(entry.terms, field)
        if not ours and requested is None:
            continue
        wanted, there = getattr(entry.model, name), record.get(name)
        if field in _LISTS:
            if wanted or there:
                found += _of_list(column, wanted if ours else requested, there or (), ours=ours)
        elif wanted != there or isinstance(wanted, dict):
            found += difference(column, wanted, there, DEFAULTS.get(name))
    if entry.users:
        there = map(LicenseUserRef.model_validate, record.get("license_users", ()))
        found += difference("license__users", users_text(entry.users), users_text(there))
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
            if entry.users:
                emails = ";".join(map(user_text, entry.users))
                return "license__users", "order, product and users", emails[:_SHOWN]
            if entry.bundle_key:
                return BUNDLE_KEY, "license key and product", entry.bundle_key
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
            content: Any = (
                _model_text(entry.model),
                entry.subscription_id,
                entry.note,
                entry.order.store_id,
                customer,
                users_text(entry.users),
            )
        case CustomerEntry():
            content = sorted(_given(entry.customer).items())
        case FeatureEntry():
            content = sorted(_given(entry.request).items())
    text = unicodedata.normalize("NFC", repr(content))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


def _model_text(model: License) -> str:
    """The fields of a model as text. It is cached, because rows with equal terms share models."""
    known = _MODELS.get(id(model))
    if known is None or known[0] is not model:
        text = repr([_ordered(getattr(model, name)) for _, _, name in _FIELDS])
        if len(_MODELS) >= _REMEMBERED:
            _MODELS.clear()
        known = _MODELS[id(model)] = model, text
    return known[1]


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
                users_text(entry.users),
            )
        case CustomerEntry():
            content = _cells(entry.customer)
        case FeatureEntry():
            content = _cells(entry.request)
    text = unicodedata.normalize("NFC", repr(content))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


def features_differ(
    wanted: Iterable[str | FeatureRequest], there: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether a license has other features than a row names, or other values of named terms."""
    stored = {each["code"]: each for each in there}
    named = {each if isinstance(each, str) else each.code: each for each in wanted}
    return named.keys() != stored.keys() or any(
        difference(name, value, stored[code].get(name), _GRANT_DEFAULTS.get(name))
        for code, each in named.items()
        if isinstance(each, FeatureRequest)
        for name in each.model_fields_set
        for value in [getattr(each, name)]
    )


def same_custom_fields(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two lists of custom fields, each as models or as stored, are equal as JSON."""
    return same_json(*([*map(_json_of, fields)] for fields in (one, other)))


def _of_list(
    column: str, wanted: Sequence[Any], there: Sequence[Any], *, ours: bool
) -> list[Difference]:
    """The difference of features or custom fields, which the record has as models or as stored."""
    if column == "license__custom_fields":
        same = same_custom_fields(wanted, there)
    elif ours:
        grants = ({each["code"]: each for each in map(_json_of, of)} for of in (wanted, there))
        same = same_json(*grants)
    else:
        same = not features_differ(wanted, there)
    return [] if same else [Difference(column, *map(_list_text, (wanted, there)))]


def _json_of(entry: Any) -> Any:
    """An entry of a list of features or custom fields as JSON, without defaults and provenance."""
    if isinstance(entry, FeatureRequest):
        return entry.model_dump(mode="json", exclude_unset=True)
    if isinstance(entry, BaseModel):
        entry = entry.model_dump(mode="json", exclude_defaults=True)
    if isinstance(entry, Mapping):
        unnamed = {"made_by", "applied_rows"}
        return {n: v for n, v in entry.items() if n not in unnamed and v not in (None, {}, [])}
    return entry


def _list_text(entries: Iterable[Any]) -> str:
    return json.dumps([*map(_json_of, entries)], sort_keys=True, ensure_ascii=False)


def _cells(model: BaseModel) -> list[tuple[str, Any]]:
    return [(name, _ordered(getattr(model, name))) for name in sorted(model.model_fields_set)]


def _ordered(value: Any) -> Any:
    """A JSON value as text that does not depend on the order of names."""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return _list_text(value) if value and isinstance(value, tuple) else value


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
    defaults = PART_DEFAULTS["customer__"]
    return [
        each
        for name in CustomerRow.model_fields
        if ours or getattr(row, name) is not None
        for each in difference(
            f"{prefix}{name}", getattr(row, name), there.get(name), defaults.get(name)
        )
    ]


def _given(model: BaseModel) -> dict[str, Any]:
    fields = ((name, getattr(model, name)) for name in type(model).model_fields)
    return {name: _ordered(value) for name, value in fields if value}


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
    if isinstance(value, datetime):
        return value.isoformat()
    text = (
        json.dumps(value, ensure_ascii=False, default=str)
        if isinstance(value, dict)
        else str(value)
    )
    return unicodedata.normalize("NFC", text)

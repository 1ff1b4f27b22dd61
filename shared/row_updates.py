"""Update existing records from rows of a file, by the rules of changes by request.

A row sets the fields whose cells it fills, and clears those with the cell `\\N`. All other fields
stay, except those that a change by request sets with them: an end date and a duration replace each
other, and a license that is disabled has the time of it.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel

from shared.catalog import FeatureGrant, Product
from shared.columns import KINDS
from shared.customers import Customer, CustomerPatch, change_customer
from shared.differences import (
    DEFAULTS,
    PART_DEFAULTS,
    Difference,
    difference,
    features_differ,
    limited,
    same_custom_fields,
)
from shared.errors import Refused
from shared.license_changes import LicensePatch, change_license
from shared.license_features import merged_grant
from shared.licenses import FeatureRequest, License, LicenseUserRef, users_text
from shared.row_entries import (
    CustomerEntry,
    Faults,
    FeatureEntry,
    LicenseEntry,
    column_of,
    fault_of,
)
from shared.stored_json import same_json
from shared.terms import FEATURE_SYSTEM

MOST_APPLIED = 8
"""The number of import rows that a record remembers; see `applied`."""
MOST_BEFORE = 16_384
"""Bytes of the values before a change, which the record keeps."""
_NONE: Mapping[str, Any] = {"product_features": (), "custom_fields": ()}
"""What a cleared field has instead of no value."""
_ENDS = ("valid_duration", "validity_period")
"""Terms that replace each other, so that a row that changes one of them has to agree on both."""
_STATE = frozenset({"updated_at", "applied_rows", "changed_by", "changed_from"})
_TOO_LARGE = (
    f"the values that the row replaces are more than {MOST_BEFORE} bytes: change the record by"
    " request"
)


type KnownTerms = dict[int, dict[str, Any]]
"""The terms that rows name, by the `id` of their `TermsRow`, which rows with equal terms share."""


class RowChange(NamedTuple):
    """What a row changes: stored attributes and their new values, where None removes one."""

    fields: dict[str, Any]
    before: dict[str, Any]
    """The stored values of these attributes, except `updated_at`; None for an absent one."""


class RowRefused(Exception):
    """A row that can't update its record; with its faults."""

    def __init__(self, faults: Faults) -> None:
        super().__init__("row refused")
        self.faults = faults


def license_change(
    entry: LicenseEntry,
    item: Mapping[str, Any],
    product: Product,
    now: datetime,
    known: KnownTerms,
) -> RowChange | None:
    """What a row changes of the stored license with its key; None if nothing differs.

    `known` caches the terms of rows, which live as long as it does.
    Raises RowRefused with the faults of the row, or of the license as it would be.
    """
    code = entry.terms.short_code
    if code != item["product_code"]:
        message = (
            f"the license with this key is of product {item['product_code']}, and can't be moved"
            " to another product"
        )
        at = "product__short_code", "short_code"
        raise RowRefused([fault_of(*at, "product_differs", message, code)])
    wanted = _license_fields(entry, known)
    if not (differing := _differing(wanted, item)):
        return None
    if all(wanted.get(name) is not None for name in _ENDS) and not {*differing}.isdisjoint(_ENDS):
        differing += [name for name in _ENDS if name not in differing]
    given = {name: wanted[name] for name in differing}
    lic = License.model_validate(item)
    try:
        patch = LicensePatch.model_construct({*given}, **given)
        after = change_license(lic, patch, product, now=now)
    except Refused as refused:
        raise RowRefused(_faults_of(refused, "license__")) from None
    return _change(item, lic, after)


def customer_change(
    entry: CustomerEntry, item: Mapping[str, Any], now: datetime
) -> RowChange | None:
    """What a row changes of the stored customer with its e-mail; None if nothing differs."""
    row = entry.customer
    given = {
        name: value
        for name in row.model_fields_set - {"email"}
        if _differs(item, name, value := getattr(row, name), PART_DEFAULTS["customer__"])
    }
    if not given:
        return None
    customer = Customer.model_validate(item)
    patch = CustomerPatch.model_construct({*given}, **given)
    return _change(item, customer, change_customer(customer, patch, now=now))


def feature_change(entry: FeatureEntry, grant: FeatureGrant) -> FeatureGrant | None:
    """The feature of a license as a row changes it; None if nothing differs."""
    request = entry.request
    there = grant.model_dump()
    given = {
        name
        for name in request.model_fields_set - {"code"}
        if _differs(there, name, getattr(request, name), FEATURE_SYSTEM)
    }
    if not given:
        return None
    values = {name: getattr(request, name) for name in given}
    return merged_grant(
        grant, FeatureRequest.model_construct({*given}, code=request.code, **values)
    )


def applied(rows: Iterable[str], maker: str) -> list[str]:
    """The import rows that a record remembers after `maker` has changed it.

    A row that runs again recognizes that it has changed the record, even if the record was changed
    by a request or by another import since.
    """
    return [*rows, maker][-MOST_APPLIED:]


def changed_from(job: int, before: Mapping[str, Any]) -> dict[str, Any]:
    """The values before a change, as a record keeps them. Raises RowRefused above MOST_BEFORE."""
    kept = {"job": job, "fields": dict(before)}
    if len(orjson.dumps(kept)) > MOST_BEFORE:
        raise RowRefused([fault_of("", "", "record_too_large", _TOO_LARGE, None)])
    return kept


def part_warnings(
    entry: LicenseEntry, order: Mapping[str, Any], customer: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The warnings about order and customer columns that differ from those of a license.

    `order` and `customer` are the stored records of the license, as far as the row names them.
    """
    found = _part_differences("order__", entry.order, order)
    if entry.customer is not None:
        found += _part_differences("customer__", entry.customer, customer)
    return limited(
        [
            {
                "column": each.column,
                "code": "not_changed_here",
                "message": "an import of licenses changes no order and no customer of an existing"
                f" license: this one has {_shown(each.there)}, which stays",
                "value": None if each.wanted is None else str(each.wanted)[:200],
            }
            for each in found
        ]
    )


def user_warnings(entry: LicenseEntry, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The warning about a row whose license has other users, or other managers."""
    there = users_text(map(LicenseUserRef.model_validate, item.get("license_users", ())))
    wanted = users_text(entry.users)
    if wanted == there:
        return []
    message = (
        "an import assigns no users to an existing license, and makes none a manager: this one has"
        f" {_shown(there)}, which stays"
    )
    return [
        {
            "column": "license__users",
            "code": "not_changed_here",
            "message": message,
            "value": wanted[:200],
        }
    ]


def names_order(entry: LicenseEntry) -> bool:
    """Whether the row fills columns of its order other than its id."""
    return bool(entry.order.model_fields_set - {"store_id"})


def _part_differences(prefix: str, row: BaseModel, there: Mapping[str, Any]) -> list[Difference]:
    defaults = PART_DEFAULTS[prefix]
    return [
        found
        for name in type(row).model_fields
        if name in row.model_fields_set
        for found in difference(
            f"{prefix}{name}", getattr(row, name), there.get(name), defaults.get(name)
        )
    ]


def _license_fields(entry: LicenseEntry, known: KnownTerms) -> dict[str, Any]:
    """The fields of the license that a row names, in the order of the columns."""
    terms = entry.terms
    if (fields := known.get(id(terms))) is None:
        given = terms.model_fields_set - {"short_code"}
        columns = KINDS["licenses"].parts["terms"].columns.values()
        fields = known[id(terms)] = {
            name: _NONE.get(name) if (value := getattr(terms, name)) is None else value
            for name in columns
            if name in given
        }
    own = (("subscription_id", entry.subscription_id), ("note", entry.note))
    return fields | {name: value or None for name, value in own if value is not None}


def _differing(wanted: Mapping[str, Any], item: Mapping[str, Any]) -> list[str]:
    """The names of fields that have another value in the stored license."""
    get = item.get
    return [
        name
        for name, value in wanted.items()
        if (value != get(name) or isinstance(value, dict)) and _field_differs(item, name, value)
    ]


def _field_differs(item: Mapping[str, Any], name: str, wanted: Any) -> bool:
    match name:
        case "product_features":
            return features_differ(wanted, item.get(name, ()))
        case "custom_fields":
            return not same_custom_fields(wanted, item.get(name, ()))
    return _differs(item, name, wanted, DEFAULTS)


def _differs(item: Mapping[str, Any], name: str, wanted: Any, defaults: Mapping[str, Any]) -> bool:
    there, default = item.get(name), defaults.get(name)
    mine = default if wanted is None else wanted
    other = default if there is None else there
    if isinstance(mine, dict):
        return not same_json(mine, other)
    return bool((mine.isoformat() if isinstance(mine, date) else mine) != _plain(other))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _change(item: Mapping[str, Any], before: BaseModel, after: BaseModel) -> RowChange | None:
    """The difference of two versions of a record, as stored attributes."""
    if after is before:
        return None
    old, new = (each.model_dump(exclude_defaults=True) for each in (before, after))
    changed = [
        name
        for name in {**old, **new}
        if name not in _STATE and orjson.dumps(old.get(name)) != orjson.dumps(new.get(name))
    ]
    fields = {name: new.get(name) for name in changed}
    return RowChange(
        {**fields, "updated_at": new["updated_at"]}, {name: item.get(name) for name in changed}
    )


def _faults_of(refused: Refused, prefix: str) -> Faults:
    return [
        fault_of(*column_of(each, prefix), each.code, each.message, each.value)
        for each in refused.faults
    ]


def _shown(value: Any) -> str:
    return "no value" if value in (None, "") else repr(str(value)[:200])

"""Write a license or a customer as a row of a file that can be imported again."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from shared.catalog import Product
from shared.cell_types import NO_VALUE, escape_no_value
from shared.columns import KINDS, LICENSE_COLUMNS
from shared.csv_format.cells import escape_formula
from shared.customers import Customer, CustomerFields
from shared.licenses import FeatureRequest, License, Offer, grant_of, offer, users_text
from shared.orders import Order
from shared.stored_json import same_json
from shared.terms import FEATURE_SYSTEM, FEATURE_TERMS, NULLABLE, SYSTEM, resolve_terms

_PARTS = KINDS["licenses"].parts


class _Cleared:
    """The value of a term without value, whose cell is not that of the same text."""

    def __str__(self) -> str:
        return NO_VALUE


CLEARED = _Cleared()
_PROVENANCE = {"made_by", "applied_rows"}
_IS_PLAIN = re.compile(r"[^\s;\[\\][^;]*")
"""A code that a list of codes can have."""


def license_row(
    license: License, order: Order, customer: Customer | None, product: Product | None
) -> list[str]:
    """A license as a row of `LICENSE_COLUMNS` with its effective terms.

    A term without a value is blank, or `CLEARED` if importing a blank cell would take a value from
    the `product` or the policy.
    """
    values: dict[str, object] = {
        "license__license_key": license.license_key,
        "product__short_code": license.product_code,
    }
    for header, name in (*_PARTS["terms"].columns.items(), *_PARTS["free"].columns.items()):
        if header not in values and name in License.model_fields:
            term = getattr(license, name)
            values[header] = SYSTEM.get(name) if term is None else term
    sold = offer(product, license.policy_code) if product else None
    if license.bundle_license_id or (product and product.is_bundle):
        values["license__bundle_key"] = license.license_key
    values["license__users"] = users_text(license.license_users)
    values["license__product_features"] = _features(license, sold)
    fields = license.custom_fields
    values["license__custom_fields"] = [each.model_dump(mode="json") for each in fields]
    if sold:
        empty = {name: None for name in NULLABLE if getattr(license, name) is None}
        blank = resolve_terms(license.license_type, {}, sold.terms)
        if not license.is_trial:
            blank.pop("trial_days", None)
        values |= {f"license__{name}": CLEARED for name in empty if blank.get(name) is not None}
    values |= {header: getattr(order, name) for header, name in _PARTS["order"].columns.items()}
    if customer:
        values |= {
            f"customer__{name}": getattr(customer, name)
            for name in CustomerFields.model_fields
            if f"customer__{name}" in _PARTS["customer"].columns
        }
    return [cell(values.get(column)) for column in LICENSE_COLUMNS]


def _features(license: License, sold: Offer | None) -> object:
    """The codes of a license's features, or a list as in an order if their terms are other ones."""
    templates = {grant.code: grant for grant in sold.features} if sold else {}
    entries: list[str | dict[str, Any]] = []
    for grant in license.product_features:
        feature = sold.product.feature(grant.code) if sold else None
        short = feature and grant_of(
            FeatureRequest(code=grant.code), feature, templates.get(grant.code)
        )
        terms = grant.model_dump(mode="json", exclude=_PROVENANCE)
        if short and same_json(short.model_dump(mode="json", exclude=_PROVENANCE), terms):
            entries.append(grant.code)
            continue
        for name in FEATURE_TERMS:
            terms[name] = FEATURE_SYSTEM.get(name) if terms[name] is None else terms[name]
        empty = {n for n, v in terms.items() if n not in FEATURE_TERMS and v in (None, {})}
        entries.append({name: value for name, value in terms.items() if name not in empty})
    if not entries:
        return CLEARED if templates else None
    if all(isinstance(each, str) and _IS_PLAIN.fullmatch(each) for each in entries):
        return ";".join(map(str, entries))
    return entries


def customer_row(customer: Customer) -> list[str]:
    return [cell(getattr(customer, column)) for column in KINDS["customers"].columns]


def feature_rows(license: License) -> list[list[str]]:
    """The features of a license as rows of `KINDS["license-features"]`, with effective terms."""
    columns = KINDS["license-features"].columns[1:]
    rows = []
    for grant in license.product_features:
        values = {name: getattr(grant, name) for name in columns}
        terms = [FEATURE_SYSTEM.get(n) if v is None else v for n, v in values.items()]
        rows.append([cell(license.license_key), *map(cell, terms)])
    return rows


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows as lines of a file, with formulas escaped; an import undoes that."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(escape_formula, row) for row in rows)
    return text.getvalue()


def cell(value: object) -> str:
    """A value of a record as the text of a cell; None and an empty object are blank."""
    if value is None:
        return ""
    if isinstance(value, str):
        return escape_no_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
    return str(value)

"""Records of the LicenseSpring Management API as rows of files that can be imported.

The records are JSON as the published lists have it. Terms are written in full, so that a license
does not depend on the policies of the catalog that it is imported into.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from shared.columns import KINDS, LICENSE_COLUMNS
from shared.exported_row import CLEARED, cell
from shared.terms import CONSUMPTION_ONLY, FEATURE_SYSTEM, NULLABLE, SYSTEM

type Record = Mapping[str, Any]

_PARTS = KINDS["licenses"].parts
_OTHERWISE = {
    *("short_code", "policy_code", "product_features", "custom_fields", "users", "bundle_key"),
}
"""Columns that are not copied: features are rows of their own file, and terms are complete."""
_TERMS = {
    header: name
    for header, name in (*_PARTS["terms"].columns.items(), *_PARTS["free"].columns.items())
    if name not in _OTHERWISE
}
_CUSTOMER = KINDS["customers"].columns
_FEATURE = KINDS["license-features"].columns[1:]


class Left(NamedTuple):
    """Something that a file can't bring: of which record, and why."""

    kind: str
    id: object
    name: str
    reason: str


class Related(NamedTuple):
    """What the rows of licenses are made of besides the licenses."""

    codes: Mapping[int, str]
    """Short codes by product id."""
    customers: Mapping[int, Record]
    orders: Mapping[int, Record]
    shared_keys: frozenset[str]
    """Keys of more than one license: those of bundles."""
    bundles: frozenset[str]
    """The short codes of products that are bundles."""

    def is_of_bundle(self, license: Record) -> bool:
        return license.get("license_key") in self.shared_keys

    def place(self, license: Record) -> tuple[str, bool]:
        """Sorts the licenses of bundles by key, each with the license of the bundle first."""
        code = product_code(license, self.codes)
        return str(license.get("license_key")), code not in self.bundles


def license_row(license: Record, related: Related) -> list[str]:
    values: dict[str, object] = {header: _term(license, name) for header, name in _TERMS.items()}
    values["license__custom_fields"] = [
        {"name": each.get("name"), "value": each.get("value")} for each in _custom_fields(license)
    ]
    if not license.get("license_key"):
        values["license__users"] = _users(license)
        values["license__product_features"] = [*_features(license)]
    if related.is_of_bundle(license):
        values["license__bundle_key"] = license["license_key"]
    values["product__short_code"] = product_code(license, related.codes)
    order = related.orders.get(license.get("order") or 0, {})
    values |= {header: order.get(name) for header, name in _PARTS["order"].columns.items()}
    values["order__store_id"] = order.get("store_id") or license.get("order_store_id")
    customer = customer_of(license, order, related.customers)
    values |= {f"customer__{name}": customer.get(name) for name in _CUSTOMER}
    return [cell(values.get(column)) for column in LICENSE_COLUMNS]


def customer_row(customer: Record) -> list[str]:
    return [cell(customer.get(name)) for name in _CUSTOMER]


def feature_rows(license: Record) -> Iterator[list[str]]:
    """The features of a license as rows of `KINDS["license-features"]`.

    None of a license without key, which has its features in its own row.
    """
    if key := license.get("license_key"):
        for values in _features(license):
            yield [cell(key), *(cell(values[name]) for name in _FEATURE)]


def product_code(license: Record, codes: Mapping[int, str]) -> str | None:
    """The short code of a license's product."""
    product = license.get("product") or {}
    return product.get("short_code") or codes.get(product.get("id") or 0)


def customer_of(license: Record, order: Record, customers: Mapping[int, Record]) -> Record:
    """The customer of a license, or else of its order; empty if there is none."""
    shown = license.get("customer") or order.get("customer") or {}
    if isinstance(shown, int):
        return customers.get(shown, {})
    return customers.get(shown.get("id") or 0, shown)


def obstacle(license: Record, related: Related) -> str | None:
    """Why a file can't create a license; None if it can."""
    key = license.get("license_key")
    if not key and not license.get("license_users"):
        return "has neither a key nor users. Assign its users, or place an order with them"
    if not key and (
        license.get("bundle_license") or product_code(license, related.codes) in related.bundles
    ):
        return "is a license of a bundle, and has no key. Place an order of the bundle"
    if not product_code(license, related.codes):
        return "has a product that is not in the list of products"
    return None


def losses(license: Record) -> Iterator[str]:
    """What is lost of a license that a file can create."""
    if consumed := license.get("total_consumptions"):
        yield f"total_consumptions is {consumed}; an imported license starts at 0"
    if license.get("license_key") and (users := _users(license)):
        yield f"users are not imported, because the license has a key: {users}"


def shared_keys(licenses: Iterable[Record]) -> frozenset[str]:
    """The keys of more than one license."""
    seen: set[str] = set()
    shared: set[str] = set()
    for license in licenses:
        if key := license.get("license_key"):
            (shared if key in seen else seen).add(key)
    return frozenset(shared)


def _features(license: Record) -> Iterator[dict[str, object]]:
    for grant in license.get("product_features") or ():
        feature = grant.get("product_feature") or {}
        values = {name: _feature_term(grant, name) for name in _FEATURE if name != "code"}
        yield {"code": feature.get("code") or grant.get("code"), **values}


def _users(license: Record) -> str:
    """The users of a license, as in the cell of a file."""
    named = (
        f"{each.get('true_email') or each.get('email')}{'*' if each.get('is_manager') else ''}"
        for each in license.get("license_users") or ()
    )
    return ";".join(sorted(named))


def _custom_fields(license: Record) -> Iterable[Record]:
    return license.get("custom_fields") or license.get("product_custom_fields") or ()


def _term(license: Record, name: str) -> object:
    value = license.get(name)
    if name in CONSUMPTION_ONLY and license.get("license_type") != "consumption":
        return None
    if value is None:
        return CLEARED if name in NULLABLE else SYSTEM.get(name)
    return value


def _feature_term(grant: Record, name: str) -> object:
    value = grant.get(name)
    return FEATURE_SYSTEM.get(name) if value is None else value

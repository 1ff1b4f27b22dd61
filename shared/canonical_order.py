"""The canonical body of an order request: when two requests are equal, and where they differ."""

from collections.abc import Iterator
from typing import Any

from shared.errors import Path
from shared.stored_json import same_json
from shared.terms import NULLABLE, SYSTEM

_ABSENT = object()
_ORDER_DEFAULTS = {
    "is_bundle": False,
    "append": False,
    "is_test": False,
    "is_trial": False,
    "prevent_vm": False,
    "order_type": "normal",
}


def canonical_body(body: dict[str, Any]) -> dict[str, Any]:
    """Normalize the JSON of an order request in place, and return it.

    Aliases and spellings are unified. Null, empty values and explicit defaults are left out.
    """
    for item in body["items"]:
        item["licenses"] = [_license(lic) for lic in item["licenses"]]
        item["users"] = [_user(user) for user in item.get("users") or ()]
        _drop_nothing(item)
    if customer := body.get("customer"):
        customer.pop("id", None)
        if company := customer.pop("company", None):
            customer.setdefault("company_name", company)
        _drop_nothing(customer, is_manager=False)
    _drop_nothing(body, **_ORDER_DEFAULTS)
    return body


def differing_paths(ours: Any, theirs: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the paths where two JSON values differ, with the second one's values.

    Null is a value; a field that only the first one has is yielded with None.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in {**ours, **theirs}:
            pair = ours.get(name, _ABSENT), theirs.get(name, _ABSENT)
            yield from differing_paths(*pair, (*path, name))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differing_paths(*pair, (*path, index))
    elif not same_json(ours, theirs):
        yield path, None if theirs is _ABSENT else theirs


def _license(lic: dict[str, Any]) -> dict[str, Any]:
    """A license in the canonical body, with nulls that mean "none" and empty feature lists."""
    if code := lic.pop("license_template_code", None):
        lic.setdefault("policy_code", code)
    if (flag := lic.pop("enable_maintenance_duration", None)) is not None:
        lic.setdefault("enable_maintenance_period", flag)
    if user := lic.pop("user", None):
        lic["users"] = [*(lic.get("users") or ()), user]
    if members := lic.pop("bundle_products", None):
        lic.setdefault("products", members)
    if users := lic.get("users"):
        lic["users"] = [_user(user) for user in users]
    if members := lic.get("products"):
        lic["products"] = [_license(member) for member in members]
    for custom in lic.get("custom_fields") or ():
        _drop_null(custom)
    kept = {name: lic[name] for name in NULLABLE if name in lic}
    if lic.get("product_features") is not None:
        kept["product_features"] = [*map(_feature, lic["product_features"])]
    _drop_nothing(lic, is_trial=False, active=False, enabled=True)
    return lic | kept


def _feature(feature: Any) -> Any:
    """A feature in the canonical body; null closes the terms that have no system default."""
    if isinstance(feature, str):
        return feature
    return {
        name: value
        for name, value in feature.items()
        if (value or name != "metadata") and (value is not None or name not in SYSTEM)
    }


def _user(user: dict[str, Any]) -> dict[str, Any]:
    _drop_nothing(user, is_manager=False)
    return user


def _drop_null(stated: dict[str, Any]) -> None:
    for name in [name for name, value in stated.items() if value is None]:
        del stated[name]


def _drop_nothing(stated: dict[str, Any], **defaults: Any) -> None:
    """Remove null, empty values and defaults."""
    for name, value in [*stated.items()]:
        if value in (None, "", [], {}) or (name in defaults and value == defaults[name]):
            del stated[name]

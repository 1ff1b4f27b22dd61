"""The changes that make a stage's catalog match a file.

Entries that are not in the file are left unchanged. Fields that orders depend on are never changed,
and a product with licenses is archived only if the file says `is_archived: true`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infra.cli.catalog_file import Entry, Kind
from infra.client.client import Client
from shared.catalog_changes import DEFAULT_POLICY
from shared.contract.records import FeatureView, GrantView, PolicyView, ProductView

_FIXED = ("authorization_method", "is_bundle", "feature_type")
"""Fields that orders depend on: the API rejects changes of them."""
NAMES = frozenset({"short_code", "product", "code"})
"""Fields that identify an entry."""

type Json = Mapping[str, Any]
type Key = tuple[Kind, str, str]


@dataclass(frozen=True)
class Existing:
    """A product, feature or policy of the stage."""

    id: int
    fields: Json

    @property
    def is_archived(self) -> bool:
        return bool(self.fields.get("is_archived"))


@dataclass(frozen=True)
class Change:
    """An entry to create (`id` is None), or fields to change: `entry.body` new, `was` old."""

    entry: Entry
    id: int | None
    was: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The changes to make, and the reasons why they can't be applied."""

    changes: Sequence[Change]
    refused: Sequence[str]
    """Reasons why nothing can be applied; empty if everything can."""
    unnamed: Sequence[str]
    """Entries of the stage that are not in the file."""


def read_stage(client: Client) -> dict[Key, Existing]:
    """Return the stage's catalog by kind, product and code. Raises ApiProblem."""
    products = {view.id: view for view in client.catalog.products()}
    codes = {id: view.short_code for id, view in products.items()}
    existing: dict[Key, Existing] = {}
    for product in products.values():
        existing["product", product.short_code, product.short_code] = _existing(product)
    for feature in client.catalog.features():
        existing["feature", codes[feature.product], feature.code] = _existing(feature)
    for policy in client.catalog.policies():
        existing["policy", codes[policy.product], policy.code] = _existing(policy)
    return existing


def plan(
    entries: Iterable[Entry],
    existing: Mapping[Key, Existing],
    *,
    archived: bool = False,
    licenses: Callable[[str], int] | None = None,
) -> Plan:
    """Return the changes; `archived` archives entries that are not in the file.

    `licenses` returns the number of a product's licenses.
    """
    named = {(entry.kind, entry.product, entry.code): entry for entry in entries}
    changes: list[Change] = []
    refused: list[str] = []
    for key, entry in named.items():
        if (found := existing.get(key)) is None:
            changes.append(Change(entry, None))
        elif differing := _find_differences(entry.body, found.fields):
            refused += [_fixed_reason(entry, name, found) for name in _FIXED if name in differing]
            body = {name: entry.body[name] for name in differing}
            was = {name: found.fields.get(name) for name in differing}
            changes.append(Change(replace(entry, body=body), found.id, was))
    unnamed = [key for key in existing if key not in named and not _is_default_policy(key)]
    if archived and licenses:
        for key in unnamed:
            if not existing[key].is_archived and key[0] != "feature":
                _archive(key, existing[key], licenses(key[1]), changes, refused)
    return Plan(changes, refused, [str(Entry(*key, {})) for key in unnamed])


def apply(client: Client, change: Change) -> None:
    """Make a change through the API. Raises ApiProblem."""
    entry, catalog = change.entry, client.catalog
    id = change.id
    if id is None and entry.kind == "policy" and entry.code == DEFAULT_POLICY:
        created_with_product = next(catalog.policies(product=entry.product, code=entry.code))
        id = created_with_product.id
    match entry.kind, id:
        case "product", None:
            catalog.create_product(entry.body)
        case "product", int():
            catalog.change_product(id, entry.body)
        case "feature", None:
            catalog.create_feature(entry.body)
        case "feature", int():
            catalog.change_feature(id, entry.body)
        case "policy", None:
            catalog.create_policy(entry.body)
        case "policy", int():
            catalog.change_policy(id, entry.body)


def _find_differences(body: Json, fields: Json) -> list[str]:
    """Return the names of the fields of `body` that have other values in `fields`."""
    return [name for name in body if name not in NAMES and body[name] != fields.get(name)]


def _fixed_reason(entry: Entry, name: str, found: Existing) -> str:
    was, requested = found.fields.get(name), entry.body[name]
    return f"{entry}: {name} can't change from {was} to {requested}, because orders depend on it"


def _archive(
    key: Key, found: Existing, licenses: int, changes: list[Change], refused: list[str]
) -> None:
    entry = Entry(*key, {"is_archived": True})
    if licenses:
        refused.append(
            f"{entry}: {key[1]} has {licenses} licenses. To archive it, add it to the file with"
            " is_archived: true"
        )
    else:
        changes.append(Change(entry, found.id, {"is_archived": False}))


def _is_default_policy(key: Key) -> bool:
    """Return whether this is the policy that is created with every product."""
    return key[0] == "policy" and key[2] == DEFAULT_POLICY


def _existing(view: ProductView | FeatureView | PolicyView) -> Existing:
    fields = view.model_dump(mode="json")
    if isinstance(view, PolicyView):
        templates = view.license_product_feature_templates
        fields["license_product_feature_templates"] = [_template(grant) for grant in templates]
    return Existing(view.id, fields)


def _template(grant: GrantView) -> Json:
    """Return a policy's feature in the form of a request."""
    fields = grant.model_dump(mode="json", exclude={"id", "product_feature", "total_consumptions"})
    explicit = {name: value for name, value in fields.items() if value not in (None, {})}
    return {"product_feature": grant.product_feature.code, **explicit}

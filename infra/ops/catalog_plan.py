"""What has to change for a stage's catalog to be as a file wants it.

What the file does not name stays as it is. What orders depend on is never changed: the ways in
which a product is sold, and, unless the file says so by name, whether it is sold at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infra.ops.catalog_file import Entry, Kind
from infra.ops.client import Client
from shared.catalog import DEFAULT_POLICY
from shared.wire import FeatureView, GrantView, PolicyView, ProductView

_FIXED = ("authorization_method", "is_bundle", "feature_type")
"""Orders depend on these: the API does not change them once they are set."""
NAMES = frozenset({"short_code", "product", "code"})
"""Fields that say which one it is."""

type Json = Mapping[str, Any]
type Key = tuple[Kind, str, str]


@dataclass(frozen=True)
class Existing:
    """A product, feature or policy as the stage has it."""

    id: int
    fields: Json

    @property
    def is_archived(self) -> bool:
        return bool(self.fields.get("is_archived"))


@dataclass(frozen=True)
class Change:
    """An entry to make (`id` is None), or fields of one that are to be what its body says."""

    entry: Entry
    id: int | None
    was: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    changes: Sequence[Change]
    refused: Sequence[str]
    """Why the whole can't be applied."""
    unnamed: Sequence[str]
    """What the stage has and the file does not name."""


def read_stage(client: Client) -> dict[Key, Existing]:
    """The catalog as it is, by kind, product and code."""
    products = {view.id: view for view in client.catalog.products()}
    codes = {id: view.short_code for id, view in products.items()}
    there: dict[Key, Existing] = {}
    for product in products.values():
        there["product", product.short_code, product.short_code] = _existing(product)
    for feature in client.catalog.features():
        there["feature", codes[feature.product], feature.code] = _existing(feature)
    for policy in client.catalog.policies():
        there["policy", codes[policy.product], policy.code] = _existing(policy)
    return there


def plan(
    entries: Iterable[Entry],
    there: Mapping[Key, Existing],
    *,
    archived: bool = False,
    licenses: Callable[[str], int] | None = None,
) -> Plan:
    """With `archived`, what the file does not name is archived; `licenses` counts a product's."""
    named = {(entry.kind, entry.product, entry.code): entry for entry in entries}
    changes: list[Change] = []
    refused: list[str] = []
    for key, entry in named.items():
        if (found := there.get(key)) is None:
            changes.append(Change(entry, None))
        elif differing := _differing(entry.body, found.fields):
            refused += [_fixed(entry, name, found) for name in _FIXED if name in differing]
            body = {name: entry.body[name] for name in differing}
            was = {name: found.fields.get(name) for name in differing}
            changes.append(Change(replace(entry, body=body), found.id, was))
    unnamed = [key for key in there if key not in named and not _goes_without_saying(key)]
    if archived and licenses:
        for key in unnamed:
            if not there[key].is_archived and key[0] != "feature":
                _archive(key, there[key], licenses(key[1]), changes, refused)
    return Plan(changes, refused, [str(Entry(*key, {})) for key in unnamed])


def apply(client: Client, change: Change) -> None:
    """Make the change, by the API."""
    entry, catalog = change.entry, client.catalog
    id = change.id
    if id is None and entry.kind == "policy" and entry.code == DEFAULT_POLICY:
        made_with_product = next(catalog.policies(product=entry.product, code=entry.code))
        id = made_with_product.id
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


def _differing(body: Json, fields: Json) -> list[str]:
    """The names under which the body says something else than is there."""
    return [name for name in body if name not in NAMES and body[name] != fields.get(name)]


def _fixed(entry: Entry, name: str, found: Existing) -> str:
    was, wanted = found.fields.get(name), entry.body[name]
    return f"{entry}: {name} stays {was}, and can't become {wanted}: orders depend on it"


def _archive(
    key: Key, found: Existing, licenses: int, changes: list[Change], refused: list[str]
) -> None:
    entry = Entry(*key, {"is_archived": True})
    if licenses:
        refused.append(
            f"{entry}: {key[1]} has {licenses} licenses; to archive it all the same, name it in"
            " the file with is_archived: true"
        )
    else:
        changes.append(Change(entry, found.id, {"is_archived": False}))


def _goes_without_saying(key: Key) -> bool:
    """Every product has this one, made with it."""
    return key[0] == "policy" and key[2] == DEFAULT_POLICY


def _existing(view: ProductView | FeatureView | PolicyView) -> Existing:
    fields = view.model_dump(mode="json")
    if isinstance(view, PolicyView):
        templates = view.license_product_feature_templates
        fields["license_product_feature_templates"] = [_template(grant) for grant in templates]
    return Existing(view.id, fields)


def _template(grant: GrantView) -> Json:
    """A policy's feature as a request names it."""
    fields = grant.model_dump(mode="json", exclude={"id", "product_feature", "total_consumptions"})
    said = {name: value for name, value in fields.items() if value not in (None, {})}
    return {"product_feature": grant.product_feature.code, **said}

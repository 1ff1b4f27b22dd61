"""A catalog as a file: its products, and the policies and features that belong to them.

products:
  sketch:                     # its short code; below it, the fields of the API
    product_name: Sketch
    features: {export-pdf: {name: PDF export}}
    policies: {studio: {name: Studio, default_license_type: perpetual}}
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from shared.catalog import DEFAULT_POLICY, NewFeature, NewPolicy, NewProduct, PolicyPatch
from shared.errors import Fault, NotFound, Refused
from shared.errors import Path as Place
from shared.wording import in_words

type Kind = Literal["product", "feature", "policy"]
type Json = Mapping[str, Any]

_MODELS: Mapping[Kind, type[BaseModel]] = {
    "product": NewProduct,
    "feature": NewFeature,
    "policy": NewPolicy,
}


@dataclass(frozen=True)
class Entry:
    """One product, feature or policy as the file wants it; `body` is what the API takes."""

    kind: Kind
    product: str
    code: str
    body: Json

    def __str__(self) -> str:
        if self.kind == "product":
            return f"product {self.code}"
        return f"{self.kind} {self.code} of {self.product}"


def read_catalog(path: Path) -> list[Entry]:
    """What a file wants, in an order in which it can be made. Raises Refused with every fault."""
    try:
        told = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(str(error)) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise Refused("invalid_yaml", f"{path} is not YAML: {error}") from None
    entries: list[Entry] = []
    faults: list[Fault] = []
    for place, entry in _entries(told, faults):
        try:
            model = _model(entry).model_validate(entry.body)
        except ValidationError as error:
            faults += _faults(error, place)
        else:
            dumped = model.model_dump(mode="json", exclude_unset=True)
            body = {name: dumped[name] for name in entry.body}
            entries.append(replace(entry, body=body))
    if faults:
        lines = [f"  {fault.field}: {fault.message}" for fault in faults]
        raise Refused("invalid_catalog", "\n".join([f"{path} can't be applied:", *lines]))
    return sorted(entries, key=_turn)


def _model(entry: Entry) -> type[BaseModel]:
    """The default policy is made with its product, so there are only fields of it to set."""
    is_there = entry.kind == "policy" and entry.code == DEFAULT_POLICY
    return PolicyPatch if is_there else _MODELS[entry.kind]


def _turn(entry: Entry) -> tuple[bool, int]:
    """Bundles come after their members, and policies after the features that they name."""
    return bool(entry.body.get("is_bundle")), list(_MODELS).index(entry.kind)


def _entries(told: Any, faults: list[Fault]) -> Iterator[tuple[Place, Entry]]:
    products = _mapping(_mapping(told, (), faults).get("products"), ("products",), faults)
    for product, fields in products.items():
        place: Place = ("products", product)
        own = dict(_mapping(fields, place, faults))
        features, policies = own.pop("features", None), own.pop("policies", None)
        yield place, Entry("product", product, product, {"short_code": product, **own})
        parts: tuple[tuple[Kind, str, Any], ...] = (
            ("feature", "features", features),
            ("policy", "policies", policies),
        )
        for kind, name, listed in parts:
            for code, part in _mapping(listed or {}, (*place, name), faults).items():
                at = (*place, name, code)
                body = {"product": product, "code": code, **_mapping(part, at, faults)}
                yield at, Entry(kind, product, code, body)


def _mapping(told: Any, place: Place, faults: list[Fault]) -> dict[str, Any]:
    if isinstance(told, dict):
        return {str(name): value for name, value in told.items()}
    message = "must be a mapping from names to what they stand for"
    faults.append(Fault.at(place or ("file",), "dict_type", message, told))
    return {}


def _faults(error: ValidationError, place: Place) -> list[Fault]:
    return [
        Fault.at((*place, *fault["loc"]), fault["type"], in_words(fault), fault["input"])
        for fault in error.errors(include_url=False)
    ]

"""A catalog file: products, with the policies and features of each.

products:
  sketch:                     # the short code; below it, the fields of the API
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

from shared.catalog_changes import DEFAULT_POLICY
from shared.catalog_requests import NewFeature, NewPolicy, NewProduct, PolicyPatch
from shared.errors import Fault, NotFound, Refused
from shared.errors import Path as FaultPath
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
    """One product, feature or policy of the file; `body` is the body of an API request."""

    kind: Kind
    product: str
    code: str
    body: Json

    def __str__(self) -> str:
        if self.kind == "product":
            return f"product {self.code}"
        return f"{self.kind} {self.code} of {self.product}"


def read_catalog(path: Path) -> list[Entry]:
    """Return the entries of a file, each after its dependencies. Raises Refused with all faults."""
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(str(error)) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise Refused("invalid_yaml", f"{path} is not valid YAML: {error}") from None
    entries: list[Entry] = []
    faults: list[Fault] = []
    for location, entry in _entries(content, faults):
        try:
            model = _model(entry).model_validate(entry.body)
        except ValidationError as error:
            faults += _faults(error, location)
        else:
            dumped = model.model_dump(mode="json", exclude_unset=True)
            body = {name: dumped[name] for name in entry.body}
            entries.append(replace(entry, body=body))
    if faults:
        lines = [f"  {fault.field}: {fault.message}" for fault in faults]
        raise Refused("invalid_catalog", "\n".join([f"{path} has errors:", *lines]))
    return sorted(entries, key=_creation_order)


def _model(entry: Entry) -> type[BaseModel]:
    """Return the request of an entry; the default policy exists already, so it is changed."""
    exists = entry.kind == "policy" and entry.code == DEFAULT_POLICY
    return PolicyPatch if exists else _MODELS[entry.kind]


def _creation_order(entry: Entry) -> tuple[bool, int]:
    """Sort bundles after their members, and policies after the features that they refer to."""
    return bool(entry.body.get("is_bundle")), list(_MODELS).index(entry.kind)


def _entries(content: Any, faults: list[Fault]) -> Iterator[tuple[FaultPath, Entry]]:
    products = _mapping(_mapping(content, (), faults).get("products"), ("products",), faults)
    for product, fields in products.items():
        location: FaultPath = ("products", product)
        own = dict(_mapping(fields, location, faults))
        features, policies = own.pop("features", None), own.pop("policies", None)
        yield location, Entry("product", product, product, {"short_code": product, **own})
        parts: tuple[tuple[Kind, str, Any], ...] = (
            ("feature", "features", features),
            ("policy", "policies", policies),
        )
        for kind, name, listed in parts:
            for code, part in _mapping(listed or {}, (*location, name), faults).items():
                at = (*location, name, code)
                body = {"product": product, "code": code, **_mapping(part, at, faults)}
                yield at, Entry(kind, product, code, body)


def _mapping(value: Any, location: FaultPath, faults: list[Fault]) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(name): each for name, each in value.items()}
    message = "must be a mapping, such as {code: {name: …}}"
    faults.append(Fault.at(location or ("file",), "dict_type", message, value))
    return {}


def _faults(error: ValidationError, location: FaultPath) -> list[Fault]:
    return [
        Fault.at((*location, *fault["loc"]), fault["type"], in_words(fault), fault["input"])
        for fault in error.errors(include_url=False)
    ]

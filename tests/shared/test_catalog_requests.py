"""Requests for the catalog: required fields, limits and unknown fields."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.catalog_requests import (
    MAX_PARTS,
    FeaturePatch,
    NewFeature,
    NewPolicy,
    NewProduct,
    PolicyPatch,
    ProductPatch,
)
from tests.shared.value_shop import read

CREATE: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (NewProduct, {"product_name": "P", "short_code": "p"}),
    (NewPolicy, {"product": "p", "code": "a", "name": "A"}),
    (NewFeature, {"product": "p", "code": "f", "name": "F"}),
]
MODELS: list[type[BaseModel]] = [ProductPatch, PolicyPatch, FeaturePatch]


@pytest.mark.parametrize(("model", "body"), CREATE)
def test_every_field_of_the_smallest_request_is_required(
    model: type[BaseModel], body: dict[str, Any]
) -> None:
    read(model, body)

    for name in body:
        with pytest.raises(ValidationError, match=name):
            read(model, {other: value for other, value in body.items() if other != name})


@pytest.mark.parametrize("model", MODELS)
def test_an_empty_patch_sets_nothing(model: type[BaseModel]) -> None:
    assert read(model, {}).model_fields_set == set()


@pytest.mark.parametrize("model", [*MODELS, *(model for model, _ in CREATE)])
def test_an_unknown_field_is_refused(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="colour"):
        read(model, {"colour": "red"})


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (ProductPatch, "max_activations", -1),
        (ProductPatch, "active", "yes"),
        (ProductPatch, "metadata", {"": 1}),
        (PolicyPatch, "default_license_type", "forever"),
        (PolicyPatch, "license_product_feature_templates", [{"product_feature": "f"}] * 201),
        (FeaturePatch, "feature_type", "counter"),
    ],
)
def test_an_invalid_value_is_a_fault_of_its_field(
    model: type[BaseModel], field: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        read(model, {field: value})

    assert {fault["loc"][0] for fault in caught.value.errors()} == {field}


def test_a_policy_has_at_most_as_many_features_as_a_product() -> None:
    features = [{"product_feature": f"f{n}"} for n in range(MAX_PARTS)]

    request = read(PolicyPatch, {"license_product_feature_templates": features})

    assert len(request.license_product_feature_templates or ()) == MAX_PARTS

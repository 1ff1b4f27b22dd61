"""Changes of the catalog, on values."""

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from shared.catalog import FeatureFields, PolicyFields, Product, ProductFields
from shared.catalog_changes import add_feature, add_policy, new_product
from shared.catalog_requests import (
    FeaturePatch,
    NewFeature,
    NewPolicy,
    NewProduct,
    PolicyPatch,
    ProductPatch,
)
from shared.errors import Conflict, Refused

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def product() -> Product:
    request = NewProduct(product_name="Sketchbook", short_code="sketch")
    return new_product("acme", request, {}, now=NOW)


@pytest.mark.parametrize(
    ("fields", "patch", "more"),
    [
        (ProductFields, ProductPatch, set()),
        (PolicyFields, PolicyPatch, {"product", "license_product_feature_templates"}),
        (FeatureFields, FeaturePatch, {"product"}),
    ],
)
def test_a_patch_has_every_field_of_its_record(
    fields: type[BaseModel], patch: type[BaseModel], more: set[str]
) -> None:
    stamps = {"created_at", "updated_at"}

    assert patch.model_fields.keys() == fields.model_fields.keys() - stamps | more


def test_a_policy_or_feature_has_a_code_of_its_own() -> None:
    policy = NewPolicy(product="sketch", code="studio", name="Studio")
    feature = NewFeature(product="sketch", code="export", name="Export")
    changed = add_policy("acme", product(), policy, now=NOW)
    changed = add_feature("acme", changed, feature, now=NOW)

    with pytest.raises(Conflict, match="already has a policy studio") as again:
        add_policy("acme", changed, policy, now=NOW)
    assert again.value.code == "policy_exists"
    with pytest.raises(Conflict, match="already has a feature export") as again:
        add_feature("acme", changed, feature, now=NOW)
    assert again.value.code == "feature_exists"


def test_a_product_has_at_most_200_policies_and_200_features() -> None:
    many = product()
    policies = tuple(many.policies[0].model_copy(update={"code": f"p{n}"}) for n in range(200))
    many = many.model_copy(update={"policies": policies})

    with pytest.raises(Refused, match="has 200 policies, which is the maximum"):
        add_policy("acme", many, NewPolicy(product="sketch", code="x", name="X"), now=NOW)

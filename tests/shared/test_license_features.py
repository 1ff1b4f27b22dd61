"""Features of a license, named as LicenseSpring's request for features names them."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import Fault
from shared.license_features import FeatureEntry, FeaturesRequest, changed_features
from tests.shared.value_shop import ValueShop, read

PRODUCT = ValueShop().products["kp"]
CREDITS = PRODUCT.feature("credits")
assert CREDITS is not None


@pytest.mark.parametrize("name", ["credits", CREDITS.id, str(CREDITS.id)])
def test_a_feature_is_named_by_its_code_or_by_its_id(name: Any) -> None:
    entry = read(FeatureEntry, {"product_feature": name, "max_consumption": 88})

    requested = entry.requested(PRODUCT)

    assert (requested.code, requested.max_consumption) == ("credits", 88)
    assert requested.model_fields_set == {"code", "max_consumption"}


@pytest.mark.parametrize("name", ["nope", "12", 12])
def test_a_name_that_no_feature_has_is_refused(name: Any) -> None:
    faults: list[Fault] = []

    wanted = [read(FeatureEntry, {"product_feature": name}).requested(PRODUCT)]
    changed_features((), wanted, PRODUCT, (), faults)

    assert [(fault.pointer, fault.code, fault.value) for fault in faults] == [
        ("/product_features/0", "unsupported_product_feature", str(name))
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"product_features": None},
        {"product_features": ["credits"]},
        {"product_features": [{"code": "credits"}]},
        {"product_features": [{"product_feature": True}]},
        {"product_features": [{"product_feature": ""}]},
        {"product_features": [{"product_feature": "f1", "license": 1}]},
        {"product_features": [{"product_feature": "f1"}] * 201},
    ],
)
def test_a_request_without_entries_in_the_published_form_is_refused(body: Any) -> None:
    with pytest.raises(ValidationError):
        read(FeaturesRequest, body)

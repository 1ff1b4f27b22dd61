"""Requests that create or change records of the catalog.

A PATCH can repeat a code or an authorization method but not change it, so these are fields of it
too. Models are built on first use (`defer_build`), so that functions without such a route start
faster. A patch declares the fields of its record again, because each of them is optional.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.catalog import (
    AuthorizationMethod,
    FeatureType,
)
from shared.terms import (
    FeatureTerms,
    LicenseType,
    Terms,
)
from shared.values import (
    Code,
    Count,
    Day,
    Flag,
    JsonObject,
    Line,
    Metadata,
    OptionalText,
    RecordId,
    Title,
)

MAX_PARTS = 200
"""Policies of a product, and features of a product or of a policy."""


class FeatureTemplate(FeatureTerms, frozen=True, extra="forbid", defer_build=True):
    """A feature of a policy in a request; `product_feature` is the feature's id or code."""

    product_feature: RecordId | Code
    expiry_date: Day | None = None
    metadata: Metadata | None = None


class ProductPatch(Terms, frozen=True, extra="forbid", defer_build=True):
    """Fields of a product to set; absent fields keep their values."""

    short_code: Code | None = None
    product_name: Title | None = None
    authorization_method: AuthorizationMethod | None = None
    active: Flag | None = None
    is_archived: Flag | None = None
    is_bundle: Flag | None = None
    bundle_products: tuple[Code, ...] | None = Field(None, max_length=50)
    allow_trial: Flag | None = None
    default_license_type: LicenseType | None = None
    key_length: Annotated[int, Field(strict=True, ge=16, le=240)] | None = None
    subscription_duration: OptionalText = None
    hardware_id_required: Flag | None = None
    is_node_locked: Flag | None = None
    is_user_locked: Flag | None = None
    is_upgrade: Flag | None = None
    upgrade_from: tuple[Line, ...] | None = Field(None, max_length=50)
    custom_fields: tuple[JsonObject, ...] | None = Field(None, max_length=50)
    metadata: Metadata | None = None


class NewProduct(ProductPatch):
    """A product to make; its default policy is made with it.

    Published: management API, products."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "product_name": "Sketchbook",
                "short_code": "sketch",
                "authorization_method": "license-key",
                "default_license_type": "perpetual",
                "max_activations": 2,
            }
        },
    )

    short_code: Code
    product_name: Title


class PolicyPatch(Terms, frozen=True, extra="forbid", defer_build=True):
    """Fields of a policy to set; absent fields keep their values."""

    product: RecordId | Code | None = None
    code: Code | None = None
    name: Title | None = None
    is_default: Flag | None = None
    is_archived: Flag | None = None
    default_license_type: LicenseType | None = None
    allow_trial: Flag | None = None
    user_max_activations: Count | None = None
    license_product_feature_templates: tuple[FeatureTemplate, ...] | None = Field(
        None, max_length=MAX_PARTS
    )
    license_custom_field_templates: tuple[JsonObject, ...] | None = Field(None, max_length=50)
    installation_file: OptionalText = None
    is_sku: Flag | None = None
    metadata: Metadata | None = None


class NewPolicy(PolicyPatch):
    """A policy to add to a product. LicenseSpring: Create License Policy."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "product": "sketch",
                "code": "studio",
                "name": "Studio, one year",
                "default_license_type": "time-limited",
                "valid_duration": "1y",
                "max_activations": 5,
            }
        },
    )

    product: RecordId | Code
    code: Code
    name: Title


class FeaturePatch(FeatureTerms, frozen=True, extra="forbid", defer_build=True):
    """Fields of a feature to set; absent fields keep their values."""

    product: RecordId | Code | None = None
    code: Code | None = None
    name: Title | None = None
    feature_type: FeatureType | None = None
    active: Flag | None = None
    metadata: Metadata | None = None


class NewFeature(FeaturePatch):
    """A feature to add to a product. LicenseSpring: Create Product Feature."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "product": "sketch",
                "code": "export",
                "name": "PDF export",
                "feature_type": "activation",
            }
        },
    )

    product: RecordId | Code
    code: Code
    name: Title

"""The catalog: products, their license policies ("license templates") and their features.

A product is one record that contains its policies and features, so an order reads one record per
product, regardless of the size of the catalog. `revision` counts the changes of the record.
"""

from datetime import datetime
from typing import Any, Literal, Self

from shared.terms import FeatureTerms, LicenseType, Terms
from shared.values import (
    Code,
    Count,
    Day,
    Flag,
    Line,
    Metadata,
    Text,
)

type AuthorizationMethod = Literal["license-key", "user"]
type FeatureType = Literal["activation", "consumption"]


class FeatureGrant(FeatureTerms, frozen=True, defer_build=False):
    """A feature of a policy or a license: a product's feature with terms of its own.

    `made_by` is the import row that added the feature to a license; `applied_rows` are the last
    import rows that changed it there.
    """

    code: Code
    expiry_date: Day | None = None
    total_consumptions: Count | None = None
    metadata: Metadata = {}
    made_by: str | None = None
    applied_rows: tuple[str, ...] = ()


class FeatureFields(FeatureTerms, frozen=True, defer_build=True):
    """The fields that the record and the view of a product feature share."""

    code: Code
    name: Line
    feature_type: FeatureType = "activation"
    active: Flag = True
    metadata: Metadata = {}
    created_at: datetime
    updated_at: datetime


class ProductFeature(FeatureFields, frozen=True, defer_build=False):
    """A feature of a product, which licenses can enable ("activation") or count ("consumption")."""

    id: int


class PolicyFields(Terms, frozen=True, defer_build=True):
    """The fields that the record and the view of a license policy share."""

    code: Code
    name: Line
    is_default: Flag = False
    is_archived: Flag = False
    default_license_type: LicenseType | None = None
    allow_trial: Flag = False
    user_max_activations: Count | None = None
    license_custom_field_templates: tuple[dict[str, Any], ...] = ()
    installation_file: Text | None = None
    is_sku: Flag = False
    metadata: Metadata = {}
    created_at: datetime
    updated_at: datetime


class LicensePolicy(PolicyFields, frozen=True, defer_build=False):
    """A named set of license terms of a product. LicenseSpring: License Template."""

    id: int
    license_product_feature_templates: tuple[FeatureGrant, ...] = ()


class ProductFields(Terms, frozen=True, defer_build=True):
    """The fields that the record and the view of a product share."""

    short_code: Code
    product_name: Line
    authorization_method: AuthorizationMethod = "license-key"
    active: Flag = True
    is_archived: Flag = False
    is_bundle: Flag = False
    bundle_products: tuple[Code, ...] = ()
    allow_trial: Flag = False
    default_license_type: LicenseType | None = None
    key_length: int = 16
    subscription_duration: Text | None = None
    hardware_id_required: Flag = False
    is_node_locked: Flag = False
    is_user_locked: Flag = False
    is_upgrade: Flag = False
    upgrade_from: tuple[Line, ...] = ()
    custom_fields: tuple[dict[str, Any], ...] = ()
    metadata: Metadata = {}
    created_at: datetime
    updated_at: datetime


class Product(ProductFields, frozen=True, defer_build=False):
    """A product for sale; a bundle is a product that consists of other products."""

    id: int
    policies: tuple[LicensePolicy, ...]
    features: tuple[ProductFeature, ...] = ()
    revision: int

    @property
    def default_policy(self) -> LicensePolicy:
        return next(policy for policy in self.policies if policy.is_default)

    def policy(self, code: str) -> LicensePolicy | None:
        return next((policy for policy in self.policies if policy.code == code), None)

    def feature(self, code: str) -> ProductFeature | None:
        return next((feature for feature in self.features if feature.code == code), None)

    def changed(self, now: datetime, **changes: Any) -> Self:
        """The product with `changes` and the next revision."""
        return self.model_copy(update={**changes, "revision": self.revision + 1, "updated_at": now})

"""The features of an issued license, as a change names them.

An update of a license names features by their codes, in the words of an order. LicenseSpring's
request for features alone names them by `product_feature`.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.catalog import FeatureGrant, Product
from shared.changed_meanwhile import Seen
from shared.errors import Fault, Path
from shared.licenses import FeatureRequest, grant_of, missing_feature, repeated_feature
from shared.terms import FEATURE_SYSTEM, FEATURE_TERMS, FeatureTerms, requested_terms
from shared.values import Code, Count, Metadata, OptionalDay, RecordId


class FeatureEntry(FeatureTerms, frozen=True, extra="forbid", defer_build=False):
    """A feature of the license's product, with terms of its own."""

    product_feature: Annotated[
        RecordId | Code, Field(description="the feature's code, or its id as number or text")
    ]
    expiry_date: OptionalDay = None
    total_consumptions: Count | None = None
    metadata: Metadata | None = None

    def requested(self, product: Product) -> FeatureRequest:
        """The same with the feature's code; an unknown name stays, for the rule to refuse it."""
        name = str(self.product_feature)
        by_id = (feature.code for feature in product.features if str(feature.id) == name)
        code = name if product.feature(name) else next(by_id, name)
        given = self.model_fields_set - {"product_feature"}
        terms = {each: getattr(self, each) for each in given}
        return FeatureRequest.model_construct({"code", *given}, code=code, **terms)


class FeaturesRequest(BaseModel):
    """All features of a license. LicenseSpring: Update License Product Features."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {"product_features": [{"product_feature": "export", "max_consumption": 88}]}
        },
    )

    product_features: Annotated[tuple[FeatureEntry, ...], Field(max_length=200)]
    updated_at: Seen = None


def changed_features(
    granted: tuple[FeatureGrant, ...],
    wanted: Sequence[str | FeatureRequest] | None,
    product: Product,
    path: Path,
    faults: list[Fault],
) -> tuple[FeatureGrant, ...]:
    """The features in a patch; those that are granted already keep what their entry leaves out."""
    if wanted is None:
        return granted
    kept = {grant.code: grant for grant in granted}
    grants: dict[str, FeatureGrant] = {}
    for index, each in enumerate(wanted):
        request = FeatureRequest(code=each) if isinstance(each, str) else each
        code, at = request.code, (*path, "product_features", index)
        feature, before = product.feature(code), kept.get(code)
        if code in grants:
            faults.append(repeated_feature(at, code))
        elif feature is None or not (feature.active or before):
            faults.append(missing_feature(product, at, code))
        elif before is None:
            grants[code] = grant_of(request, feature, None)
        else:
            grants[code] = merged_grant(before, request)
    return tuple(grants.values())


def merged_grant(grant: FeatureGrant, request: FeatureRequest) -> FeatureGrant:
    """The feature of a license with the terms that a request names; null clears one."""
    fields: dict[str, Any] = {
        name: None if value == FEATURE_SYSTEM.get(name) else value
        for name, value in requested_terms(request, FEATURE_TERMS).items()
    }
    for name in ("expiry_date", "total_consumptions", "metadata"):
        if name in request.model_fields_set:
            fields[name] = getattr(request, name)
    if "metadata" in fields:
        fields["metadata"] = fields["metadata"] or {}
    return grant.model_copy(update=fields)

"""Changes of the catalog: the rules by which its records are created and changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from shared.catalog import (
    FeatureGrant,
    LicensePolicy,
    Product,
    ProductFeature,
)
from shared.catalog_requests import (
    MAX_PARTS,
    FeaturePatch,
    NewFeature,
    NewPolicy,
    NewProduct,
    PolicyPatch,
    ProductPatch,
)
from shared.errors import Conflict, Fault, Refused, refuse
from shared.terms import (
    FEATURE_TERMS,
    FeatureTerms,
    Terms,
    explicit_terms,
    requested_terms,
    validate_terms,
)
from shared.values import (
    record_id,
)

DEFAULT_POLICY = "default"


def new_product(
    company: str, request: NewProduct, members: Mapping[str, Product], *, now: datetime
) -> Product:
    """Create a product with its default policy.

    `members` are the existing products among those that a bundle names, by code. Raises Refused.
    """
    _check_product(request, members)
    policy = LicensePolicy(
        id=record_id(company, "policy", request.short_code, DEFAULT_POLICY),
        code=DEFAULT_POLICY,
        name=f"{request.product_name[:240]} default",
        is_default=True,
        created_at=now,
        updated_at=now,
    )
    return Product(
        id=record_id(company, "product", request.short_code),
        policies=(policy,),
        revision=1,
        created_at=now,
        updated_at=now,
        **_given(request),
    )


def change_product(
    product: Product, patch: ProductPatch, members: Mapping[str, Product], *, now: datetime
) -> Product:
    """Apply `patch` to the product. Raises Refused if it changes code, authorization or kind."""
    _immutable(product, patch, "short_code", "authorization_method", "is_bundle")
    changed = Product.model_validate({**dict(product), **_given(patch)})
    _check_product(changed, members)
    return product.changed(now, **{name: getattr(changed, name) for name in _given(patch)})


def add_policy(company: str, product: Product, request: NewPolicy, *, now: datetime) -> Product:
    """Add a policy to the product. Raises Refused."""
    _check_new_part(product, "policy", request.code, product.policies)
    policy = LicensePolicy(
        id=record_id(company, "policy", product.short_code, request.code),
        created_at=now,
        updated_at=now,
        **_given(request, "product", "license_product_feature_templates"),
        license_product_feature_templates=_grants(product, request),
    )
    return _with_policy(product, policy, now)


def change_policy(
    product: Product, policy: LicensePolicy, patch: PolicyPatch, *, now: datetime
) -> Product:
    """Apply `patch` to a policy of the product. Raises Refused if it changes the code."""
    _immutable(policy, patch, "code")
    _same_product(product, patch.product)
    if policy.is_default and patch.is_default is False:
        raise Refused(
            "default_policy_required",
            f"{policy.code} is the default policy of {product.short_code}: make another policy the "
            "default instead",
            field="is_default",
            pointer="/is_default",
            value=False,
        )
    changes = _given(patch, "product", "license_product_feature_templates")
    if patch.license_product_feature_templates is not None:
        changes["license_product_feature_templates"] = _grants(product, patch)
    changed = LicensePolicy.model_validate({**dict(policy), **changes, "updated_at": now})
    return _with_policy(product, changed, now)


def add_feature(company: str, product: Product, request: NewFeature, *, now: datetime) -> Product:
    """Add a feature to the product. Raises Refused."""
    _check_new_part(product, "feature", request.code, product.features)
    feature = ProductFeature(
        id=record_id(company, "feature", product.short_code, request.code),
        created_at=now,
        updated_at=now,
        **_given(request, "product"),
    )
    return product.changed(now, features=(*product.features, feature))


def change_feature(
    product: Product, feature: ProductFeature, patch: FeaturePatch, *, now: datetime
) -> Product:
    """Apply `patch` to a feature of the product. Raises Refused if it changes code or type."""
    _immutable(feature, patch, "code", "feature_type")
    _same_product(product, patch.product)
    changed = ProductFeature.model_validate(
        {**dict(feature), **_given(patch, "product"), "updated_at": now}
    )
    features = tuple(changed if f.id == feature.id else f for f in product.features)
    return product.changed(now, features=features)


def _given(request: BaseModel, *without: str) -> dict[str, Any]:
    """The fields that the request sets, without None, which means the record's default."""
    return {
        name: value
        for name in request.model_fields_set
        if name not in without and ((value := getattr(request, name)) is not None)
    } | {
        name: None
        for name in request.model_fields_set
        if name in Terms.model_fields | FeatureTerms.model_fields and getattr(request, name) is None
    }


def _check_product(product: Product | NewProduct, members: Mapping[str, Product]) -> None:
    faults = validate_terms(
        product.default_license_type or "consumption",
        requested_terms(product),
        explicit_terms(product),
        ends=True,
    )
    codes = product.bundle_products or ()
    if bool(product.is_bundle) != bool(codes):
        message = "a bundle names its members in bundle_products, and only a bundle does"
        faults.append(Fault.at(("bundle_products",), "invalid_bundle", message, list(codes)))
    for index, code in enumerate(codes):
        if fault := _member_fault(product, code, members.get(code), codes.index(code) != index):
            faults.append(Fault.at(("bundle_products", index), "invalid_bundle", fault, code))
    refuse(faults)


def _member_fault(
    product: Product | NewProduct, code: str, member: Product | None, repeated: bool
) -> str | None:
    if repeated:
        return f"{code} is named twice"
    if member is None:
        return f"there is no product {code}"
    if member.is_bundle:
        return f"{code} is a bundle itself"
    if member.authorization_method != (product.authorization_method or "license-key"):
        return (
            f"{code} is authorized by {member.authorization_method}; "
            "all members and the bundle must be authorized in the same way"
        )
    return None


def _immutable(record: BaseModel, patch: BaseModel, *names: str) -> None:
    refuse(
        [
            Fault.at((name,), "immutable", f"{name} can't be changed once it is set", wanted)
            for name in names
            if (wanted := getattr(patch, name)) is not None and wanted != getattr(record, name)
        ]
    )


def _same_product(product: Product, named: int | str | None) -> None:
    if named is not None and named not in (product.id, product.short_code):
        message = "product can't be changed once it is set"
        refuse([Fault.at(("product",), "immutable", message, named)])


def _check_new_part(
    product: Product, kind: str, code: str, parts: tuple[LicensePolicy | ProductFeature, ...]
) -> None:
    """Refuse a policy or feature whose code exists, or that would be one too many."""
    if any(part.code == code for part in parts):
        raise Conflict(
            f"{kind}_exists",
            f"Product {product.short_code} already has a {kind} {code}",
            field="code",
            pointer="/code",
            value=code,
        )
    if len(parts) >= MAX_PARTS:
        plural = {"policy": "policies", "feature": "features"}[kind]
        raise Refused(
            "too_many",
            f"Product {product.short_code} has {MAX_PARTS} {plural}, which is the maximum",
        )


def _grants(product: Product, request: PolicyPatch) -> tuple[FeatureGrant, ...]:
    """The features that a policy request names by id or code. Raises Refused for unknown ones."""
    faults, grants = [], []
    by_name: dict[int | str, ProductFeature] = {f.id: f for f in product.features}
    by_name |= {f.code: f for f in product.features}
    for index, template in enumerate(request.license_product_feature_templates or ()):
        if feature := by_name.get(template.product_feature):
            grants.append(
                FeatureGrant(
                    code=feature.code,
                    expiry_date=template.expiry_date,
                    metadata=template.metadata or {},
                    **explicit_terms(template, FEATURE_TERMS),
                )
            )
        else:
            faults.append(
                Fault.at(
                    ("license_product_feature_templates", index, "product_feature"),
                    "unsupported_product_feature",
                    f"Product {product.short_code} has no feature {template.product_feature}",
                    template.product_feature,
                )
            )
    refuse(faults)
    return tuple(grants)


def _with_policy(product: Product, policy: LicensePolicy, now: datetime) -> Product:
    """Add or replace a policy, keeping exactly one default policy."""
    if policy.is_default and policy.is_archived:
        raise Refused(
            "default_policy_required",
            f"{policy.code} is the default policy of {product.short_code}: it can't be archived",
            field="is_archived",
            pointer="/is_archived",
            value=True,
        )
    faults = validate_terms(
        policy.default_license_type or product.default_license_type or "consumption",
        requested_terms(policy),
        explicit_terms(policy)
        if policy.max_activations is not None
        else {**explicit_terms(product), **explicit_terms(policy)},
        ends=True,
    )
    refuse(faults)
    others = tuple(
        p.model_copy(update={"is_default": False}) if policy.is_default else p
        for p in product.policies
    )
    if any(p.id == policy.id for p in others):
        policies = tuple(policy if p.id == policy.id else p for p in others)
    else:
        policies = (*others, policy)
    return product.changed(now, policies=policies)

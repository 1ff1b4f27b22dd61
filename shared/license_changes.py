"""Changes of issued licenses, by the same rules as those of an order.

A change names fields: absent ones keep their values, and null clears a field that can have no
value. Everything else about the license, such as its key, its order and its users, stays.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    model_validator,
)

from shared.catalog import FeatureGrant, Product
from shared.changed_meanwhile import Seen, require_unchanged
from shared.errors import Fault, Path, Refused, refuse
from shared.license_features import FeaturesRequest, changed_features
from shared.licenses import (
    FeatureRequest,
    License,
    Offer,
    OptionalCode,
    RequestedTerms,
    grant_of,
    offer,
)
from shared.terms import (
    SYSTEM,
    TERMS,
    explicit_terms,
    requested_terms,
    resolve_terms,
    validate_terms,
)
from shared.values import (
    Code,
    Metadata,
    OptionalReference,
    OptionalText,
    RecordId,
    is_unset_time,
)

MOST = 100
"""Licenses that are changed in one transaction, which has at most 100 operations."""
_DATES = ("validity_period", "start_date", "maintenance_period")
_IDENTITY: Mapping[str, Callable[[License], tuple[Any, ...]]] = {
    "id": lambda lic: (lic.id,),
    "license_key": lambda lic: (lic.license_key,),
    "license_type": lambda lic: (lic.license_type,),
    "product": lambda lic: (lic.product_id, lic.product_code),
    "product_id": lambda lic: (lic.product_id,),
    "product_code": lambda lic: (lic.product_code,),
    "license_template": lambda lic: (lic.policy_id,),
    "policy_code": lambda lic: (lic.policy_code,),
    "order": lambda lic: (lic.order_id,),
    "order_id": lambda lic: (lic.order_id,),
    "order_item": lambda lic: (lic.order_item_id,),
    "order_store_id": lambda lic: (lic.order_store_id,),
    "customer": lambda lic: (lic.customer_id,),
    "license_users": lambda _: (),
    "created_at": lambda _: (),
}
"""Fields that can't be changed, with the values that may be repeated."""


class LicensePatch(RequestedTerms):
    """Fields of a license to set. LicenseSpring: Update License.

    `product_features` replaces the list. A feature that the license has already keeps the terms
    that its entry does not name.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"validity_period": "2030-12-31", "max_activations": 7}},
    )

    note: OptionalText = None
    subscription_id: OptionalReference = None
    metadata: Metadata | None = None
    total_consumptions: Annotated[
        Literal[0] | None, Field(description="consumption is not served, so there is none")
    ] = None
    id: Any = None
    license_key: Any = None
    license_type: Any = None
    product: Any = None
    product_id: Any = None
    product_code: Any = None
    license_template: Any = None
    policy_code: Any = None
    order: Any = None
    order_id: Any = None
    order_item: Any = None
    order_store_id: Any = None
    customer: Any = None
    license_users: Any = None
    created_at: Any = None
    updated_at: Seen = None

    @model_validator(mode="before")
    @classmethod
    def _without_unset_dates(cls, given: Any) -> Any:
        """Go's and PHP's zero times mean absent, so that they never remove an end date."""
        if not isinstance(given, dict):
            return given
        return {
            name: value
            for name, value in given.items()
            if name not in (*_DATES, "updated_at") or not is_unset_time(value)
        }


class BulkPatch(LicensePatch):
    """Fields to set of the license with this id."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"id": 1, "max_activations": 7}}
    )

    id: RecordId


def _few[T](entries: tuple[T, ...]) -> tuple[T, ...]:
    if not 1 <= len(entries) <= MOST:
        raise ValueError(f"must have 1 to {MOST} entries, not {len(entries)}")
    return entries


class BulkUpdate(RootModel[Annotated[tuple[BulkPatch, ...], AfterValidator(_few)]]):
    """Changes of several licenses, which are all made or none."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"minItems": 1, "maxItems": MOST, "example": [{"id": 1, "note": "x"}]},
    )


type Ids = Annotated[
    tuple[RecordId, ...],
    AfterValidator(_few),
    Field(json_schema_extra={"minItems": 1, "maxItems": MOST}),
]


class LicenseIds(BaseModel, frozen=True, extra="forbid"):
    """Ids of licenses, as some published clients send them."""

    license_ids: Ids


def _kind_of_ids(value: Any) -> str | None:
    if isinstance(value, dict | LicenseIds):
        return "named"
    return "bare" if isinstance(value, list | tuple) else None


class BulkIds(
    RootModel[
        Annotated[
            Annotated[Ids, Tag("bare")] | Annotated[LicenseIds, Tag("named")],
            Discriminator(
                _kind_of_ids,
                custom_error_type="invalid_value",
                custom_error_message="must be a list of ids of licenses, such as [1, 2]",
            ),
        ]
    ]
):
    """Ids of licenses: a list, or an object with the list."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": [1, 2]})

    @property
    def ids(self) -> tuple[int, ...]:
        return self.root.license_ids if isinstance(self.root, LicenseIds) else self.root

    @property
    def path(self) -> Path:
        """Where the ids are in the body."""
        return ("license_ids",) if isinstance(self.root, LicenseIds) else ()


class PolicyRequest(LicensePatch):
    """A policy to apply to a license, and terms that take precedence over the policy's."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"example": {"policy_code": "studio", "max_activations": 7}},
    )

    policy_code: Code
    license_template_code: OptionalCode = None


def change_license(
    lic: License, patch: LicensePatch, product: Product, *, now: datetime, path: Path = ()
) -> License:
    """Apply a patch to a license; the license itself if nothing differs.

    Raises Refused with all faults, or Conflict if the license was changed after the client read it;
    `path` is the path of the patch in its body.
    """
    faults = _immutable(lic, patch, path)
    terms = {**SYSTEM, **explicit_terms(lic)}
    features = changed_features(lic.product_features, patch.product_features, product, path, faults)
    changed = _changed(lic, patch, terms, features, product, now, path, faults)
    return _checked(lic, changed, patch, now, path)


def change_features(
    lic: License, request: FeaturesRequest, product: Product, *, now: datetime
) -> License:
    """Replace the features of a license; the license itself if nothing differs.

    A feature that the license has already keeps the terms that its entry does not name. Raises
    Refused with all faults, or Conflict. LicenseSpring: Update License Product Features.
    """
    patch = LicensePatch(
        product_features=tuple(entry.requested(product) for entry in request.product_features),
        updated_at=request.updated_at,
    )
    return change_license(lic, patch, product, now=now)


def apply_policy(
    lic: License, request: PolicyRequest, product: Product, *, now: datetime
) -> License:
    """Give a license the terms and features of another policy of its product.

    The explicit fields of the request take precedence. Type, key, users and consumption stay.
    Raises Refused with all faults, or Conflict. LicenseSpring: Apply License Policy.
    """
    other = request.license_template_code
    faults = _immutable(lic, request, (), without=("policy_code",))
    if other is not None and other != request.policy_code:
        message = "license_template_code and policy_code differ"
        faults.append(Fault.at(("license_template_code",), "alias_conflict", message, other))
    sold = offer(product, request.policy_code)
    if sold is None:
        message = (
            f"Product {product.short_code} has no policy {request.policy_code}, or it is archived"
        )
        fault = Fault.at(("policy_code",), "unknown_policy", message, request.policy_code)
        raise Refused("unknown_policy", message, faults=[*faults, fault])
    kept = {grant.code: grant for grant in lic.product_features}
    offered = (_of_policy(grant, kept.get(grant.code), sold) for grant in sold.features)
    granted = tuple(grant for grant in offered if grant is not None)
    features = changed_features(granted, request.product_features, product, (), faults)
    moved = lic.model_copy(update={"policy_id": sold.policy.id, "policy_code": sold.policy.code})
    terms = resolve_terms(lic.license_type, {}, sold.terms)
    if not (lic.is_trial or request.is_trial):
        terms.pop("trial_days", None)
    if terms.get("valid_duration") and "validity_period" not in request.model_fields_set:
        moved = moved.model_copy(update={"validity_period": None})
    changed = _changed(moved, request, terms, features, product, now, (), faults)
    return _checked(lic, changed, request, now, ())


def _changed(
    lic: License,
    patch: LicensePatch,
    inherited: Mapping[str, Any],
    features: tuple[FeatureGrant, ...],
    product: Product,
    now: datetime,
    path: Path,
    faults: list[Fault],
) -> License:
    """The license with the patch over `inherited` terms."""
    wanted = requested_terms(patch)
    alias = patch.enable_maintenance_duration
    if alias is not None and wanted.setdefault("enable_maintenance_period", alias) != alias:
        message = "enable_maintenance_duration and enable_maintenance_period differ"
        at = (*path, "enable_maintenance_duration")
        faults.append(Fault.at(at, "alias_conflict", message, alias))
    terms = resolve_terms(lic.license_type, wanted, inherited)
    fields = _fields(lic, patch, now)
    if wanted.get("valid_duration") and patch.validity_period:
        message = "valid_duration and validity_period both end the license: send one of them"
        at = (*path, "validity_period")
        faults.append(Fault.at(at, "term_conflict", message, patch.validity_period.isoformat()))
    elif patch.validity_period:
        terms.pop("valid_duration", None)
    elif wanted.get("valid_duration") and terms.get("valid_duration"):
        fields["validity_period"] = None
    if patch.is_trial is False and "trial_days" not in wanted:
        terms.pop("trial_days", None)
    end = fields.get("validity_period", lic.validity_period)
    ends = end is not None or product.is_bundle
    faults += validate_terms(lic.license_type, wanted, terms, ends=ends, path=path)
    refuse(faults)
    stored = {
        name: None if terms.get(name) == SYSTEM.get(name) else terms.get(name) for name in TERMS
    }
    return lic.model_copy(update={**fields, **stored, "product_features": features})


def _checked(
    lic: License, changed: License, patch: LicensePatch, now: datetime, path: Path
) -> License:
    """The changed license, stamped; the license itself if nothing differs. Raises Conflict."""
    if _json(lic) == _json(changed):  # in which 1 and true differ
        return lic
    after = stamped(changed, lic, now)
    old, new = (
        {**each.model_dump(mode="json"), **SYSTEM, **explicit_terms(each)} for each in (lic, after)
    )
    named = patch.model_fields_set
    require_unchanged(f"license {lic.id}", old, new, patch.updated_at, named=named, path=path)
    return after


def _fields(lic: License, patch: LicensePatch, now: datetime) -> dict[str, Any]:
    """The fields other than terms and features that a patch sets."""
    given = patch.model_fields_set
    fields: dict[str, Any] = {
        name: getattr(patch, name) for name in (*_DATES, "note", "subscription_id") if name in given
    }
    if "metadata" in given:
        fields["metadata"] = patch.metadata or {}
    if "custom_fields" in given:
        fields["custom_fields"] = patch.custom_fields or ()
    if patch.is_trial is not None:
        fields["is_trial"] = patch.is_trial
    if patch.enabled is not None and patch.enabled != lic.enabled:
        fields |= {"enabled": patch.enabled, "time_disabled": None if patch.enabled else now}
    return fields


def _immutable(
    lic: License, patch: LicensePatch, path: Path, without: Sequence[str] = ()
) -> list[Fault]:
    """Faults of fields that a patch would change and that can't be changed."""
    return [
        Fault.at((*path, name), "immutable", f"{name} of a license can't be changed", _plain(value))
        for name, known in _IDENTITY.items()
        if name in patch.model_fields_set
        and name not in without
        and (value := getattr(patch, name)) not in known(lic)
    ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else None


def _of_policy(
    template: FeatureGrant, before: FeatureGrant | None, sold: Offer
) -> FeatureGrant | None:
    """A feature of a policy for a license that may have it; None for one that is not for sale."""
    feature = sold.product.feature(template.code)
    if feature is None or not (feature.active or before):
        return None
    grant = grant_of(FeatureRequest(code=template.code), feature, template)
    if before is None:
        return grant
    names = ("total_consumptions", "made_by", "applied_rows")
    kept = {name: getattr(before, name) for name in names}
    return grant.model_copy(update=kept)


def _json(lic: License) -> bytes:
    return orjson.dumps(lic.model_dump(mode="json", exclude={"updated_at"}))


def stamped(changed: License, before: License, now: datetime) -> License:
    """The changed license with an `updated_at` that no earlier version has: it is the lock."""
    updated_at = max(now, before.updated_at + timedelta(microseconds=1))
    return changed.model_copy(update={"updated_at": updated_at})

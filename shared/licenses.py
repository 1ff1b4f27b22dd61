"""Licenses: the fields of a license request, and how a license is issued under a policy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import is_
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag

from shared.catalog import FeatureGrant, LicensePolicy, Product, ProductFeature
from shared.customers import UserRequest
from shared.errors import Fault, Path, refuse
from shared.terms import (
    FEATURE_SYSTEM,
    FEATURE_TERMS,
    SYSTEM,
    FeatureTerms,
    LicenseType,
    Terms,
    explicit_terms,
    inherited_terms,
    requested_terms,
    resolve_terms,
    validate_terms,
)
from shared.values import (
    BLANK,
    EMPTY,
    Code,
    Count,
    Email,
    Flag,
    Integer,
    LicenseKey,
    Line,
    Metadata,
    Number,
    OptionalDay,
    OptionalReference,
    OptionalText,
    RecordId,
    StrictFlag,
    Text,
    drawn,
)

KEY_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def _one_is_a_list(value: Any) -> Any:
    """Accept one user without a list, and null as an empty list, as Go clients send it."""
    if value is None:
        return []
    return [value] if isinstance(value, dict) else value


type OptionalKey = Annotated[LicenseKey | None, *BLANK]
type OptionalUser = Annotated[UserRequest | None, *EMPTY]
type OptionalCode = Annotated[Code | None, *BLANK]
type Users = Annotated[
    tuple[UserRequest, ...], BeforeValidator(_one_is_a_list), Field(max_length=1000)
]


class FeatureRequest(FeatureTerms, frozen=True, extra="forbid", defer_build=False):
    """A product feature for one license, in the long form with its own terms."""

    code: Code
    expiry_date: OptionalDay = None
    total_consumptions: Count | None = None
    metadata: Metadata | None = None


def _kind_of_feature(value: Any) -> str | None:
    if isinstance(value, str):
        return "short"
    return "long" if isinstance(value, dict | FeatureRequest) else None


# Discriminated by JSON type, so that an error in one form does not mention the other form.
type Feature = Annotated[
    Annotated[Code, Tag("short")] | Annotated[FeatureRequest, Tag("long")],
    Discriminator(
        _kind_of_feature,
        custom_error_type="feature_type",
        custom_error_message='must be a feature code, or an object such as {"code": "export"}',
    ),
]


class CustomField(BaseModel, frozen=True, extra="forbid"):
    """A custom value, which is stored and returned as it is."""

    name: Line
    value: StrictFlag | Integer | Number | Text | None = None


class RequestedTerms(Terms, frozen=True, defer_build=True):
    """The terms that a request to create or to change a license can name."""

    validity_period: OptionalDay = None
    start_date: OptionalDay = None
    maintenance_period: OptionalDay = None
    enable_maintenance_duration: Annotated[
        Flag | None, Field(description="published alias of enable_maintenance_period")
    ] = None
    product_features: tuple[Feature, ...] | None = Field(None, max_length=200)
    custom_fields: tuple[CustomField, ...] | None = Field(None, max_length=50)
    is_trial: Flag | None = None
    enabled: Flag | None = None


class MemberRequest(RequestedTerms, frozen=True, extra="forbid", defer_build=False):
    """The fields that any license request can have. LicenseSpring: Create Order, `licenses`."""

    product_code: OptionalCode = None
    policy_code: OptionalCode = None
    license_template_code: Annotated[
        OptionalCode,
        Field(description="deprecated: use policy_code", json_schema_extra={"deprecated": True}),
    ] = None
    license_template: RecordId | None = None
    license_type: LicenseType | None = None
    active: Flag | None = None
    note: OptionalText = None
    subscription_id: OptionalReference = None
    metadata: Metadata | None = None
    customer_account_id: RecordId | None = None

    @property
    def policy_name(self) -> str | None:
        """The requested policy, by either of LicenseSpring's two field names."""
        return self.policy_code or self.license_template_code


class LicenseRequest(MemberRequest, frozen=True, extra="forbid", defer_build=True):
    """One license to issue; all fields are optional.

    In a bundle order, either each license names a member's `product_code` and policy, or one
    license has all members in `products`.
    """

    key: OptionalKey = None
    users: Users = ()
    user: OptionalUser = None
    products: tuple[MemberRequest, ...] | None = Field(None, max_length=50)
    bundle_products: tuple[MemberRequest, ...] | None = Field(None, max_length=50)

    @property
    def all_users(self) -> tuple[UserRequest, ...]:
        return (*self.users, self.user) if self.user else self.users


class LicenseUserRef(BaseModel, frozen=True):
    """A user who is assigned to a license."""

    user_id: int
    email: Email
    is_manager: bool = False
    max_activations: int | None = None


class LicenseFields(Terms, frozen=True, defer_build=True):
    """The fields that the record and the view of a license share."""

    license_key: str | None = None
    license_type: LicenseType
    policy_code: str
    order_store_id: str
    validity_period: date | None = None
    start_date: date | None = None
    maintenance_period: date | None = None
    is_trial: bool = False
    custom_fields: tuple[CustomField, ...] = ()
    enabled: bool = True
    active: bool = False
    time_disabled: datetime | None = None
    note: str | None = None
    subscription_id: str | None = None
    customer_account_id: int | None = None
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime


class License(LicenseFields, frozen=True, defer_build=False):
    """A license of one product. Terms with their system default are not stored.

    `unsettled` names the row of an order that was too large for one transaction, as
    `<order id>/<part>/<fingerprint>`: the license is visible once that row exists. `made_by` is the
    import row that created the license; `applied_rows` are the last import rows that changed it.
    `row_name` is the name by which an import has created a license without key: see
    `row_keys.name_without_key`.
    """

    id: int
    product_id: int
    product_code: str
    policy_id: int
    order_id: int
    order_item_id: int
    customer_id: int | None = None
    bundle_license_id: int | None = None
    product_features: tuple[FeatureGrant, ...] = ()
    license_users: tuple[LicenseUserRef, ...] = ()
    unsettled: str | None = None
    made_by: str | None = None
    applied_rows: tuple[str, ...] = ()
    row_name: str | None = None


def user_text(user: LicenseUserRef | UserRequest) -> str:
    """A user as in the cell of a file: the e-mail address, with `*` at its end for a manager."""
    return f"{user.email}{'*' * user.is_manager}"


def users_text(users: Iterable[LicenseUserRef | UserRequest]) -> str:
    """Users as in the cell of a file, such as `ana@acme.example*;ben@acme.example`, sorted."""
    return ";".join(sorted(map(user_text, users)))


OWN = ("id", "license_key", "note", "subscription_id", "metadata")
"""Fields in which licenses with equal terms can differ."""
_NOT_OWN = dict.fromkeys(OWN)
_OF_GRANT = (*FEATURE_TERMS, "expiry_date", "total_consumptions")
"""Fields of a feature request that take the place of the policy's, where null means "none"."""


def compared(licenses: Iterable[License]) -> Iterator[tuple[License, bool]]:
    """Each license, and whether it equals the previous one except for the fields in OWN.

    Fields with JSON values are compared by identity, because Python considers 1 and true equal.
    """
    before: dict[str, Any] = {}
    nested: tuple[Any, ...] = ()
    for lic in licenses:
        fields = {**lic.__dict__, **_NOT_OWN}
        parts = lic.product_features, lic.custom_fields, lic.license_users
        same = fields == before and all(map(is_, parts, nested))
        before, nested = fields, parts
        yield lic, same


@dataclass(frozen=True, slots=True)
class Offer:
    """A product and a policy, with the terms of a license that requests none."""

    product: Product
    policy: LicensePolicy
    license_type: LicenseType
    terms: Mapping[str, Any]
    features: tuple[FeatureGrant, ...]


def offer(product: Product, policy_code: str | None) -> Offer | None:
    """The offer of a policy, by default the product's default policy.

    None if the product has no such policy, or the policy is archived.
    """
    policy = product.policy(policy_code) if policy_code else product.default_policy
    if policy is None or policy.is_archived:
        return None
    default = product.default_policy
    license_type: LicenseType = (
        policy.default_license_type
        or default.default_license_type
        or product.default_license_type
        or "perpetual"
    )
    features = policy.license_product_feature_templates
    return Offer(
        product,
        policy,
        license_type,
        inherited_terms(policy, default, product),
        features or default.license_product_feature_templates,
    )


def issue(
    request: MemberRequest,
    offer: Offer,
    path: Path,
    *,
    now: datetime,
    prevent_vm: bool = False,
    ends_anyway: bool = False,
    **known: Any,
) -> License:
    """Issue the license that `request` describes under `offer`; `known` are its other fields.

    `ends_anyway` is for the license of a bundle, whose members have the end date. Raises Refused
    with all faults; `path` is the path of the request in its body.
    """
    license_type = request.license_type or offer.license_type
    wanted = requested_terms(request)
    if request.enable_maintenance_duration is not None:
        wanted.setdefault("enable_maintenance_period", request.enable_maintenance_duration)
    if prevent_vm:
        wanted["prevent_vm"] = True
    terms = resolve_terms(license_type, wanted, offer.terms)
    if not request.is_trial and "trial_days" not in wanted:
        terms.pop("trial_days", None)
    ends = ends_anyway or request.validity_period is not None
    faults = validate_terms(license_type, wanted, terms, ends=ends, path=path)
    faults += _aliases_at_odds(request, path)
    features = _features(request.product_features, offer, path, faults)
    refuse(faults)
    return License(
        license_type=license_type,
        product_id=offer.product.id,
        product_code=offer.product.short_code,
        policy_id=offer.policy.id,
        policy_code=offer.policy.code,
        validity_period=request.validity_period,
        start_date=request.start_date,
        maintenance_period=request.maintenance_period,
        is_trial=bool(request.is_trial),
        product_features=features,
        custom_fields=request.custom_fields or (),
        enabled=request.enabled is not False,
        active=bool(request.active),
        note=request.note,
        subscription_id=request.subscription_id,
        customer_account_id=request.customer_account_id,
        metadata=request.metadata or {},
        created_at=now,
        updated_at=now,
        **{name: value for name, value in terms.items() if value != SYSTEM.get(name)},
        **known,
    )


def grant_of(
    request: FeatureRequest, feature: ProductFeature, template: FeatureGrant | None
) -> FeatureGrant:
    """Resolve a license's feature: request overrides policy, and policy overrides product."""
    terms = explicit_terms(feature, FEATURE_TERMS)
    if template:
        terms |= explicit_terms(template, FEATURE_TERMS)
    terms |= requested_terms(request, FEATURE_TERMS)
    says_more = request.metadata or requested_terms(request, _OF_GRANT)
    more = request if says_more or template is None else template
    return FeatureGrant(
        code=feature.code,
        expiry_date=more.expiry_date,
        total_consumptions=more.total_consumptions,
        metadata=more.metadata or {},
        **{name: value for name, value in terms.items() if value != FEATURE_SYSTEM.get(name)},
    )


def new_key(seed: bytes, label: str, length: int = 16, alphabet: str = KEY_ALPHABET) -> str:
    """A license key in groups of four, such as `G8HA-SRRZ-A6WK-TJWB`.

    16 characters of the default alphabet have 80 bits. LicenseSpring: Generate License Key.
    """
    letters = drawn(seed, label, length, alphabet)
    return "-".join([letters[at : at + 4] for at in range(0, length, 4)])


def status_of(license: License, today: date) -> str:
    """LicenseSpring's status of a license. Never "Active", because activations are not served."""
    if not license.enabled:
        return "Disabled"
    if license.validity_period and license.validity_period < today:
        return "Expired"
    return "Inactive"


def _aliases_at_odds(request: MemberRequest, path: Path) -> list[Fault]:
    pairs = (
        ("policy_code", "license_template_code"),
        ("enable_maintenance_period", "enable_maintenance_duration"),
    )
    return [
        Fault.at((*path, alias), "alias_conflict", f"{alias} and {name} differ", theirs)
        for name, alias in pairs
        if (theirs := getattr(request, alias)) is not None
        and (ours := getattr(request, name)) is not None
        and theirs != ours
    ]


def _features(
    wanted: Sequence[str | FeatureRequest] | None, offer: Offer, path: Path, faults: list[Fault]
) -> tuple[FeatureGrant, ...]:
    """The features of a license with resolved terms: the requested ones, or the policy's."""
    templates = {grant.code: grant for grant in offer.features}
    requests = offer.features if wanted is None else wanted
    grants: dict[str, FeatureGrant] = {}
    for index, request in enumerate(requests):
        code = request if isinstance(request, str) else request.code
        feature = offer.product.feature(code)
        if feature is None or not feature.active or code in grants:
            if wanted is not None:
                at = (*path, "product_features", index)
                repeated = code in grants
                faults.append(
                    repeated_feature(at, code)
                    if repeated
                    else missing_feature(offer.product, at, code)
                )
            continue
        own = request if isinstance(request, FeatureRequest) else FeatureRequest(code=code)
        grants[code] = grant_of(own, feature, templates.get(code))
    return tuple(grants.values())


def missing_feature(product: Product, path: Path, code: str) -> Fault:
    """The fault of a feature that a product does not have, or that is not active."""
    return Fault.at(
        path,
        "unsupported_product_feature",
        "One or more of requested product features do not exist or are not enabled on the product: "
        f"{code} on {product.short_code}",
        code,
    )


def repeated_feature(path: Path, code: str) -> Fault:
    """The fault of a feature that is named twice."""
    return Fault.at(path, "feature_repeated", f"{code} appears twice on one license", code)

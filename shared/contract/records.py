"""The views of records, with the names and shapes of the LicenseSpring Management API.

LicenseSpring: Orders, Licenses, Customers, Products, License Policies, Product Features. Fields
that are not served are left out; a field that is present always has LicenseSpring's type. Models
are built on first use (`defer_build`), so that functions that do not use them start faster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from shared.catalog import FeatureGrant, LicensePolicy, Product, ProductFeature
from shared.customers import Customer, CustomerFields, LicenseUser
from shared.licenses import OWN, CustomField, License, LicenseUserRef, compared, status_of
from shared.orders import Order, OrderItem
from shared.terms import (
    FEATURE_SYSTEM,
    FEATURE_TERMS,
    SYSTEM,
    FeatureTerms,
    LicenseType,
    Terms,
    explicit_terms,
)
from shared.values import record_id


class _Identified(BaseModel, frozen=True, defer_build=True):
    """The id comes first."""

    id: int


class FeatureView(FeatureTerms, _Identified, frozen=True, defer_build=True):
    """A product feature."""

    product: int
    code: str
    name: str
    feature_type: str
    active: bool
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class GrantView(FeatureTerms, _Identified, frozen=True, defer_build=True):
    """A feature of a policy or a license, with its terms."""

    product_feature: FeatureView
    expiry_date: date | None = None
    total_consumptions: int = 0
    metadata: dict[str, Any] = {}


class PolicyView(Terms, _Identified, frozen=True, defer_build=True):
    """A license policy ("license template")."""

    code: str
    name: str
    product: int
    is_default: bool
    is_archived: bool
    default_license_type: LicenseType | None = None
    allow_trial: bool
    user_max_activations: int | None = None
    license_product_feature_templates: list[GrantView]
    license_custom_field_templates: list[dict[str, Any]]
    installation_file: str | None = None
    is_sku: bool
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ProductView(Terms, _Identified, frozen=True, defer_build=True):
    """A product, or a bundle of products."""

    company: int
    short_code: str
    product_name: str
    authorization_method: str
    active: bool
    is_archived: bool
    is_bundle: bool
    bundle_products: list[str]
    allow_trial: bool
    default_license_type: LicenseType | None = None
    key_length: int
    subscription_duration: str | None = None
    hardware_id_required: bool
    is_node_locked: bool
    is_user_locked: bool
    is_upgrade: bool
    upgrade_from: list[str]
    product_features: list[FeatureView]
    custom_fields: list[dict[str, Any]]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class CustomerView(CustomerFields, _Identified, frozen=True, defer_build=True):
    """A customer. The totals are counted for a single customer, and null in lists."""

    company: int
    customer_account: int | None = None
    labels: list[dict[str, Any]] = []
    clabels: list[dict[str, Any]] = []
    total_orders: int | None = None
    total_licenses: int | None = None
    totals_truncated: Annotated[
        bool | None, Field(description="Whether there may be more than the totals say.")
    ] = None
    created_at: datetime
    updated_at: datetime


class ProductRef(BaseModel, frozen=True, defer_build=True):
    """The product of a license."""

    id: int
    product_name: str
    short_code: str


class LicenseUserView(BaseModel, frozen=True, defer_build=True):
    """A license user of a license; the initial password is shown once, when the user is created."""

    id: int
    email: str
    true_email: str
    is_manager: bool
    max_activations: int | None = None
    initial_password: str | None = None


class UserView(BaseModel, frozen=True, defer_build=True):
    """A license user; the initial password is shown once, when the user is created."""

    id: int
    email: str
    true_email: str
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    is_active: bool
    is_initial_password: bool
    initial_password: str | None = None
    last_login: datetime | None = None
    created_at: datetime
    updated_at: datetime


class LicenseView(Terms, _Identified, frozen=True, defer_build=True):
    """A license with its effective terms."""

    license_key: str | None = None
    license_type: LicenseType
    status: str
    active: bool
    enabled: bool
    product: ProductRef
    license_template: int
    policy_code: str
    order: int
    order_item: int
    order_store_id: str
    bundle_license: int | None = None
    customer: CustomerView | None = None
    created_at: datetime
    updated_at: datetime
    note: str | None = None
    metadata: dict[str, Any]
    time_activated: datetime | None = None
    time_disabled: datetime | None = None
    times_activated: int = 0
    last_check: datetime | None = None
    start_date: date | None = None
    validity_period: date | None = None
    maintenance_period: date | None = None
    is_trial: bool
    active_up_to_date_devices: int = 0
    total_active_devices: int = 0
    floating_in_use_devices: int = 0
    total_consumptions: int = 0
    allow_offline_activation: bool = True
    subscription_id: str | None = None
    customer_account_id: int | None = None
    license_users: list[LicenseUserView]
    license_user: LicenseUserView | None = None
    disabled_user: LicenseUserView | None = None
    product_features: list[GrantView]
    custom_fields: list[CustomField]
    product_custom_fields: list[dict[str, Any]]


class LicenseBrief(BaseModel, frozen=True, defer_build=True):
    """A license in brief, in lists of other records."""

    id: int
    order: int
    order_store_id: str
    license_key: str | None = None
    product_code: str | None = None


class ItemView(BaseModel, frozen=True, defer_build=True):
    """A product of an order. `licenses` are complete for a single order, and brief in lists.

    A large order shows only its first licenses; its `licenses_count` counts all of them.
    """

    id: int
    product_id: int
    product_code: str
    note: str | None = None
    subscription_id: str | None = None
    customer_account_id: int | None = None
    active: bool | None = None
    licenses: list[LicenseView | LicenseBrief]
    created_at: datetime
    updated_at: datetime


class BackOfficeItemView(ItemView, frozen=True, defer_build=True):
    """A product of an order as LicenseSpring's Go client reads it: `product_id` is a string."""

    product_id: str  # type: ignore[assignment]  # the published type of this list


class OrderView(BaseModel, frozen=True, defer_build=True):
    """An order. `store_id` is the client's id; two fields have LicenseSpring's older name too.

    An order shows at most 1,000 of its licenses, in a list 10, and fewer if they do not fit into
    an answer of 6 MB. `license_users` are the users of the licenses that are shown completely.
    """

    id: int
    store_id: str
    client_order_id: str
    company: int
    type: str
    is_test: bool
    is_trial: bool
    reference: str | None = None
    language: str | None = None
    campaign_params: str | None = None
    download_id: str | None = None
    metadata: dict[str, Any]
    customer: CustomerView | None = None
    customer_account: int | None = None
    customer_email: str | None = None
    customer_reference: str | None = None
    customer_first_name: str | None = None
    customer_last_name: str | None = None
    customer_company: str | None = None
    customer_phone: str | None = None
    license_users: list[LicenseUserView]
    licenses_count: Annotated[int, Field(description="How many licenses it has, shown or not.")]
    licenses_url: Annotated[str, Field(description="Where all of them are listed.")]
    has_active_licenses: bool = False
    order_items: list[ItemView]
    back_office_order_items: list[BackOfficeItemView]
    created_at: datetime
    updated_at: datetime


class NewPassword(BaseModel, frozen=True, defer_build=True):
    """The initial password of a license user that the order created."""

    email: str
    new_password: str


class PlacedOrderView(OrderView, frozen=True, defer_build=True):
    """The answer to an order request: the order, and flat lists of the issued licenses.

    After an append, the order shows only what this request added: `licenses_count` counts the added
    licenses, and `licenses_url` lists the licenses of the whole order.
    """

    order_id: int
    license_keys: list[str]
    order_licenses: list[LicenseBrief]
    new_passwords: list[NewPassword]


@dataclass(frozen=True, slots=True)
class Related:
    """The records that a view needs besides its own, by id. Links begin with `base_url`."""

    company: str
    base_url: str
    today: date
    products: Mapping[int, Product]
    customers: Mapping[int, Customer]
    passwords: Mapping[str, str]


def product_view(company: str, product: Product) -> ProductView:
    fields = dict(product)
    features = [feature_view(product, feature) for feature in fields.pop("features")]
    return ProductView.model_validate(
        {**fields, "company": company_id(company), "product_features": features}
    )


def policy_view(product: Product, policy: LicensePolicy) -> PolicyView:
    templates = _grants(product, policy.license_product_feature_templates, closed=False)
    return PolicyView.model_validate(
        {
            **dict(policy),
            "product": product.id,
            "license_product_feature_templates": templates,
        }
    )


def feature_view(product: Product, feature: ProductFeature) -> FeatureView:
    return FeatureView.model_construct(**dict(feature), product=product.id)


def user_view(user: LicenseUser) -> UserView:
    fields = {name: value for name, value in user if name in UserView.model_fields}
    return UserView.model_construct(**fields, true_email=user.email)


def customer_view(
    company: str,
    customer: Customer,
    *,
    total_orders: int | None = None,
    total_licenses: int | None = None,
    totals_truncated: bool | None = None,
) -> CustomerView:
    fields = {name: getattr(customer, name) for name in CustomerFields.model_fields}
    return CustomerView.model_construct(
        **{**fields, "metadata": customer.metadata or {}},
        id=customer.id,
        company=company_id(company),
        total_orders=total_orders,
        total_licenses=total_licenses,
        totals_truncated=totals_truncated,
        created_at=customer.created_at,
        updated_at=customer.updated_at,
    )


def license_view(license: License, related: Related) -> LicenseView:
    """The view of a license; terms that are not stored have the system default."""
    product = related.products[license.product_id]
    seats = [_license_user_view(seat, related) for seat in license.license_users]
    customer = related.customers.get(license.customer_id) if license.customer_id else None
    return LicenseView.model_construct(
        **{**SYSTEM, **explicit_terms(license)},
        id=license.id,
        license_key=license.license_key,
        license_type=license.license_type,
        status=status_of(license, related.today),
        active=license.active,
        enabled=license.enabled,
        product=ProductRef.model_construct(
            id=product.id, product_name=product.product_name, short_code=product.short_code
        ),
        license_template=license.policy_id,
        policy_code=license.policy_code,
        order=license.order_id,
        order_item=license.order_item_id,
        order_store_id=license.order_store_id,
        bundle_license=license.bundle_license_id,
        customer=customer_view(related.company, customer) if customer else None,
        created_at=license.created_at,
        updated_at=license.updated_at,
        note=license.note,
        metadata=license.metadata,
        time_disabled=license.time_disabled,
        start_date=license.start_date,
        validity_period=license.validity_period,
        maintenance_period=license.maintenance_period,
        is_trial=license.is_trial,
        subscription_id=license.subscription_id,
        customer_account_id=license.customer_account_id,
        license_users=seats,
        license_user=seats[0] if seats else None,
        product_features=_grants(product, license.product_features, closed=True),
        custom_fields=list(license.custom_fields),
        product_custom_fields=list(product.custom_fields),
    )


def license_views(licenses: Iterable[License], related: Related) -> Iterator[LicenseView]:
    """The views of licenses; the view of a license like the previous one is a copy."""
    view: LicenseView | None = None
    for lic, same in compared(licenses):
        if view is not None and same:
            view = view.model_copy(update={name: getattr(lic, name) for name in OWN})
        else:
            view = license_view(lic, related)
        yield view


def license_brief(license: License) -> LicenseBrief:
    return LicenseBrief.model_construct(
        id=license.id,
        order=license.order_id,
        order_store_id=license.order_store_id,
        license_key=license.license_key,
        product_code=license.product_code,
    )


def order_view(
    order: Order,
    related: Related,
    licenses: Iterable[License | LicenseBrief] | None,
    *,
    count: int,
    brief: bool = False,
) -> OrderView:
    """The view of an order with its licenses, or with their ids only if `licenses` is None.

    `count` is the number of all licenses. `brief` shows all licenses in brief, for an order whose
    answer would be too large otherwise.
    """
    fields = _order_fields(order, related, licenses, brief=brief)
    return OrderView.model_construct(**fields, licenses_count=count)


def placed_order_view(
    order: Order, related: Related, issued: Sequence[License], *, brief: bool = False
) -> PlacedOrderView:
    """The answer to an order request; `issued` are the licenses of this request."""
    fields = _order_fields(order, related, issued, brief=brief)
    shown = {each.id: each for item in fields["back_office_order_items"] for each in item.licenses}
    return PlacedOrderView.model_construct(
        **fields,
        licenses_count=len(issued),
        order_id=order.id,
        license_keys=list(dict.fromkeys(lic.license_key for lic in issued if lic.license_key)),
        order_licenses=[shown.get(lic.id) or license_brief(lic) for lic in issued],
        new_passwords=[
            NewPassword.model_construct(email=email, new_password=password)
            for email, password in related.passwords.items()
        ],
    )


def company_id(company: str) -> int:
    """The numeric id of a company, which LicenseSpring's clients expect."""
    return record_id(company, "company")


def _order_fields(
    order: Order,
    related: Related,
    licenses: Iterable[License | LicenseBrief] | None,
    *,
    brief: bool,
) -> dict[str, Any]:
    by_id = None if licenses is None else {lic.id: lic for lic in licenses}
    items = [(item, _held(order, item, by_id)) for item in order.items]
    whole = [lic for _, held in items for lic in held if isinstance(lic, License)]
    seats = {seat.email: seat for lic in whole for seat in lic.license_users}
    briefs = [[*map(_in_brief, held)] for _, held in items]
    shown = [_item_view(order, item, short) for (item, _), short in zip(items, briefs, strict=True)]
    if by_id is not None and not brief:
        views: dict[int, LicenseView | LicenseBrief] = {
            view.id: view for view in license_views(whole, related)
        }
        shown = [
            _item_view(order, item, (views.get(lic.id) or _in_brief(lic) for lic in held))
            for item, held in items
        ]
    customer = related.customers.get(order.customer_id) if order.customer_id else None
    return {
        "id": order.id,
        "store_id": order.store_id,
        "client_order_id": order.store_id,
        "company": company_id(related.company),
        "type": order.type,
        "is_test": order.is_test,
        "is_trial": order.is_trial,
        "reference": order.reference,
        "language": order.language,
        "campaign_params": order.campaign_params,
        "download_id": order.download_id,
        "metadata": order.metadata,
        "customer": customer_view(related.company, customer) if customer else None,
        "customer_account": order.customer_account_id,
        "customer_email": customer.email if customer else None,
        "customer_reference": customer.reference if customer else None,
        "customer_first_name": customer.first_name if customer else None,
        "customer_last_name": customer.last_name if customer else None,
        "customer_company": customer.company_name if customer else None,
        "customer_phone": customer.phone if customer else None,
        "license_users": [_license_user_view(seat, related) for seat in seats.values()],
        "licenses_url": f"{related.base_url}/api/v1/licenses/?order={order.id}",
        "order_items": shown,
        "back_office_order_items": [
            BackOfficeItemView.model_construct(
                **{**dict(_item_view(order, item, short)), "product_id": str(item.product_id)}
            )
            for (item, _), short in zip(items, briefs, strict=True)
        ],
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def _held(
    order: Order, item: OrderItem, by_id: Mapping[int, License | LicenseBrief] | None
) -> list[License | LicenseBrief]:
    """The licenses of an item, or their ids."""
    if by_id is not None:
        return [by_id[id] for id in item.license_ids if id in by_id]
    return [
        LicenseBrief.model_construct(id=id, order=order.id, order_store_id=order.store_id)
        for id in item.license_ids
    ]


def _in_brief(lic: License | LicenseBrief) -> LicenseBrief:
    return license_brief(lic) if isinstance(lic, License) else lic


def _item_view(
    order: Order, item: OrderItem, licenses: Iterable[LicenseView | LicenseBrief]
) -> ItemView:
    fields = {name: value for name, value in item if name != "license_ids"}
    return ItemView.model_construct(
        **fields,
        licenses=list(licenses),
        created_at=order.created_at,
        updated_at=order.updated_at,
    )


def _license_user_view(seat: LicenseUserRef, related: Related) -> LicenseUserView:
    return LicenseUserView.model_construct(
        id=seat.user_id,
        email=seat.email,
        true_email=seat.email,
        is_manager=seat.is_manager,
        max_activations=seat.max_activations,
        initial_password=related.passwords.get(seat.email),
    )


def _grants(product: Product, grants: Iterable[FeatureGrant], *, closed: bool) -> list[GrantView]:
    """The views of features; if `closed`, unset terms have the system defaults."""
    by_code = {feature.code: feature for feature in product.features}
    return [
        GrantView.model_construct(
            **{**(FEATURE_SYSTEM if closed else {}), **explicit_terms(grant, FEATURE_TERMS)},
            id=by_code[grant.code].id,
            product_feature=feature_view(product, by_code[grant.code]),
            expiry_date=grant.expiry_date,
            total_consumptions=grant.total_consumptions or 0,
            metadata=grant.metadata,
        )
        for grant in grants
        if grant.code in by_code
    ]

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

from shared.catalog import (
    FeatureFields,
    FeatureGrant,
    LicensePolicy,
    PolicyFields,
    Product,
    ProductFeature,
    ProductFields,
)
from shared.customers import Customer, CustomerFields, LicenseUser, UserFields
from shared.licenses import OWN, License, LicenseFields, LicenseUserRef, compared, status_of
from shared.orders import ItemFields, Order, OrderFields, OrderItem
from shared.terms import FEATURE_SYSTEM, FEATURE_TERMS, SYSTEM, FeatureTerms, explicit_terms
from shared.values import record_id


class _View(
    BaseModel, frozen=True, defer_build=True, json_schema_serialization_defaults_required=True
):
    """A view of a record. The id comes first, and responses have all fields."""

    id: int


class FeatureView(FeatureFields, _View, frozen=True, defer_build=True):
    """A product feature."""

    product: int


class GrantView(FeatureTerms, _View, frozen=True, defer_build=True):
    """A feature of a policy or a license, with its terms."""

    product_feature: FeatureView
    expiry_date: date | None = None
    total_consumptions: int = 0
    metadata: dict[str, Any] = {}


class PolicyView(PolicyFields, _View, frozen=True, defer_build=True):
    """A license policy ("license template")."""

    product: int
    license_product_feature_templates: list[GrantView]


class ProductView(ProductFields, _View, frozen=True, defer_build=True):
    """A product, or a bundle of products."""

    company: int
    product_features: list[FeatureView]


class CustomerView(CustomerFields, _View, frozen=True, defer_build=True):
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


class ProductRef(_View, frozen=True, defer_build=True):
    """The product of a license."""

    product_name: str
    short_code: str


class LicenseUserView(_View, frozen=True, defer_build=True):
    """A license user of a license; the initial password is shown once, when the user is created."""

    email: str
    true_email: str
    is_manager: bool
    max_activations: int | None = None
    initial_password: str | None = None


class UserView(UserFields, frozen=True, defer_build=True):
    """A license user; the initial password is shown once, when the user is created."""

    true_email: str
    initial_password: str | None = None
    last_login: datetime | None = None


class LicenseView(LicenseFields, _View, frozen=True, defer_build=True):
    """A license with its effective terms."""

    status: str
    product: ProductRef
    license_template: int
    order: int
    order_item: int
    bundle_license: int | None = None
    customer: CustomerView | None = None
    time_activated: datetime | None = None
    times_activated: int = 0
    last_check: datetime | None = None
    active_up_to_date_devices: int = 0
    total_active_devices: int = 0
    floating_in_use_devices: int = 0
    total_consumptions: int = 0
    allow_offline_activation: bool = True
    license_users: list[LicenseUserView]
    license_user: LicenseUserView | None = None
    disabled_user: LicenseUserView | None = None
    product_features: list[GrantView]
    product_custom_fields: list[dict[str, Any]]


class LicenseBrief(_View, frozen=True, defer_build=True):
    """A license in brief, in lists of other records."""

    order: int
    order_store_id: str
    license_key: str | None = None
    product_code: str | None = None


class ItemView(ItemFields, _View, frozen=True, defer_build=True):
    """A product of an order. `licenses` are complete for a single order, and brief in lists.

    A large order shows only its first licenses; its `licenses_count` counts all of them.
    """

    licenses: list[LicenseView | LicenseBrief]
    created_at: datetime
    updated_at: datetime


class BackOfficeItemView(ItemView, frozen=True, defer_build=True):
    """A product of an order as LicenseSpring's Go client reads it: `product_id` is a string."""

    product_id: str  # type: ignore[assignment]  # the published type of this list


class OrderView(OrderFields, _View, frozen=True, defer_build=True):
    """An order. `store_id` is the client's id; two fields have LicenseSpring's older name too.

    An order shows at most 1,000 of its licenses, in a list 10, and fewer if they do not fit into
    an answer of 6 MB. `license_users` are the users of the licenses that are shown completely.
    """

    client_order_id: str
    company: int
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
    features = [feature_view(product, feature) for feature in product.features]
    return ProductView.model_construct(
        **_shared(product, ProductFields),
        id=product.id,
        company=company_id(company),
        product_features=features,
    )


def policy_view(product: Product, policy: LicensePolicy) -> PolicyView:
    return PolicyView.model_construct(
        **_shared(policy, PolicyFields),
        id=policy.id,
        product=product.id,
        license_product_feature_templates=_grants(
            product, policy.license_product_feature_templates, closed=False
        ),
    )


def feature_view(product: Product, feature: ProductFeature) -> FeatureView:
    return FeatureView.model_construct(**dict(feature), product=product.id)


def user_view(user: LicenseUser) -> UserView:
    return UserView.model_construct(**_shared(user, UserFields), true_email=user.email)


def customer_view(
    company: str,
    customer: Customer,
    *,
    total_orders: int | None = None,
    total_licenses: int | None = None,
    totals_truncated: bool | None = None,
) -> CustomerView:
    return CustomerView.model_construct(
        **{**_shared(customer, CustomerFields), "metadata": customer.metadata or {}},
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
    users = [_license_user_view(ref, related) for ref in license.license_users]
    customer = related.customers.get(license.customer_id) if license.customer_id else None
    fields = _shared(license, LicenseFields)
    return LicenseView.model_construct(
        **{**fields, **SYSTEM, **explicit_terms(license)},
        id=license.id,
        status=status_of(license, related.today),
        product=ProductRef.model_construct(
            id=product.id, product_name=product.product_name, short_code=product.short_code
        ),
        license_template=license.policy_id,
        order=license.order_id,
        order_item=license.order_item_id,
        bundle_license=license.bundle_license_id,
        customer=customer_view(related.company, customer) if customer else None,
        license_users=users,
        license_user=users[0] if users else None,
        product_features=_grants(product, license.product_features, closed=True),
        product_custom_fields=list(product.custom_fields),
    )


def license_bodies(licenses: Iterable[License], related: Related) -> Iterator[dict[str, Any]]:
    """The views of licenses as JSON values; those of licenses like the previous one share them."""
    shared: dict[str, Any] = {}
    for lic, same in compared(licenses):
        if not same:
            shared = license_view(lic, related).model_dump(mode="json")
        yield {**shared, **{name: getattr(lic, name) for name in OWN}}


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
) -> OrderView:
    """The view of an order with its licenses in brief, or their ids only if `licenses` is None.

    `count` is the number of all licenses.
    """
    return OrderView.model_construct(
        **_order_fields(order, related, licenses), licenses_count=count
    )


def with_whole_licenses(
    view: OrderView, licenses: Iterable[License], related: Related
) -> dict[str, Any]:
    """The view of an order as JSON values, whose `order_items` show these licenses completely."""
    body = view.model_copy(update={"order_items": []}).model_dump(mode="json")
    whole = {lic["id"]: lic for lic in license_bodies(licenses, related)}
    body["order_items"] = [
        {
            **item,
            "product_id": shown.product_id,
            "licenses": [whole.get(lic["id"], lic) for lic in item["licenses"]],
        }
        for shown, item in zip(view.order_items, body["back_office_order_items"], strict=True)
    ]
    return body


def placed_order_view(order: Order, related: Related, issued: Sequence[License]) -> PlacedOrderView:
    """The answer to an order request, with the licenses of this request in brief."""
    fields = _order_fields(order, related, issued)
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
) -> dict[str, Any]:
    by_id = None if licenses is None else {lic.id: lic for lic in licenses}
    items = [(item, _held(order, item, by_id)) for item in order.items]
    users = {
        ref.email: ref
        for _, held in items
        for lic in held
        if isinstance(lic, License)
        for ref in lic.license_users
    }
    briefs = [[*map(_in_brief, held)] for _, held in items]
    shown = [_item_view(order, item, short) for (item, _), short in zip(items, briefs, strict=True)]
    customer = related.customers.get(order.customer_id) if order.customer_id else None
    return {
        **_shared(order, OrderFields),
        "client_order_id": order.store_id,
        "company": company_id(related.company),
        "customer": customer_view(related.company, customer) if customer else None,
        "customer_account": order.customer_account_id,
        "customer_email": customer.email if customer else None,
        "customer_reference": customer.reference if customer else None,
        "customer_first_name": customer.first_name if customer else None,
        "customer_last_name": customer.last_name if customer else None,
        "customer_company": customer.company_name if customer else None,
        "customer_phone": customer.phone if customer else None,
        "license_users": [_license_user_view(ref, related) for ref in users.values()],
        "licenses_url": f"{related.base_url}/api/v1/licenses/?order={order.id}",
        "order_items": shown,
        "back_office_order_items": [
            BackOfficeItemView.model_construct(
                **{**dict(_item_view(order, item, short)), "product_id": str(item.product_id)}
            )
            for (item, _), short in zip(items, briefs, strict=True)
        ],
    }


def _shared(record: BaseModel, fields: type[BaseModel]) -> dict[str, Any]:
    """The fields that a record shares with its view."""
    return {name: getattr(record, name) for name in fields.model_fields}


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
    return ItemView.model_construct(
        **_shared(item, ItemFields),
        licenses=list(licenses),
        created_at=order.created_at,
        updated_at=order.updated_at,
    )


def _license_user_view(ref: LicenseUserRef, related: Related) -> LicenseUserView:
    return LicenseUserView.model_construct(
        id=ref.user_id,
        email=ref.email,
        true_email=ref.email,
        is_manager=ref.is_manager,
        max_activations=ref.max_activations,
        initial_password=related.passwords.get(ref.email),
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

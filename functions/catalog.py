"""HTTP API: products, license policies ("license templates") and product features."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from functions.web.api import Api, Caller, Page
from functions.web.paging import PageQuery, slice_of
from shared.catalog import LicensePolicy, Product, ProductFeature
from shared.catalog_changes import (
    add_feature,
    add_policy,
    change_feature,
    change_policy,
    change_product,
    new_product,
)
from shared.catalog_requests import (
    FeaturePatch,
    NewFeature,
    NewPolicy,
    NewProduct,
    PolicyPatch,
    ProductPatch,
)
from shared.contract.records import (
    FeatureView,
    PolicyView,
    ProductView,
    feature_view,
    policy_view,
    product_view,
)
from shared.errors import Busy, Conflict, Fault, NotFound, Refused
from shared.store.catalog import (
    catalog_heads,
    get_product,
    product_with,
    products_by_id,
    products_named,
    put_product,
)
from shared.store.retry import contended
from shared.values import Code

_AT_ONCE = 25
"""Products per read of a page; a product can have 390 KB, so 100 may not fit one response."""

api = Api("Catalog")


class ProductQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of products."""

    short_code: Code | None = None
    is_archived: bool | None = None
    is_bundle: bool | None = None


class PartQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of policies and features; `product` is an id or a short code."""

    product: Code | None = None
    code: Code | None = None


class PolicyQuery(PartQuery, frozen=True, extra="forbid"):
    """Filters of policies."""

    is_archived: bool | None = None
    is_default: bool | None = None


class Part(NamedTuple):
    """A product, or a policy or feature of one, in a list."""

    product_id: int
    id: int
    created: str


@api.get("/api/v1/products/", scope="records:read")
def list_products(caller: Caller, query: ProductQuery) -> Page[ProductView]:
    """List products, oldest first unless `order_by` is `-created_at`."""
    heads = catalog_heads(caller.company, "short_code", "is_archived", "is_bundle")
    return _product_page(caller, query, heads)


@api.post(
    "/api/v1/products/",
    scope="catalog:write",
    status=201,
    refusals=("product_exists", "invalid_bundle", "product_too_large"),
)
def create_product(caller: Caller, request: NewProduct) -> ProductView:
    """Create a product.

    Its default policy is created with it.
    """
    members = products_named(caller.company, request.bundle_products or ())
    product = new_product(caller.company, request, members, now=datetime.now(UTC))
    if put_product(caller.company, product) or product == get_product(caller.company, product.id):
        return product_view(caller.company, product)
    message = f"There is a product {request.short_code} already"
    fault = Fault.at(("short_code",), "product_exists", message, request.short_code)
    raise Conflict("product_exists", message, faults=[fault])


@api.get("/api/v1/products/<id>/", scope="records:read")
def get_one_product(caller: Caller, id: int) -> ProductView:
    """Get a product."""
    return product_view(caller.company, _product(caller.company, id))


@api.patch(
    "/api/v1/products/<id>/",
    scope="catalog:write",
    refusals=("immutable", "invalid_bundle", "product_too_large"),
)
def patch_product(caller: Caller, id: int, request: ProductPatch) -> ProductView:
    """Update a product.

    Absent fields keep their values; short code and authorization method can't be changed.

    `active: false` disables and `is_archived: true` archives it: no new licenses are issued.
    """
    members = products_named(caller.company, request.bundle_products or ())

    def change(product: Product) -> Product:
        known = members or products_named(caller.company, product.bundle_products)
        return change_product(product, request, known, now=datetime.now(UTC))

    return product_view(
        caller.company, _changed(caller.company, lambda: _product(caller.company, id), change)
    )


@api.get(
    "/api/v1/products/<id>/bundle/",
    scope="records:read",
    refusals=("not_a_bundle", "answer_too_large"),
)
def list_bundle_products(caller: Caller, id: int) -> list[ProductView]:
    """List the members of a bundle.

    Members are in the order of the bundle.
    """
    bundle = _product(caller.company, id)
    if not bundle.is_bundle:
        raise Refused("not_a_bundle", f"{bundle.short_code} is not a bundle")
    members = products_named(caller.company, bundle.bundle_products)
    return [product_view(caller.company, members[code]) for code in bundle.bundle_products]


@api.get("/api/v1/products/<id>/in_bundle/", scope="records:read")
def list_bundles_of_product(caller: Caller, id: int, query: ProductQuery) -> Page[ProductView]:
    """List the bundles that have a product as a member.

    They are listed oldest first unless `order_by` is `-created_at`.
    """
    code = _product(caller.company, id).short_code
    names = ("short_code", "is_archived", "is_bundle", "bundle_products")
    heads = catalog_heads(caller.company, *names)
    bundles = [head for head in heads if code in head.get("bundle_products", ())]
    return _product_page(caller, query, bundles)


@api.get("/api/v1/license-templates/", scope="records:read")
def list_policies(caller: Caller, query: PolicyQuery) -> Page[PolicyView]:
    """List license policies, by product unless `order_by` says otherwise."""
    found = [
        Part(head["id"], policy["id"], str(policy["created_at"]))
        for head in _heads_of(caller.company, query, "policies")
        for policy in head.get("policies", ())
        if query.code in (None, policy["code"])
        and query.is_archived in (None, policy.get("is_archived", False))
        and query.is_default in (None, policy.get("is_default", False))
    ]
    return _page(
        caller,
        query,
        found,
        lambda product, id: policy_view(product, _part(product.policies, id)),
    )


@api.post(
    "/api/v1/license-templates/",
    scope="catalog:write",
    status=201,
    refusals=(
        "policy_exists",
        "unknown_product",
        "unsupported_product_feature",
        "consumption_only",
        "too_many_floating_users",
        "too_many",
        "product_too_large",
    ),
)
def create_policy(caller: Caller, request: NewPolicy) -> PolicyView:
    """Create a license policy of a product.

    `is_default: true` makes it the default policy.
    """
    product = _changed(
        caller.company,
        lambda: _named_product(caller.company, request.product),
        lambda product: add_policy(caller.company, product, request, now=datetime.now(UTC)),
    )
    return policy_view(product, product.policies[-1])


@api.get("/api/v1/license-templates/<id>/", scope="records:read")
def get_policy(caller: Caller, id: int) -> PolicyView:
    """Get a license policy."""
    product = _product_with(caller.company, id)
    return policy_view(product, _part(product.policies, id))


@api.patch(
    "/api/v1/license-templates/<id>/",
    scope="catalog:write",
    refusals=(
        "immutable",
        "default_policy_required",
        "unsupported_product_feature",
        "consumption_only",
        "too_many_floating_users",
        "product_too_large",
    ),
)
def patch_policy(caller: Caller, id: int, request: PolicyPatch) -> PolicyView:
    """Update a license policy.

    Absent fields keep their values, and licenses that were issued do not change.
    """
    product = _changed(
        caller.company,
        lambda: _product_with(caller.company, id),
        lambda product: change_policy(
            product, _part(product.policies, id), request, now=datetime.now(UTC)
        ),
    )
    return policy_view(product, _part(product.policies, id))


@api.get("/api/v1/product-features/", scope="records:read")
def list_features(caller: Caller, query: PartQuery) -> Page[FeatureView]:
    """List product features, by product unless `order_by` says otherwise."""
    found = [
        Part(head["id"], feature["id"], str(feature["created_at"]))
        for head in _heads_of(caller.company, query, "features")
        for feature in head.get("features", ())
        if query.code in (None, feature["code"])
    ]
    return _page(
        caller,
        query,
        found,
        lambda product, id: feature_view(product, _part(product.features, id)),
    )


@api.post(
    "/api/v1/product-features/",
    scope="catalog:write",
    status=201,
    refusals=("feature_exists", "unknown_product", "too_many", "product_too_large"),
)
def create_feature(caller: Caller, request: NewFeature) -> FeatureView:
    """Create a feature of a product."""
    product = _changed(
        caller.company,
        lambda: _named_product(caller.company, request.product),
        lambda product: add_feature(caller.company, product, request, now=datetime.now(UTC)),
    )
    return feature_view(product, product.features[-1])


@api.get("/api/v1/product-features/<id>/", scope="records:read")
def get_feature(caller: Caller, id: int) -> FeatureView:
    """Get a product feature."""
    product = _product_with(caller.company, id)
    return feature_view(product, _part(product.features, id))


@api.patch(
    "/api/v1/product-features/<id>/",
    scope="catalog:write",
    refusals=("immutable", "product_too_large"),
)
def patch_feature(caller: Caller, id: int, request: FeaturePatch) -> FeatureView:
    """Update a product feature.

    Absent fields keep their values.
    """
    product = _changed(
        caller.company,
        lambda: _product_with(caller.company, id),
        lambda product: change_feature(
            product, _part(product.features, id), request, now=datetime.now(UTC)
        ),
    )
    return feature_view(product, _part(product.features, id))


def _changed(
    company: str, read: Callable[[], Product], change: Callable[[Product], Product]
) -> Product:
    """Read, change and write a product with an optimistic lock; retry if the product has changed.

    The other change may be this request's own: a write whose answer was lost is sent again.
    """
    changed = None
    for _ in contended():
        product = read()
        if product == changed:
            return product
        changed = change(product)
        if put_product(company, changed):
            return changed
    raise Busy


def _product(company: str, id: int) -> Product:
    product = get_product(company, id)
    if product is None:
        raise NotFound(f"There is no product {id}")
    return product


def _product_with(company: str, part_id: int) -> Product:
    product = product_with(company, part_id)
    if product is None:
        raise NotFound
    return product


def _named_product(company: str, named: int | str) -> Product:
    """The product that a body names by id or code. Raises Refused if there is none."""
    product = get_product(company, named)
    if product is None:
        fault = Fault.at(("product",), "unknown_product", f"There is no product {named}", named)
        raise Refused("unknown_product", fault.message, faults=[fault])
    return product


def _heads_of(company: str, query: PartQuery, parts: str) -> list[dict[str, Any]]:
    """The products that match a query, with their policies or features."""
    if query.product is None:
        return catalog_heads(company, parts)
    named: int | str = int(query.product) if query.product.isdecimal() else query.product
    product = get_product(company, named) or get_product(company, query.product)
    return [product.model_dump(include={"id", parts})] if product else []


def _product_page(
    caller: Caller, query: ProductQuery, heads: Iterable[Mapping[str, Any]]
) -> Page[ProductView]:
    """A page of the products among `heads` that match a query."""
    found = [
        Part(head["id"], head["id"], head["created_at"])
        for head in heads
        if query.short_code in (None, head["short_code"])
        and query.is_archived in (None, head.get("is_archived", False))
        and query.is_bundle in (None, head.get("is_bundle", False))
    ]
    return _page(caller, query, found, lambda product, _: product_view(caller.company, product))


def _page[V](
    caller: Caller,
    query: PageQuery,
    found: Sequence[Part],
    view: Callable[[Product, int], V],
) -> Page[V]:
    """A page of products or their parts; only the products of this page are read."""

    def load(parts: Sequence[Part]) -> Iterator[V | None]:
        products: dict[int, Product] = {}
        for at, part in enumerate(parts):
            if part.product_id not in products:
                ahead = dict.fromkeys(each.product_id for each in parts[at:])
                products = products_by_id(caller.company, islice(ahead, _AT_ONCE))
            product = products.get(part.product_id)
            yield view(product, part.id) if product else None

    if query.order_by:
        found = sorted(
            found, key=lambda part: (part.created, part.id), reverse=not query.oldest_first
        )
    return slice_of(caller, query, found, load)


def _part[T: (LicensePolicy, ProductFeature)](parts: tuple[T, ...], id: int) -> T:
    found = next((part for part in parts if part.id == id), None)
    if found is None:
        raise NotFound
    return found


handler = api.handler

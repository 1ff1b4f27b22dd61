"""Plan an order: issue all of its licenses, or report all faults of the request."""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from typing import Any

from shared.bundle_requests import MEMBERS, BundleRequest, bundle_requests, misplaced_fields
from shared.catalog import Product
from shared.customers import (
    MOST_LICENSES,
    Customer,
    UserRequest,
    has_other_details,
    new_customer,
    new_license_user,
    update_from_order,
)
from shared.errors import Conflict, Fault, Path, Refused, refuse
from shared.licenses import (
    License,
    LicenseRequest,
    LicenseUserRef,
    MemberRequest,
    Offer,
    issue,
    new_key,
    offer,
)
from shared.orders import (
    FIRST_PART,
    MAX_LICENSES,
    Order,
    OrderContext,
    OrderItem,
    OrderItemRequest,
    OrderPlan,
    OrderRequest,
)
from shared.values import record_id

_MAX_BODY = 300_000
_OWN = frozenset({"key", "users", "user", "metadata", "custom_fields", "note", "subscription_id"})
"""Fields of a license request that do not affect its terms."""


def plan_order(
    company: str,
    request: OrderRequest,
    context: OrderContext,
    *,
    store_id: str,
    token: str,
    seed: bytes,
    secret: bytes,
    now: datetime,
    idempotency_key: str | None = None,
) -> OrderPlan:
    """Issue all licenses of the order. Raises Refused with all faults of the request.

    License keys are derived from `seed` and initial passwords from `secret`, 32 random bytes each.
    LicenseSpring: Create Order.
    """
    if context.pending and context.pending.fingerprint == request.fingerprint:
        seed, now = context.pending.seed, context.pending.begun_at
    created = request.created or now
    customer, customer_id = _customer(request, context, now)
    placing = _Issuing(company, request, context, store_id, seed, now, customer_id)
    items = placing.items()
    refuse([*placing.faults, *_too_many_licenses(placing.licenses, context)])
    body = zlib.compress(request.canonical_json)
    if len(body) > _MAX_BODY:
        raise Refused(
            "order_too_large",
            f"The order is {len(body)} bytes of compressed text, which is more than the "
            f"{_MAX_BODY} that one order can hold: place it as several",
        )
    maker = _maker(context)
    new_users = [
        new_license_user(context.user_ids[email], user, made_by=maker, secret=secret, now=now)
        for email, user in request.users.items()
        # A user of this pending order has a password that was never shown.
        if email not in context.users or context.users[email].made_by == maker
    ]
    order = Order(
        id=context.order_id,
        part=context.part,
        store_id=store_id,
        items=tuple(items),
        customer_id=customer_id,
        is_test=request.is_test,
        is_trial=request.is_trial,
        reference=request.reference,
        language=request.language,
        campaign_params=request.campaign_params,
        download_id=request.download_id,
        customer_account_id=request.customer_account_id,
        add_to_customer_account=request.add_to_customer_account,
        managers=placing.managers,
        metadata=request.metadata or {},
        fingerprint=request.fingerprint,
        body=body,
        token=token,
        idempotency_key=idempotency_key,
        created_at=created,
        updated_at=created,
    )
    return OrderPlan(
        order=order,
        licenses=tuple(placing.licenses),
        products=tuple(placing.sold.values()),
        customer=customer,
        customer_before=context.customer if customer else None,
        users=tuple(user for user, _ in new_users),
        passwords={user.email: password for user, password in new_users},
        seed=seed,
        begun_at=now,
        added_to=None if context.part == FIRST_PART else context.order,
    )


def _terms_of(request: MemberRequest) -> dict[str, Any] | None:
    """The terms of a request: under one offer, licenses with equal terms can be copied.

    None if features have metadata, in which Python would consider 1 and true equal.
    """
    if any(not isinstance(feature, str) for feature in request.product_features or ()):
        return None
    return {name: getattr(request, name) for name in request.model_fields_set - _OWN}


def _too_many_licenses(licenses: Iterable[License], context: OrderContext) -> Iterator[Fault]:
    """The faults of users with more licenses than one can have, together with this order's."""
    seats = Counter(seat.email for lic in licenses for seat in lic.license_users)
    for email, more in seats.items():
        before = len(context.users[email].licenses) if email in context.users else 0
        if before + more > MOST_LICENSES:
            message = f"{email} would have more than {MOST_LICENSES} licenses, which is the maximum"
            yield Fault.at(("items",), "too_many", message, email)


def _maker(context: OrderContext) -> str:
    return f"order {context.order_id} {context.part}"


def _customer(
    request: OrderRequest, context: OrderContext, now: datetime
) -> tuple[Customer | None, int | None]:
    """The new or updated customer, if the order writes one, and the id of the order's customer.

    An append keeps the customer of the order.
    """
    if context.order is not None:
        return None, context.order.customer_id
    if context.customer is not None:
        known, details = context.customer, request.customer
        if context.updates_customer and details and has_other_details(known, details):
            return update_from_order(known, details, now=now), known.id
        return None, known.id
    if request.customer is None or not any(request.customer.fields().values()):
        return None, None
    if context.customer_id is None:
        raise ValueError("the context has no id for the customer of the order")
    made_by = _maker(context)
    customer = new_customer(context.customer_id, request.customer, made_by=made_by, now=now)
    return customer, customer.id


class _Issuing:
    """Issues the licenses of an order item by item, and collects the faults."""

    def __init__(
        self,
        company: str,
        request: OrderRequest,
        context: OrderContext,
        store_id: str,
        seed: bytes,
        now: datetime,
        customer_id: int | None,
    ) -> None:
        self.company, self.request, self.context = company, request, context
        self.store_id, self.seed, self.now, self.customer_id = store_id, seed, now, customer_id
        self.alike: tuple[tuple[Any, ...], License] | None = None
        """The terms of the last license that was issued, and that license."""
        self.faults: list[Fault] = []
        self.licenses: list[License] = []
        self.sold: dict[str, Product] = {}
        self.offers: dict[tuple[str, str | None], Offer | None] = {}
        self.keys: set[str] = set()
        managing = [
            user.email
            for item in request.items
            for user in (*item.users, *(u for lic in item.licenses for u in lic.all_users))
            if user.is_manager
        ]
        self.managers = tuple(dict.fromkeys(managing))

    def items(self) -> list[OrderItem]:
        items = []
        for index, item in enumerate(self.request.items):
            path: Path = ("items", index)
            item_id = record_id(
                self.company, "item", self.context.order_id, self.context.part, index
            )
            before = len(self.licenses)
            if product := self._product(item.product_code, (*path, "product_code")):
                if product.is_bundle != self.request.is_bundle:
                    self._not_a_bundle(product, path)
                elif product.is_bundle:
                    self._bundles(product, item, path, item_id)
                else:
                    self._licenses(product, item, path, item_id)
            items.append(
                OrderItem(
                    id=item_id,
                    product_id=product.id if product else 0,
                    product_code=item.product_code,
                    license_ids=tuple(lic.id for lic in self.licenses[before:]),
                    note=item.note,
                    subscription_id=item.subscription_id,
                    customer_account_id=item.customer_account_id,
                    active=item.active,
                )
            )
        if len(self.licenses) > MAX_LICENSES:
            message = f"an order holds at most {MAX_LICENSES} licenses"
            self._fault(("items",), "too_many_licenses", message, len(self.licenses))
        return items

    def _licenses(self, product: Product, item: OrderItemRequest, path: Path, item_id: int) -> None:
        for name in ("key", "users", "license_policy"):
            if getattr(item, name):
                message = f"{name} is allowed on the item of a bundle only: move it to a license"
                self._fault((*path, name), "bundle_only", message, None)
        label = str(path)
        for index, request in enumerate(item.licenses):
            at: Path = (*path, "licenses", index)
            if request.product_code or request.products or request.bundle_products:
                self._names_members(product, request, at)
            key = self._key(product, request.key, (*at, "key"), f"{label}{index}")
            seats = self._license_users(product, request.all_users, (*at, "users"))
            place: tuple[str | int, ...] = (key,) if key else (item_id, index)
            if sold := self._offer(product, request, at):
                self._issue(request, sold, at, item_id, place, license_key=key, license_users=seats)

    def _names_members(self, product: Product, request: LicenseRequest, path: Path) -> None:
        for name in ("product_code", *MEMBERS):
            if getattr(request, name):
                message = f"{product.short_code} is not a bundle: its licenses name no members"
                self._fault((*path, name), "not_a_bundle", message, None)

    def _bundles(self, bundle: Product, item: OrderItemRequest, path: Path, item_id: int) -> None:
        """Issue one license for the bundle and one per member, all with the same key."""
        self.faults += misplaced_fields(item, path)
        for index, requested in enumerate(bundle_requests(item, path)):
            key = self._key(bundle, requested.key, requested.key_path, f"{path}{index}")
            seats = self._license_users(bundle, requested.users, requested.users_path)
            self._check_members(bundle, requested)
            own = self._offer(
                bundle, MemberRequest(policy_code=item.license_policy), (*path, "license_policy")
            )
            place: tuple[str | int, ...] = (key,) if key else (item_id, index)
            if own is None:
                continue
            bundle_license = self._issue(
                MemberRequest(),
                own,
                path,
                item_id,
                place,
                ends_anyway=True,
                license_key=key,
                license_users=seats,
            )
            for at, request in requested.members:
                member = self._member(bundle, request, at)
                sold = self._offer(member, request, at) if member else None
                if member and sold and bundle_license:
                    member_place = (*place, member.short_code)
                    self._issue(
                        request,
                        sold,
                        at,
                        item_id,
                        member_place,
                        license_key=key,
                        license_users=seats,
                        bundle_license_id=bundle_license.id,
                    )

    def _check_members(self, bundle: Product, requested: BundleRequest) -> None:
        named = [request.product_code for _, request in requested.members]
        missing = [code for code in bundle.bundle_products if code not in named]
        if missing:
            message = (
                f"bundle {bundle.short_code} also has {', '.join(missing)}: "
                "name every member once, with its policy_code"
            )
            self._fault(requested.path, "bundle_member_missing", message, None)
        for at, request in requested.members:
            if request.product_code and named.count(request.product_code) > 1:
                message = f"{request.product_code} is named more than once"
                self._fault((*at, "product_code"), "bundle_member_repeated", message, None)
            if request.policy_name is None:
                message = "policy_code is mandatory for every member of a bundle"
                self._fault((*at, "policy_code"), "policy_required", message, None)

    def _member(self, bundle: Product, request: MemberRequest, at: Path) -> Product | None:
        code = request.product_code
        if code in bundle.bundle_products:
            return self._product(code, (*at, "product_code"))
        message = f"bundle {bundle.short_code} has the members {', '.join(bundle.bundle_products)}"
        self._fault((*at, "product_code"), "unknown_bundle_member", message, code)
        return None

    def _product(self, code: str, path: Path) -> Product | None:
        product = self.context.products.get(code)
        if product is None:
            self._fault(path, "unknown_product", f"There is no product {code}", code)
        elif product.is_archived:
            self._fault(path, "archived_product", f"Product {code} is archived", code)
        elif not product.active:
            self._fault(path, "disabled_product", f"Product {code} is disabled", code)
        else:
            self.sold[code] = product
            return product
        return None

    def _offer(self, product: Product, request: MemberRequest, path: Path) -> Offer | None:
        code = request.policy_name
        if code is None and request.license_template is not None:
            named = (p.code for p in product.policies if p.id == request.license_template)
            code = next(named, str(request.license_template))
        if (product.short_code, code) not in self.offers:
            self.offers[product.short_code, code] = offer(product, code)
        found = self.offers[product.short_code, code]
        if found is None:
            names = ("policy_code", "license_template_code", "license_template")
            name = next((name for name in names if getattr(request, name)), "policy_code")
            message = f"Product {product.short_code} has no policy {code}, or it is archived"
            self._fault((*path, name), "unknown_policy", message, code)
        return found

    def _key(self, product: Product, key: str | None, path: Path, label: str) -> str | None:
        if product.authorization_method == "user":
            if key:
                message = f"{product.short_code} is authorized by user: its licenses have no key"
                self._fault(path, "key_not_allowed", message, key)
            return None
        if key is None:
            return new_key(self.seed, label, product.key_length)
        if key in self.context.taken:
            fault = Fault.at(path, "license_key_exists", "This license key is taken", key)
            raise Conflict("license_key_exists", fault.message, faults=[fault])
        if key in self.keys:
            message = "this license key appears twice in the order"
            self._fault(path, "license_key_repeated", message, key)
        self.keys.add(key)
        return key

    def _license_users(
        self, product: Product, users: tuple[UserRequest, ...], path: Path
    ) -> tuple[LicenseUserRef, ...]:
        if product.authorization_method != "user":
            if users:
                message = f"{product.short_code} is authorized by key: its licenses have no users"
                self._fault(path, "users_not_allowed", message, None)
            return ()
        if not users:
            message = f"{product.short_code} is authorized by user: name at least one"
            self._fault(path, "users_required", message, None)
        if len({user.email for user in users}) < len(users):
            self._fault(path, "user_repeated", "an e-mail appears twice on one license", None)
        return tuple(
            LicenseUserRef(
                user_id=self.context.user_ids[user.email],
                email=user.email,
                is_manager=user.email in self.managers,
                max_activations=user.max_activations,
            )
            for user in users
        )

    def _issue(
        self,
        request: MemberRequest,
        offer: Offer,
        path: Path,
        item_id: int,
        place: tuple[str | int, ...],
        *,
        ends_anyway: bool = False,
        **fields: Any,
    ) -> License | None:
        fields["id"] = self._free_id(place)
        fields["order_item_id"] = item_id
        terms = (_terms_of(request), offer.product.id, offer.policy.id, ends_anyway)
        if self.alike and terms[0] is not None and self.alike[0] == terms:
            fields |= {"note": request.note, "subscription_id": request.subscription_id}
            fields["metadata"] = request.metadata or {}
            fields["custom_fields"] = request.custom_fields or ()
            lic = self.alike[1].model_copy(update=fields)
            self.licenses.append(lic)
            return lic
        try:
            lic = issue(
                request,
                offer,
                path,
                now=self.now,
                prevent_vm=self.request.prevent_vm,
                ends_anyway=ends_anyway,
                order_id=self.context.order_id,
                order_store_id=self.store_id,
                customer_id=self.customer_id,
                **fields,
            )
        except Refused as refused:
            self.faults += refused.faults
            return None
        self.alike = (terms, lic) if terms[0] is not None else None
        self.licenses.append(lic)
        return lic

    def _free_id(self, place: tuple[str | int, ...]) -> int:
        """The id of a license: the first one that no license with another key has."""
        id = record_id(self.company, "license", *place)
        attempts = count(1)
        while id in self.context.occupied:
            id = record_id(self.company, "license", *place, attempt=next(attempts))
        return id

    def _not_a_bundle(self, product: Product, path: Path) -> None:
        if product.is_bundle:
            message = f"{product.short_code} is a bundle: order it with is_bundle true, on its own"
        else:
            message = f"{product.short_code} is not a bundle, and is_bundle is true"
        self._fault((*path, "product_code"), "is_bundle_mismatch", message, product.short_code)

    def _fault(self, path: Path, code: str, message: str, value: object) -> None:
        self.faults.append(Fault.at(path, code, message, value))

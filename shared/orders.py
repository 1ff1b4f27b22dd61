"""Orders, which are idempotent: an order is placed once, no matter how often it is requested.

The order's row is its own idempotency record: it has the fingerprint of the request body.
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.canonical_order import canonical_body, differing_paths
from shared.catalog import Product
from shared.customers import Customer, CustomerRequest, LicenseUser, UserRequest
from shared.errors import Conflict, Fault
from shared.licenses import License, LicenseRequest, OptionalCode, OptionalKey, Users
from shared.values import (
    BLANK,
    EMPTY,
    Code,
    Flag,
    Metadata,
    OptionalLine,
    OptionalMoment,
    OptionalReference,
    OptionalText,
    RecordId,
    StoreId,
    Switch,
    some,
)

MAX_LICENSES = 1000
FIRST_PART = "order"


type OrderId = Annotated[StoreId | None, *BLANK]


class OrderItemRequest(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """A product in an order and the licenses to issue for it.

    `key` and `users` belong to the item of a bundle, which shares them among its members.
    """

    product_code: Code
    licenses: Annotated[tuple[LicenseRequest, ...], AfterValidator(some)] = Field(
        max_length=MAX_LICENSES, json_schema_extra={"minItems": 1}
    )
    note: OptionalText = None
    key: OptionalKey = None
    users: Users = ()
    license_policy: OptionalCode = None
    active: Flag | None = None
    customer_account_id: RecordId | None = None
    subscription_id: OptionalReference = None


class OrderRequest(BaseModel):
    """An order to place and its licenses. LicenseSpring: Create Order."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "id": "web-4711",
                "customer": {"email": "ana@acme.example", "company_name": "Acme"},
                "items": [
                    {
                        "product_code": "sketch",
                        "licenses": [{"policy_code": "studio", "max_activations": 7}],
                    }
                ],
                "metadata": '{ "po": "4711" }',
            }
        },
    )

    id: OrderId = None
    is_bundle: Switch = False
    append: Switch = False
    items: Annotated[tuple[OrderItemRequest, ...], AfterValidator(some)] = Field(
        max_length=MAX_LICENSES, json_schema_extra={"minItems": 1}
    )
    customer: Annotated[CustomerRequest | None, *EMPTY] = None
    customer_account_id: RecordId | None = None
    add_to_customer_account: Flag | None = None
    is_test: Switch = False
    is_trial: Switch = False
    created: OptionalMoment = None
    order_type: Annotated[Literal["normal"] | None, *BLANK] = None
    reference: OptionalReference = None
    language: OptionalLine = None
    campaign_params: OptionalText = None
    download_id: OptionalLine = None
    prevent_vm: Switch = False
    metadata: Metadata | None = None
    include_metadata_string: Flag | None = None
    include_metadata: Flag | None = None

    @cached_property
    def users(self) -> dict[str, UserRequest]:
        """All users in the order by e-mail; of several entries, the one with most fields."""
        named: dict[str, UserRequest] = {}
        for item in self.items:
            for user in (*item.users, *(u for lic in item.licenses for u in lic.all_users)):
                context = named.get(user.email)
                if context is None or len(user.model_fields_set) > len(context.model_fields_set):
                    named[user.email] = user
        return named

    @property
    def uses_deprecated_names(self) -> bool:
        return any(
            request.license_template_code is not None
            for item in self.items
            for lic in item.licenses
            for request in (lic, *(lic.products or ()), *(lic.bundle_products or ()))
        )

    @cached_property
    def canonical_json(self) -> bytes:
        """The canonical body as JSON with sorted names; computed once per request."""
        return orjson.dumps(self.canonical(), option=orjson.OPT_SORT_KEYS)

    @cached_property
    def fingerprint(self) -> str:
        """The hash of the canonical body, which is equal for equivalent requests."""
        return hashlib.sha256(self.canonical_json).hexdigest()

    def canonical(self) -> dict[str, Any]:
        """The normalized body that is compared with other requests."""
        return canonical_body(self.model_dump(mode="json", exclude_unset=True))


class ItemFields(BaseModel, frozen=True, defer_build=True):
    """The fields that the record and the view of an order item share."""

    id: int
    product_id: int
    product_code: str
    note: str | None = None
    subscription_id: str | None = None
    customer_account_id: int | None = None
    active: bool | None = None


class OrderItem(ItemFields, frozen=True, defer_build=False):
    """A product in an order; `license_ids` are in the order of the request."""

    license_ids: tuple[int, ...]


class OrderFields(BaseModel, frozen=True, defer_build=True):
    """The fields that the record and the view of an order share; `store_id` is the client's id."""

    id: int
    store_id: str
    type: str = "normal"
    is_test: bool = False
    is_trial: bool = False
    reference: str | None = None
    language: str | None = None
    campaign_params: str | None = None
    download_id: str | None = None
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime


class Order(OrderFields, frozen=True, defer_build=False):
    """One row of an order. `part` is the row's sort key: the order as placed, or a later addition
    by an append or by the rows of an import.

    `body` is the compressed canonical request. `token` identifies the execution that wrote the row,
    among those with the same request.

    The first row counts what was `added` to the order by other rows, last at `added_at`. If an
    import created the order, `rows_from` is the first row of the batch whose licenses the first row
    has, and `listed_by` that of the batch whose page lists the order.
    """

    part: str = FIRST_PART
    items: tuple[OrderItem, ...] = ()
    customer_id: int | None = None
    customer_account_id: int | None = None
    add_to_customer_account: bool | None = None
    managers: tuple[str, ...] = ()
    fingerprint: str | None = None
    body: bytes = b""
    token: str | None = None
    idempotency_key: str | None = None
    made_by: str | None = None
    added: int = 0
    added_at: datetime | None = None
    rows_from: int | None = None
    listed_by: int | None = None

    @property
    def license_ids(self) -> tuple[int, ...]:
        return tuple(id for item in self.items for id in item.license_ids)

    @property
    def licenses_count(self) -> int:
        """The number of the order's licenses, from its first row."""
        return len(self.license_ids) + self.added

    @property
    def changed_at(self) -> datetime:
        """When the order was placed or last added to, from its first row."""
        return max(self.updated_at, self.added_at or self.updated_at)


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order that is too large for one transaction and has not been committed.

    License keys are derived from `seed`, so that an execution that continues the order issues the
    same keys. `owner` is the token of the execution that has the lease.
    """

    fingerprint: str
    owner: str
    seed: bytes
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class OrderContext:
    """The stored records that placing an order depends on, read consistently.

    `part` is the sort key of the row that the request would write; `row` is the stored row with
    this key. `taken` are license keys that exist; `occupied` are ids of licenses with other keys,
    after a collision. `blocking` are the pending orders that created users of this order: if they
    are rolled back, their users are deleted. `updates_customer` is a setting: the customer gets the
    details that the order names.
    """

    order_id: int
    part: str = FIRST_PART
    order: Order | None = None
    row: Order | None = None
    pending: PendingOrder | None = None
    products: Mapping[str, Product] = field(default_factory=dict)
    customer_id: int | None = None
    customer: Customer | None = None
    updates_customer: bool = False
    user_ids: Mapping[str, int] = field(default_factory=dict)
    users: Mapping[str, LicenseUser] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    occupied: frozenset[int] = frozenset()
    blocking: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """All records that placing an order writes, atomically, and the data of its answer.

    `users` are new records only; `passwords` are the initial passwords by e-mail. `customer` is
    new, or what `customer_before` becomes.
    `seed` and `begun_at` let a second attempt issue the same licenses. `added_to` is the first row
    of the order, if this is an append.
    """

    order: Order
    licenses: tuple[License, ...]
    products: tuple[Product, ...]
    seed: bytes
    begun_at: datetime
    added_to: Order | None = None
    customer: Customer | None = None
    customer_before: Customer | None = None
    users: tuple[LicenseUser, ...] = ()
    passwords: Mapping[str, str] = field(default_factory=dict)

    @property
    def assigned(self) -> dict[int, list[int]]:
        """The licenses by the id of a user who is assigned to them."""
        found: dict[int, list[int]] = {}
        for lic in self.licenses:
            for seat in lic.license_users:
                found.setdefault(seat.user_id, []).append(lic.id)
        return found


def is_by_id(request: OrderRequest) -> bool:
    """Whether `id` identifies the order, not an Idempotency-Key."""
    return request.id is not None and not request.append


def already_placed(request: OrderRequest, context: OrderContext) -> Order | None:
    """The row that an earlier execution of this request wrote, or None.

    Raises Conflict, with the paths that differ, if an order with another body has the id.
    """
    row = context.row
    if row is None:
        return None
    if row.fingerprint == request.fingerprint:
        return row
    if row.part == FIRST_PART and is_by_id(request):
        code, message = "order_id_exists", "Order with this ID already exists"
    else:
        code = "idempotency_key_reused"
        message = "Another body was sent under this Idempotency-Key"
    stored = orjson.loads(zlib.decompress(row.body)) if row.body else {}
    faults = [
        Fault.at(path, "differs", "differs from what was sent before", value)
        for path, value in differing_paths(stored, orjson.loads(request.canonical_json))
    ]
    raise Conflict(code, message, faults=faults[:100])


def whole(rows: list[Order]) -> Order:
    """The current order: the order as placed with everything that was appended."""
    first, *_ = rows = sorted(rows, key=lambda row: (row.part != FIRST_PART, row.created_at))
    items: dict[int, OrderItem] = {}
    for item in (item for row in rows for item in row.items):
        before = items.get(item.id)
        ids = (*before.license_ids, *item.license_ids) if before else item.license_ids
        items[item.id] = item.model_copy(update={"license_ids": ids})
    updated = max(row.updated_at for row in rows)
    return first.model_copy(update={"items": tuple(items.values()), "updated_at": updated})


def first_licenses(order: Order, most: int) -> Order:
    """The order with at most `most` of its licenses: the first ones, but at least one per item.

    If there are more items than `most`, the last items are left out.
    """
    items: list[OrderItem] = []
    left = most
    for behind, item in zip(range(len(order.items) - 1, -1, -1), order.items, strict=True):
        taken = item.license_ids[: max(0, min(left, max(1, left - behind)))]
        left -= len(taken)
        if taken:
            items.append(item.model_copy(update={"license_ids": taken}))
    return order.model_copy(update={"items": tuple(items)})

"""What seven public applications send to the LicenseSpring Management API, as data.

They are a portal with Next.js and Stripe, order scripts in Python, LicenseSpring's tutorial with
Flask and Stripe, an Express backend, a WordPress portal, an admin page in Java and a tool in
Kotlin, all in public repositories, read in November 2026. No code is copied: each call was retyped
with values of our own, and the keys that an application reads from its answer.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """A request and its answer. `{name}` in path, query and body is one of the `records_of`."""

    group: str
    """The row of the table in docs/compatibility.md."""
    method: str
    path: str
    query: str = ""
    body: Any = None
    file: str = ""
    """The kind of the file that the request uploads in a form: the import's template."""
    status: int = 200
    reads: tuple[str, ...] = ()
    """Keys of the answer, with dots between them; a number is an index. Columns of a CSV file."""

    @property
    def is_served(self) -> bool:
        return self.status < 400

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"


_LISTED = ("count", "next", "previous", "results")
_LICENSE = ("id", "license_key", "status", "validity_period", "max_activations", "product.id")
_IN_LIST = tuple(f"results.0.{key}" for key in _LICENSE)
_LIST, _SHOW, _CHANGE = "list licenses", "retrieve a license", "update a license"
_ORDER, _CUSTOMERS, _ORDERS = "create an order", "list customers", "list orders"
_KEYS, _USERS = "generate keys, enable, disable, list products", "license users"
_CLEAN = "delete a license, an order, a customer"
APPLICATIONS = {
    _LIST: 7,
    _SHOW: 4,
    _CHANGE: 3,
    _ORDER: 3,
    _CUSTOMERS: 3,
    _ORDERS: 2,
    _KEYS: 2,
    _USERS: 1,
    _CLEAN: 1,
}
"""The number of applications that send calls of a group."""
_ITEMS = [{"product_code": "kp", "licenses": [{"license_type": "perpetual"}]}]
_PLACED = ("id", "order_items.0.licenses.0.license_key", "order_items.0.licenses.0.id")

CALLS = (
    Call(_LIST, "GET", "/licenses/", "license_key={key}", reads=(*_LISTED, *_IN_LIST)),
    Call(_LIST, "GET", "/licenses/", "customer_id={customer}", reads=(*_LISTED, *_IN_LIST)),
    Call(_LIST, "GET", "/licenses/", "order_by=-created_at&limit=100&offset=0", reads=_LISTED),
    Call(_LIST, "GET", "/licenses/", "limit=1000", reads=(*_LISTED, "results.0.metadata")),
    Call(_LIST, "GET", "/licenses/", "product_id={product}&limit=1", reads=_LISTED),
    Call(_SHOW, "GET", "/licenses/{license}/", reads=(*_LICENSE, "customer.email", "order")),
    Call(_SHOW, "GET", "/licenses/{license}", reads=("metadata", "license_users")),
    Call(_CHANGE, "PATCH", "/licenses/{license}/", body={"valid_duration": "1y"}, reads=_LICENSE),
    Call(
        _CHANGE,
        "PATCH",
        "/licenses/{license}/",
        body={"validity_period": "2031-01-31", "is_trial": False, "enabled": True},
        reads=_LICENSE,
    ),
    Call(
        _CHANGE,
        "PATCH",
        "/licenses/{license}/",
        body={"max_activations": 3, "metadata": '{ "seats": 3 }'},
        reads=("metadata.seats", "max_activations"),
    ),
    Call(
        _ORDER,
        "POST",
        "/orders/create_order/",
        body={"id": "c-1", "is_trial": "false", "items": _ITEMS, "customer": {"email": "a@x.test"}},
        reads=_PLACED,
    ),
    Call(
        _ORDER,
        "POST",
        "/orders/create_order",
        body={
            "id": "c-2",
            "is_trial": True,
            "items": [{"product_code": "kp", "licenses": [{"is_trial": True, "trial_days": 14}]}],
        },
        reads=_PLACED,
    ),
    Call(
        _ORDER,
        "POST",
        "/orders/create_order/",
        body={
            "id": "c-3",
            "items": [{"product_code": "up", "licenses": [{"users": {"email": "c3@x.test"}}]}],
        },
        reads=("order_items.0.licenses.0.license_users.0.initial_password",),
    ),
    Call(_CUSTOMERS, "GET", "/customers/", "email={email}", reads=(*_LISTED, "results.0.id")),
    Call(_CUSTOMERS, "GET", "/customers/", "reference=crm-1", reads=("results.0.reference",)),
    Call(_CUSTOMERS, "GET", "/customers/", "limit=5854", reads=("results.0.email",)),
    Call(_ORDERS, "GET", "/orders/", "customer_id={customer}", reads=("results.0.store_id",)),
    Call(_ORDERS, "GET", "/orders/", "limit=100&offset=101", reads=_LISTED),
    Call(_KEYS, "GET", "/orders/generate_license/", "product=kp&quantity=1", reads=("0",)),
    Call(_KEYS, "POST", "/licenses/{license}/disable/", reads=("status",)),
    Call(_KEYS, "POST", "/licenses/{license}/enable/", reads=("status",)),
    Call(_KEYS, "GET", "/products/", reads=("results.0.short_code", "results.0.product_name")),
    Call(_USERS, "GET", "/license-users/", "email={user_email}", reads=("results.0.id",)),
    Call(_USERS, "GET", "/license-users/{user}/", reads=("email", "true_email", "is_active")),
    Call(_USERS, "PATCH", "/license-users/{user}/", body={"first_name": "Ana"}, reads=("id",)),
    Call(
        _USERS,
        "POST",
        "/license-users/{user}/set_password/",
        body={"password": "correct horse"},
    ),
    Call(
        _USERS,
        "POST",
        "/licenses/{user_license}/assign_user/",
        body={"email": "new@x.test", "is_manager": False},
        reads=("message", "new_password"),
    ),
    Call(
        _USERS,
        "POST",
        "/licenses/{user_license}/unassign_user/",
        body={"license_user_email": "new@x.test"},
        reads=("message",),
    ),
    Call(_USERS, "DELETE", "/license-users/{user}/", status=204),
    Call(_CLEAN, "DELETE", "/licenses/{license}/", status=204),
    Call(_CLEAN, "DELETE", "/orders/{order}/safe_delete/", status=204),
    Call(_CLEAN, "DELETE", "/customers/{customer}/", status=204),
)

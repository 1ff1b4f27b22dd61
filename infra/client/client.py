"""A typed client of a stage's API, which is the LicenseSpring Management API v1 with extensions.

    with Client("https://…", "prefix.secret") as client:
        placed = client.orders.create({"id": "web-1", "items": [...]})
        job = client.imports.send(Path("licenses.csv"), "licenses")
        job = client.imports.wait(job.id)

Requests are pydantic models or plain JSON; responses are pydantic models. Importing the client
imports neither boto3 nor the CDK.

Every method raises ApiProblem, with a stable `code` and the validation errors of each field, when
the API rejects a request or can't be reached. A request is retried up to 8 times with exponential
backoff while the API is busy (429, 503), and, if it is idempotent, after a lost response.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx
from pydantic import BaseModel

from infra.client.connection import ApiProblem, Connection, Query, Resource
from infra.client.exports import Exports
from infra.client.imports import Imports
from shared.catalog_requests import (
    FeaturePatch,
    NewFeature,
    NewPolicy,
    NewProduct,
    PolicyPatch,
    ProductPatch,
)
from shared.contract.records import (
    CustomerView,
    FeatureView,
    LicenseView,
    OrderView,
    PlacedOrderView,
    PolicyView,
    ProductView,
)
from shared.contract.statistics import StatisticsView
from shared.events import Event
from shared.orders import OrderRequest

__all__ = ["ApiProblem", "Client", "Placed"]

type Json = Mapping[str, Any]


class Client:
    """The API of one stage, opened with the API key of one company. Not thread-safe."""

    def __init__(self, url: str, key: str, **options: Any) -> None:
        """Connect to `url`, without `/api/v1`; `options` are those of `Connection`."""
        self._connection = Connection(url, key, **options)
        self.orders = Orders(self._connection)
        self.licenses = Licenses(self._connection)
        self.customers = Customers(self._connection)
        self.catalog = Catalog(self._connection)
        self.imports = Imports(self._connection)
        self.exports = Exports(self._connection)
        self.events = Events(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def statistics(self) -> StatisticsView:
        """Get the numbers of orders and licenses of each of the last 30 days."""
        return self._connection.read(StatisticsView, "/statistics/")

    def is_up(self) -> bool:
        """Return whether GET /healthz succeeds; it does not check the API key."""
        return self._connection.send("GET", "/healthz", idempotent=True).is_success

    def probe(self, method: str, path: str, *, body: Any = None) -> httpx.Response:
        """Send one request for diagnosis, without retries and without following redirects.

        `path` is relative to `/api/v1`. An HTTP error is returned; raises ApiProblem only if the
        API can't be reached.
        """
        return self._connection.probe(method, path, body=body)


@dataclass(frozen=True)
class Placed:
    """An order with its licenses; `replayed` if an earlier request with the same key placed it."""

    order: PlacedOrderView
    replayed: bool


class Orders(Resource):
    """Orders, each with the licenses that it issued."""

    def create(self, request: OrderRequest | Json, *, idempotency_key: str | None = None) -> Placed:
        """Place an order and issue its licenses. LicenseSpring: Create Order.

        Retries never issue licenses twice: every attempt has the same `Idempotency-Key`, which is
        random for each call unless the caller gives one. Raises ApiProblem `order_id_exists` if
        another order has this id.
        """
        answer = self._connection.send(
            "POST",
            "/orders/create_order/",
            idempotent=True,
            body=_json(request),
            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
        )
        order = PlacedOrderView.model_validate_json(answer.content)
        return Placed(order, replayed="Idempotent-Replayed" in answer.headers)

    def show(self, id: int) -> OrderView:
        """Return an order with its first licenses. LicenseSpring: Retrieve Order.

        `id` is numeric; `store_id` is a filter of `list`. `licenses_count` counts all
        of the order's licenses. Raises ApiProblem `not_found`.
        """
        return self._connection.read(OrderView, f"/orders/{id}/")

    def list(self, **query: Query) -> Iterator[OrderView]:
        """Yield orders, newest first, one page per request. LicenseSpring: List Orders.

        `query` are the filters of the API, such as `store_id`. Each order has the ids of its first
        licenses, and `licenses_count`.
        """
        return self._connection.pages(OrderView, "/orders/", **query)

    def delete(self, id: int) -> None:
        """Delete an order without licenses permanently. LicenseSpring: Safe Delete Order.

        Raises ApiProblem, such as `order_has_licenses` or `import_running`.
        """
        self._connection.send("DELETE", f"/orders/{id}/safe_delete/", idempotent=True)

    def export(self, id: int) -> bytes:
        """Return an order's licenses as CSV. LicenseSpring: Export Order.

        The columns are those of an import of licenses. Raises ApiProblem `not_found`.
        """
        return b"".join(self._export_parts(f"/orders/{id}/export/"))

    def export_days(self, first: str, last: str) -> bytes:
        """Return the licenses of all orders of some days as CSV. LicenseSpring: Export Orders.

        Both days are included, in UTC, such as `2026-01-31`.
        """
        return b"".join(self._export_parts("/orders/export/", **{"from": first, "to": last}))

    def _export_parts(self, path: str, **query: Query) -> Iterator[bytes]:
        """Yield an export in parts of bounded size; only the first part keeps its header line."""
        cursor: str | None = ""
        while cursor is not None:
            page = {**query, "parts": "true", "cursor": cursor or None}
            answer = self._connection.send("GET", path, idempotent=True, query=page)
            yield answer.content.partition(b"\n")[2] if cursor else answer.content
            cursor = answer.headers.get("X-Next-Cursor")


class Licenses(Resource):
    """Licenses from orders and imports."""

    def list(self, **query: Query) -> Iterator[LicenseView]:
        """Yield licenses, one page per request. LicenseSpring: List Licenses.

        `query` are the filters of the API, such as `license_key`, `order_store_id` or `product`.
        """
        return self._connection.pages(LicenseView, "/licenses/", **query)

    def count(self, **query: Query) -> int:
        """Return the number of licenses that match the filters; 10,000 means 10,000 or more."""
        return int(self._connection.page("/licenses/", **query, limit=1)["count"])

    def show(self, id: int) -> LicenseView:
        """Return a license. LicenseSpring: Retrieve License. Raises ApiProblem."""
        return self._connection.read(LicenseView, f"/licenses/{id}/")

    def change(self, id: int, patch: Json) -> LicenseView:
        """Change the given fields of a license. LicenseSpring: Update License.

        Repeating a change changes nothing, so it is retried after a lost response too.
        """
        return self._switched("PATCH", f"/licenses/{id}/", patch)

    def disable(self, id: int) -> LicenseView:
        """Disable a license. LicenseSpring: Disable License."""
        return self._switched("POST", f"/licenses/{id}/disable/")

    def enable(self, id: int) -> LicenseView:
        """Enable a license. LicenseSpring: Enable License."""
        return self._switched("POST", f"/licenses/{id}/enable/")

    def delete(self, id: int) -> None:
        """Delete a license permanently; its key is free. LicenseSpring: Delete License.

        Raises ApiProblem, such as `license_not_found`, `import_running` or `bundle_has_members`.
        """
        self._connection.send("DELETE", f"/licenses/{id}/", idempotent=True)

    def _switched(self, method: str, path: str, body: Json | None = None) -> LicenseView:
        answer = self._connection.send(method, path, idempotent=True, body=body)
        return LicenseView.model_validate_json(answer.content)


class Customers(Resource):
    """Customers of orders and imports."""

    def list(self, **query: Query) -> Iterator[CustomerView]:
        """Yield customers, one page per request. LicenseSpring: List Customers.

        `query` are the filters of the API, such as `email` or `reference`.
        """
        return self._connection.pages(CustomerView, "/customers/", **query)

    def delete(self, id: int) -> None:
        """Delete a customer without orders permanently. LicenseSpring: Delete Customer.

        Raises ApiProblem, such as `customer_has_orders` or `import_running`.
        """
        self._connection.send("DELETE", f"/customers/{id}/", idempotent=True)

    def show(self, id: int) -> CustomerView:
        """Return a customer with its totals. Raises ApiProblem `not_found`."""
        return self._connection.read(CustomerView, f"/customers/{id}/")


class Events(Resource):
    """What happened in the last 90 days."""

    def list(self, **query: Query) -> Iterator[Event]:
        """Yield events, newest first, one page per request.

        `query` are the filters of the API: `type`, such as `license.updated`. An event is listed
        some seconds after its change.
        """
        return self._connection.pages(Event, "/events/", **query)


class Catalog(Resource):
    """Products, their features, and their policies, which the API calls license templates."""

    def products(self, **query: Query) -> Iterator[ProductView]:
        """Yield products, 100 per request. LicenseSpring: List Products."""
        return self._connection.pages(ProductView, "/products/", **query, limit=100)

    def policies(self, **query: Query) -> Iterator[PolicyView]:
        """Yield license policies, 100 per request. LicenseSpring: List License Policies."""
        return self._connection.pages(PolicyView, "/license-templates/", **query, limit=100)

    def features(self, **query: Query) -> Iterator[FeatureView]:
        """Yield product features, 100 per request. LicenseSpring: List Product Features."""
        return self._connection.pages(FeatureView, "/product-features/", **query, limit=100)

    def create_product(self, request: NewProduct | Json) -> ProductView:
        """Create a product and its default policy. LicenseSpring: Create Product."""
        return self._connection.write(ProductView, "POST", "/products/", _json(request))

    def change_product(self, id: int, patch: ProductPatch | Json) -> ProductView:
        """Change the given fields of a product. LicenseSpring: Update Product."""
        return self._connection.write(ProductView, "PATCH", f"/products/{id}/", _json(patch))

    def create_policy(self, request: NewPolicy | Json) -> PolicyView:
        """Create a license policy of a product. LicenseSpring: Create License Policy."""
        return self._connection.write(PolicyView, "POST", "/license-templates/", _json(request))

    def change_policy(self, id: int, patch: PolicyPatch | Json) -> PolicyView:
        """Change the given fields of a license policy. LicenseSpring: Update License Policy."""
        path = f"/license-templates/{id}/"
        return self._connection.write(PolicyView, "PATCH", path, _json(patch))

    def create_feature(self, request: NewFeature | Json) -> FeatureView:
        """Create a feature of a product. LicenseSpring: Create Product Feature."""
        return self._connection.write(FeatureView, "POST", "/product-features/", _json(request))

    def change_feature(self, id: int, patch: FeaturePatch | Json) -> FeatureView:
        """Change the given fields of a product feature. LicenseSpring: Update Product Feature."""
        path = f"/product-features/{id}/"
        return self._connection.write(FeatureView, "PATCH", path, _json(patch))


def _json(request: BaseModel | Json) -> Any:
    if isinstance(request, BaseModel):
        return request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return request

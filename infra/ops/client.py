"""A typed client of the API, for operators' commands and for whoever writes Python.

    with Client("https://…", "prefix.secret") as client:
        placed = client.orders.create({"id": "web-1", "items": [...]})
        job = client.imports.send(Path("licenses.csv"), "licenses")
        job = client.imports.wait(job.id)

Answers are the product's own models; a refusal is an `ApiProblem` with its code and faults. What
is sent may be a model or plain JSON. Requests are repeated while the service is busy, and, where
that can do no harm, when an answer is lost.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx
from pydantic import BaseModel

from infra.ops.connection import ApiProblem, Connection, Query
from infra.ops.importing import Imports
from shared.catalog import (
    FeaturePatch,
    NewFeature,
    NewPolicy,
    NewProduct,
    PolicyPatch,
    ProductPatch,
)
from shared.orders import OrderRequest
from shared.wire import (
    FeatureView,
    LicenseView,
    OrderView,
    PlacedOrderView,
    PolicyView,
    ProductView,
)

__all__ = ["ApiProblem", "Client", "Placed"]

type Json = Mapping[str, Any]


class Client:
    """One company's way into a stage. The arguments are those of `Connection`."""

    def __init__(self, url: str, key: str, **options: Any) -> None:
        self._connection = Connection(url, key, **options)
        self.orders = Orders(self._connection)
        self.licenses = Licenses(self._connection)
        self.catalog = Catalog(self._connection)
        self.imports = Imports(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def is_up(self) -> bool:
        """Whether the stage answers; the key is not looked at."""
        return self._connection.send("GET", "/healthz", repeatable=True).is_success

    def probe(self, method: str, path: str, *, body: Any = None) -> httpx.Response:
        """One request as it is answered, for diagnosis: neither repeated nor redirected."""
        return self._connection.probe(method, path, body=body)


@dataclass(frozen=True)
class Placed:
    """An order, and whether it had been placed before."""

    order: PlacedOrderView
    replayed: bool


class Orders:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, request: OrderRequest | Json, *, idempotency_key: str | None = None) -> Placed:
        """Place an order once, however often it has to be sent.

        Without a key of the caller's, one is drawn: the order is then placed once for this call.
        """
        answer = self._connection.send(
            "POST",
            "/orders/create_order/",
            repeatable=True,
            body=_json(request),
            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
        )
        order = PlacedOrderView.model_validate_json(answer.content)
        return Placed(order, replayed="Idempotent-Replayed" in answer.headers)

    def show(self, id: int) -> OrderView:
        return self._connection.read(OrderView, f"/orders/{id}/")

    def list(self, **query: Query) -> Iterator[OrderView]:
        """Newest first, each with the ids of its first licenses and `licenses_count`."""
        return self._connection.pages(OrderView, "/orders/", **query)

    def export(self, id: int) -> bytes:
        """The order's licenses as CSV, in the columns that an import reads."""
        return b"".join(self._parts(f"/orders/{id}/export/"))

    def export_days(self, first: str, last: str) -> bytes:
        """The same of all orders of some days, such as `2026-01-31`, both included."""
        return b"".join(self._parts("/orders/export/", **{"from": first, "to": last}))

    def _parts(self, path: str, **query: Query) -> Iterator[bytes]:
        """An export part by part, of which the header of the first one is enough."""
        cursor: str | None = ""
        while cursor is not None:
            asked = {**query, "parts": "true", "cursor": cursor or None}
            answer = self._connection.send("GET", path, repeatable=True, query=asked)
            yield answer.content.partition(b"\n")[2] if cursor else answer.content
            cursor = answer.headers.get("X-Next-Cursor")


class Licenses:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, **query: Query) -> Iterator[LicenseView]:
        return self._connection.pages(LicenseView, "/licenses/", **query)

    def count(self, **query: Query) -> int:
        """How many there are; 10,000 stands for that many or more."""
        return int(self._connection.page("/licenses/", **query, limit=1)["count"])


class Catalog:
    """Products, and the policies ("license templates") and features that belong to them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def products(self, **query: Query) -> Iterator[ProductView]:
        return self._connection.pages(ProductView, "/products/", **query, limit=100)

    def policies(self, **query: Query) -> Iterator[PolicyView]:
        return self._connection.pages(PolicyView, "/license-templates/", **query, limit=100)

    def features(self, **query: Query) -> Iterator[FeatureView]:
        return self._connection.pages(FeatureView, "/product-features/", **query, limit=100)

    def create_product(self, request: NewProduct | Json) -> ProductView:
        return self._connection.write(ProductView, "POST", "/products/", _json(request))

    def change_product(self, id: int, patch: ProductPatch | Json) -> ProductView:
        return self._connection.write(ProductView, "PATCH", f"/products/{id}/", _json(patch))

    def create_policy(self, request: NewPolicy | Json) -> PolicyView:
        return self._connection.write(PolicyView, "POST", "/license-templates/", _json(request))

    def change_policy(self, id: int, patch: PolicyPatch | Json) -> PolicyView:
        path = f"/license-templates/{id}/"
        return self._connection.write(PolicyView, "PATCH", path, _json(patch))

    def create_feature(self, request: NewFeature | Json) -> FeatureView:
        return self._connection.write(FeatureView, "POST", "/product-features/", _json(request))

    def change_feature(self, id: int, patch: FeaturePatch | Json) -> FeatureView:
        path = f"/product-features/{id}/"
        return self._connection.write(FeatureView, "PATCH", path, _json(patch))


def _json(request: BaseModel | Json) -> Any:
    if isinstance(request, BaseModel):
        return request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return request

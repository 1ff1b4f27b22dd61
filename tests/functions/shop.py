"""A vendor's shop: an API key, and a catalog with one product of each kind."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from functions import catalog, create_order, job_status, records, start_import
from shared.access import SCOPES, new_api_key
from shared.store.access import add_api_key
from shared.store.dynamo import Item, client, table
from tests.http_event import Reply, send

_UPLOADS = re.compile(r"/import_|/import-(mappings|templates)/|/imports/\d+/parts/")
_JOBS = re.compile(r"/api/v1/(imports|exports|[a-z-]+-import-results)/")
_CATALOG_ROUTES = ("/products", "/license-templates", "/product-features")
_ORDER_ROUTES = ("/orders/create_order", "/orders/generate_license")
_catalogs: dict[str, list[Item]] = {}


@dataclass(frozen=True)
class Shop:
    """Call the API as one company."""

    company: str
    key: str

    def get(self, path: str, query: str = "") -> Reply:
        return self.send("GET", path, query=query)

    def listed(self, path: str, query: str = "") -> list[Any]:
        """The records of a list, which counts as many as it shows."""
        body = self.get(path, query).ok()
        assert body["count"] == len(body["results"])
        return list(body["results"])

    def keys(self, query: str = "") -> list[str]:
        """The keys of licenses, sorted."""
        return sorted(lic["license_key"] for lic in self.listed("/licenses/", query))

    def ids_by_key(self) -> dict[str, int]:
        return {lic["license_key"]: lic["id"] for lic in self.listed("/licenses/", "limit=100")}

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        return self.send("POST", path, body=body, **more)

    def patch(self, path: str, body: Any) -> Reply:
        return self.send("PATCH", path, body=body)

    def delete(self, path: str) -> Reply:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, **request: Any) -> Reply:
        path = f"/api/v1{path}"
        if any(path.startswith(f"/api/v1{route}") for route in _CATALOG_ROUTES):
            handler = catalog.handler
        elif any(path.startswith(f"/api/v1{route}") for route in _ORDER_ROUTES):
            handler = create_order.handler
        elif (method, path) == ("POST", "/api/v1/imports/") or _UPLOADS.search(path):
            handler = start_import.handler
        elif _JOBS.match(path):
            handler = job_status.handler
        else:
            handler = records.handler
        return send(handler, method, path, key=self.key, **request)

    def order(self, **body: Any) -> Reply:
        return self.post("/orders/create_order/", body)

    def sell(self, *licenses: Any, product: str = "kp", **order: Any) -> Any:
        """Order licenses of one product, and return the order."""
        items = [{"product_code": product, "licenses": [*licenses]}]
        return self.order(items=items, **order).ok()

    def order_one(self, product: str = "kp", license: Any = None, **order: Any) -> Any:
        """Order one license, and return it."""
        placed = self.sell(license or {}, product=product, **order)
        return placed["order_items"][0]["licenses"][0]

    def refused(self, product: str = "kp", license: Any = None, **order: Any) -> Any:
        """Order one license, and return the problem of the refusal."""
        items = [{"product_code": product, "licenses": [license or {}]}]
        return self.order(items=items, **order).refused()

    def change_license(self, key: str, **patch: Any) -> None:
        """Change the license with a key."""
        reply = self.patch(f"/licenses/{self.ids_by_key()[key]}/", patch)
        assert reply.status == 200, reply.text

    def delete_licenses(self, *keys: str) -> None:
        """Delete the licenses with these keys."""
        ids = self.ids_by_key()
        for key in keys:
            assert self.delete(f"/licenses/{ids[key]}/").status == 204

    def make(self, path: str, **body: Any) -> Any:
        return self.post(path, body).ok(201)


def open_shop(company: str) -> Shop:
    """A company with a key, and nothing to sell yet."""
    key, presented = new_api_key(company, now=datetime.now(UTC), scopes=SCOPES)
    add_api_key(key)
    return Shop(company, presented)


def fault_codes(problem: Any) -> dict[str, str]:
    """The code of each fault of a problem, by JSON pointer."""
    return {fault["pointer"]: fault["code"] for fault in problem["errors"]}


def stocked_shop(company: str) -> Shop:
    """A company with products; they are made by requests once a run, and copied from then on."""
    if company not in _catalogs:
        shop = stock(open_shop(company))
        _catalogs[company] = _catalog_of(company)
        return shop
    items = _catalogs[company]
    for start in range(0, len(items), 25):
        puts: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        client().batch_write_item(RequestItems={table("CATALOG_TABLE"): puts})
    return open_shop(company)


def _catalog_of(company: str) -> list[Item]:
    pages = (
        client()
        .get_paginator("query")
        .paginate(
            TableName=table("CATALOG_TABLE"),
            KeyConditionExpression="pk = :company",
            ExpressionAttributeValues={":company": {"S": company}},
        )
    )
    return [item for page in pages for item in page["Items"]]


def stock(shop: Shop) -> Shop:
    """The shop with products: by key, by user, by consumption, and a bundle of two."""
    product = {"default_license_type": "perpetual"}
    shop.make("/products/", product_name="Key product", short_code="kp", **product)
    shop.make(
        "/license-templates/",
        product="kp",
        code="policy_A",
        name="Policy A",
        default_license_type="time-limited",
        max_activations=5,
        valid_duration="1y",
    )
    for code in ("f1", "f2"):
        shop.make("/product-features/", product="kp", code=code, name=code.upper())
    shop.make(
        "/product-features/",
        product="kp",
        code="credits",
        name="Credits",
        feature_type="consumption",
        max_consumption=10,
    )
    shop.make(
        "/products/",
        product_name="User product",
        short_code="up",
        authorization_method="user",
        **product,
    )
    shop.make(
        "/products/",
        product_name="Consumption product",
        short_code="cp",
        default_license_type="consumption",
        max_consumptions=50,
    )
    for code in ("p1", "p2"):
        shop.make("/products/", product_name=code.upper(), short_code=code, **product)
        shop.make("/license-templates/", product=code, code="std", name="Standard")
    shop.make("/license-templates/", product="p2", code="pro", name="Pro", max_activations=9)
    shop.make(
        "/products/",
        product_name="Bundle",
        short_code="bnd",
        is_bundle=True,
        bundle_products=["p1", "p2"],
        **product,
    )
    return shop

"""A vendor's shop of values: the catalog and orders of `tests/functions/shop.py`, without a store.

Requests are validated by their models, orders are planned, and licenses are shown as the API shows
them; nothing is sent and nothing is stored.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from shared.catalog import Product
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
from shared.contract.records import Related, placed_order_view, with_whole_licenses
from shared.errors import Refused
from shared.issuing import plan_order
from shared.orders import OrderContext, OrderPlan, OrderRequest
from shared.values import record_id

COMPANY = "acme"
NOW = datetime(2026, 3, 12, 8, tzinfo=UTC)


class ValueShop:
    """The company acme with the products that `stock` makes: by key, by user, and so on."""

    def __init__(self) -> None:
        self.products: dict[str, Product] = {}
        perpetual = {"default_license_type": "perpetual"}
        self.make_product("kp", **perpetual)
        self.make_policy(
            "kp",
            "policy_A",
            default_license_type="time-limited",
            max_activations=5,
            valid_duration="1y",
        )
        for code in ("f1", "f2"):
            self.make_feature("kp", code)
        self.make_feature("kp", "credits", feature_type="consumption", max_consumption=10)
        self.make_product("up", authorization_method="user", **perpetual)
        self.make_product("cp", default_license_type="consumption", max_consumptions=50)
        for code in ("p1", "p2"):
            self.make_product(code, **perpetual)
            self.make_policy(code, "std")
        self.make_policy("p2", "pro", max_activations=9)
        self.make_product("bnd", is_bundle=True, bundle_products=["p1", "p2"], **perpetual)

    def make_product(self, code: str, **fields: Any) -> None:
        request = read(NewProduct, {"product_name": code.upper(), "short_code": code, **fields})
        self.products[code] = new_product(COMPANY, request, self.products, now=NOW)

    def change_product(self, code: str, **fields: Any) -> None:
        patch = read(ProductPatch, fields)
        self.products[code] = change_product(self.products[code], patch, self.products, now=NOW)

    def make_policy(self, product: str, code: str, **fields: Any) -> None:
        request = read(NewPolicy, {"product": product, "code": code, "name": code, **fields})
        self.products[product] = add_policy(COMPANY, self.products[product], request, now=NOW)

    def change_policy(self, product: str, code: str, **fields: Any) -> None:
        policy = self.products[product].policy(code)
        assert policy
        self.products[product] = change_policy(
            self.products[product], policy, read(PolicyPatch, fields), now=NOW
        )

    def make_feature(self, product: str, code: str, **fields: Any) -> None:
        request = read(NewFeature, {"product": product, "code": code, "name": code, **fields})
        self.products[product] = add_feature(COMPANY, self.products[product], request, now=NOW)

    def change_feature(self, product: str, code: str, **fields: Any) -> None:
        feature = self.products[product].feature(code)
        assert feature
        self.products[product] = change_feature(
            self.products[product], feature, read(FeaturePatch, fields), now=NOW
        )

    def plan(self, **body: Any) -> OrderPlan:
        """Plan an order of this body. Raises Refused."""
        request = read(OrderRequest, body)
        context = OrderContext(
            order_id=record_id(COMPANY, "order", "o-1"),
            products=self.products,
            customer_id=record_id(COMPANY, "customer", "o-1"),
            user_ids={email: record_id(COMPANY, "user", email) for email in request.users},
        )
        return plan_order(
            COMPANY,
            request,
            context,
            store_id="o-1",
            token="t",
            seed=b"s" * 32,
            secret=b"p" * 32,
            now=NOW,
        )

    def order(self, **body: Any) -> Any:
        """The JSON body of the response to an order. Raises Refused."""
        plan = self.plan(**body)
        related = Related(
            company=COMPANY,
            base_url="https://api.test",
            today=NOW.date(),
            products={product.id: product for product in self.products.values()},
            customers={},
            passwords=plan.passwords,
        )
        view = placed_order_view(plan.order, related, plan.licenses)
        return with_whole_licenses(view, plan.licenses, related)

    def order_one(self, product: str = "kp", license: Any = None, **order: Any) -> Any:
        """Order one license, and return it."""
        items = [{"product_code": product, "licenses": [license or {}]}]
        return self.order(items=items, **order)["order_items"][0]["licenses"][0]

    def refused(self, product: str = "kp", license: Any = None, **order: Any) -> Refused:
        """Order one license, and return the refusal."""
        items = [{"product_code": product, "licenses": [license or {}]}]
        return refusal(lambda: self.order(items=items, **order))


def read[M: BaseModel](model: type[M], body: Any) -> M:
    """A request as it is read from JSON."""
    return model.model_validate_json(json.dumps(body))


def refusal(act: Callable[[], object]) -> Refused:
    """The exception with which something is refused."""
    try:
        act()
    except Refused as refused:
        return refused
    raise AssertionError("was not refused")


def fault_codes(refused: Refused) -> dict[str | None, str]:
    """The code of each fault, by JSON pointer."""
    return {fault.pointer: fault.code for fault in refused.faults}

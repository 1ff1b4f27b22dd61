"""Orders are read by clients with strict types, such as LicenseSpring's client in Go.

A Go client decodes JSON into structs: a number where a struct has a string is an error, which that
client drops together with the whole list. The models here have the published types and no others.
"""

from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from tests.functions.shop import Shop


class Strict(BaseModel):
    """Like a Go struct: unknown names are ignored, types are exact."""

    model_config = ConfigDict(strict=True, extra="ignore")


class GoLicense(Strict):
    id: int
    license_key: str | None


class GoItem(Strict):
    id: int
    product_id: str
    licenses: list[GoLicense]
    created_at: datetime
    updated_at: datetime


class GoCustomer(Strict):
    id: int
    email: str
    company_name: str | None
    reference: str | None


class GoOrder(Strict):
    id: int
    client_order_id: str
    company: int
    is_test: bool
    is_trial: bool
    metadata: dict[str, Any]
    customer: GoCustomer | None
    customer_email: str | None
    has_active_licenses: bool
    back_office_order_items: list[GoItem]
    created_at: datetime
    updated_at: datetime


class GoPage(Strict):
    count: int
    next: str | None
    previous: str | None
    results: list[GoOrder]


@pytest.fixture
def order(shop: Shop) -> Any:
    items = [{"product_code": "kp", "licenses": [{}, {}]}, {"product_code": "cp", "licenses": [{}]}]
    reply = shop.order(id="o-1", customer={"email": "ana@x.test"}, items=items)
    assert reply.status == 200, reply.text
    return reply


def test_a_list_of_orders_is_read_strictly(shop: Shop, order: Any) -> None:
    page = GoPage.model_validate_json(shop.get("/orders/", "limit=100&offset=0").text)

    assert (page.count, page.results[0].client_order_id) == (1, "o-1")
    assert [len(item.licenses) for item in page.results[0].back_office_order_items] == [2, 1]


def test_an_order_is_read_strictly(shop: Shop, order: Any) -> None:
    shown = GoOrder.model_validate_json(shop.get(f"/orders/{order.json()['id']}/").text)

    assert GoOrder.model_validate_json(order.text) == shown
    assert len(shown.back_office_order_items[0].licenses) == 2


def test_both_lists_of_items_name_the_same_products(shop: Shop, order: Any) -> None:
    answer = shop.get(f"/orders/{order.json()['id']}/").json()

    ids = TypeAdapter(list[int]).validate_python(
        [i["product_id"] for i in answer["order_items"]], strict=True
    )
    assert [item["product_id"] for item in answer["back_office_order_items"]] == [*map(str, ids)]


@pytest.mark.parametrize("path", ["orders", "licenses", "customers", "products"])
def test_filters_without_a_value_count_as_absent(shop: Shop, order: Any, path: str) -> None:
    names = {
        "orders": "customer_id=&customer_email=&client_order_id=&order_by=",
        "licenses": "customer_id=&product_id=&order__store_id=&id__in=&license_key=",
        "customers": "email=&reference=&reference__exact=",
        "products": "short_code=&is_archived=",
    }[path]

    page = shop.get(f"/{path}/", f"{names}&limit=&offset=")

    assert (page.status, page.json()["limit"]) == (200, 20)
    assert page.json()["results"] == shop.get(f"/{path}/").json()["results"] != []

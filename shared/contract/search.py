"""The results of a search."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from shared.licenses import License


class FoundLicense(BaseModel, frozen=True, defer_build=True):
    """A license whose key is the query."""

    id: int
    license_key: str
    product_code: str
    order_id: int
    url: str


class FoundOrder(BaseModel, frozen=True, defer_build=True):
    """An order whose id matches the query."""

    id: int
    store_id: str
    customer_id: int | None
    created_at: datetime
    url: str


class FoundCustomer(BaseModel, frozen=True, defer_build=True):
    """A customer whose e-mail address, name or company matches the query."""

    id: int
    email: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    url: str


class SearchResult(BaseModel, frozen=True, defer_build=True):
    """Records that match a query, exact matches first; at most 20 in all."""

    licenses: list[FoundLicense]
    orders: list[FoundOrder]
    customers: list[FoundCustomer]
    has_more: bool = Field(
        description="Whether more records match than are listed, or may match: more words find them"
    )


def search_result(
    licenses: Sequence[License],
    orders: Sequence[Mapping[str, Any]],
    customers: Sequence[Mapping[str, Any]],
    *,
    has_more: bool,
    base_url: str,
) -> SearchResult:
    """The result of a search, from licenses and stored orders and customers.

    `base_url` has no trailing slash.
    """
    root = f"{base_url}/api/v1"
    return SearchResult(
        licenses=[
            FoundLicense(**_shown(FoundLicense, vars(lic)), url=f"{root}/licenses/{lic.id}/")
            for lic in licenses
        ],
        orders=[
            FoundOrder(**_shown(FoundOrder, order), url=f"{root}/orders/{order['id']}/")
            for order in orders
        ],
        customers=[
            FoundCustomer(
                **_shown(FoundCustomer, customer), url=f"{root}/customers/{customer['id']}/"
            )
            for customer in customers
        ],
        has_more=has_more,
    )


def _shown(model: type[BaseModel], record: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a record that a model has; those that are absent are None."""
    return {name: record.get(name) for name in model.model_fields if name != "url"}

"""Licenses as they are issued under a policy, without a store."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.catalog import Product
from shared.catalog_changes import NewProduct, new_product
from shared.errors import Refused
from shared.licenses import License, LicenseRequest, issue, new_key, offer, status_of

NOW = datetime(2026, 3, 12, tzinfo=UTC)


def product_with(**fields: Any) -> Product:
    request = NewProduct(product_name="P", short_code="p", **fields)
    return new_product("acme", request, {}, now=NOW)


def issued(product: Product, **request: Any) -> License:
    sold = offer(product, None)
    assert sold is not None
    return issue(
        LicenseRequest(**request),
        sold,
        ("items", 0),
        now=NOW,
        id=1,
        order_id=2,
        order_item_id=3,
        order_store_id="o-1",
    )


def test_the_same_seed_draws_the_same_key_again() -> None:
    assert new_key(b"s" * 32, "a") == new_key(b"s" * 32, "a")
    assert new_key(b"s" * 32, "a") != new_key(b"s" * 32, "b")


@pytest.mark.parametrize(
    ("length", "groups"), [(16, [4] * 4), (17, [4, 4, 4, 4, 1]), (240, [4] * 60)]
)
def test_a_key_stands_in_groups_of_four(length: int, groups: list[int]) -> None:
    key = new_key(b"s" * 32, "a", length)

    assert [len(group) for group in key.split("-")] == groups


def test_terms_at_the_system_s_default_are_not_stored() -> None:
    license = issued(product_with(), max_activations=1, floating_timeout=120, max_transfers=2)

    assert (license.max_activations, license.floating_timeout) == (None, None)
    assert license.max_transfers == 2


def test_a_product_without_a_type_sells_for_ever() -> None:
    assert issued(product_with()).license_type == "perpetual"


def test_there_is_no_offer_under_a_policy_that_is_not_there() -> None:
    assert offer(product_with(), "nope") is None


def test_every_fault_of_a_license_is_reported_at_its_pointer() -> None:
    with pytest.raises(Refused) as refused:
        issued(
            product_with(),
            license_type="time-limited",
            allow_overages=True,
            product_features=("nope",),
        )

    assert {fault.pointer for fault in refused.value.faults} == {
        "/items/0/allow_overages",
        "/items/0/valid_duration",
        "/items/0/product_features/0",
    }


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({}, "Inactive"),
        ({"validity_period": "2026-03-12"}, "Inactive"),
        ({"validity_period": "2026-03-11"}, "Expired"),
        ({"validity_period": "2026-03-11", "enabled": False}, "Disabled"),
    ],
)
def test_a_license_has_one_status(request_: dict[str, Any], status: str) -> None:
    license = issued(product_with(), **request_)

    assert status_of(license, date(2026, 3, 12)) == status

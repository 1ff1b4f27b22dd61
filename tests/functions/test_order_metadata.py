"""Metadata of orders and licenses, as a string or as an object. Published: create order."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes


@pytest.mark.parametrize("metadata", ['{ "po": "4711" }', {"po": "4711"}])
def test_metadata_is_read_as_a_string_or_an_object_and_shown_as_an_object(
    shop: Shop, metadata: Any
) -> None:
    answer = shop.order(
        metadata=metadata,
        items=[{"product_code": "kp", "licenses": [{"metadata": metadata}]}],
    ).json()

    order = shop.get(f"/orders/{answer['id']}/").json()
    assert answer["metadata"] == order["metadata"] == {"po": "4711"}
    assert order["order_items"][0]["licenses"][0]["metadata"] == {"po": "4711"}


@pytest.mark.parametrize("metadata", ["{", "[1]", [1], 5, {"a": "x" * 17_000}])
def test_metadata_that_is_no_small_json_object_is_refused(shop: Shop, metadata: Any) -> None:
    problem = shop.refused(metadata=metadata)

    assert list(fault_codes(problem)) == ["/metadata"]


@pytest.mark.parametrize("number", [1e300, 1e-300])
def test_metadata_holds_no_number_that_the_store_can_not_hold(shop: Shop, number: float) -> None:
    problem = shop.refused(metadata={"far": number})

    assert list(fault_codes(problem)) == ["/metadata"]


def test_metadata_is_nested_no_deeper_than_the_store_can_hold(shop: Shop) -> None:
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"in": deep}

    problem = shop.refused(license={"metadata": deep})

    assert list(fault_codes(problem)) == ["/items/0/licenses/0/metadata"]

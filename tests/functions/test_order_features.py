"""Consumption and product features of ordered licenses. Published: create order."""

from tests.functions.shop import Shop, fault_codes


def test_an_unknown_period_is_refused_with_those_that_are(shop: Shop) -> None:
    problem = shop.refused("cp", {"consumption_period": "fortnight"})

    assert "'weekly'" in problem["message"]


def test_an_unknown_feature_is_refused_and_no_order_is_left(shop: Shop) -> None:
    licenses = [{"product_features": ["f1", "nope"]}]

    problem = shop.order(id="o-1", items=[{"product_code": "kp", "licenses": licenses}]).refused()

    assert fault_codes(problem) == {
        "/items/0/licenses/0/product_features/1": "unsupported_product_feature"
    }
    assert problem["code"] == "unsupported_product_feature"
    assert shop.get("/orders/").json()["count"] == 0


def test_a_fault_in_a_long_feature_is_reported_at_its_pointer_alone(shop: Shop) -> None:
    problem = shop.refused(license={"product_features": [{"code": "f1", "max_consumption": -1}]})

    place = "/items/0/licenses/0/product_features/0/max_consumption"
    assert fault_codes(problem) == {place: "greater_than_equal"}


def test_a_feature_that_is_neither_code_nor_object_is_refused(shop: Shop) -> None:
    problem = shop.refused(license={"product_features": [1]})

    (fault,) = problem["errors"]
    assert fault["pointer"] == "/items/0/licenses/0/product_features/0"
    assert fault["message"] == 'must be a feature code, or an object such as {"code": "export"}'

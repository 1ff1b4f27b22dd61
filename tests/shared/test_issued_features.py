"""Consumption and product features of ordered licenses. LicenseSpring: Create Order."""

from typing import Any

import pytest

from tests.shared.value_shop import ValueShop, fault_codes


@pytest.fixture
def shop() -> ValueShop:
    return ValueShop()


def features_of(license: Any) -> dict[str, Any]:
    """The features of a license by their codes."""
    return {grant["product_feature"]["code"]: grant for grant in license["product_features"]}


def test_a_consumption_license_has_the_product_s_consumptions(shop: ValueShop) -> None:
    license = shop.order_one("cp")

    assert (license["license_type"], license["max_consumptions"]) == ("consumption", 50)


def test_a_consumption_license_may_allow_overages_and_start_over(shop: ValueShop) -> None:
    license = shop.order_one(
        "kp",
        {
            "license_type": "consumption",
            "max_consumptions": 100,
            "allow_overages": True,
            "max_overages": 20,
            "reset_consumption": True,
            "consumption_period": "month",
        },
    )

    assert (license["max_consumptions"], license["max_overages"]) == (100, 20)
    assert (license["allow_overages"], license["reset_consumption"]) == (True, True)
    assert license["consumption_period"] == "monthly"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allow_overages", True),
        ("max_overages", 5),
        ("reset_consumption", True),
        ("consumption_period", "week"),
    ],
)
def test_what_is_for_consumption_only_is_refused_elsewhere(
    shop: ValueShop, name: str, value: Any
) -> None:
    problem = shop.refused("kp", {name: value})

    assert fault_codes(problem) == {f"/items/0/licenses/0/{name}": "consumption_only"}
    assert "perpetual" in problem.message


def test_saying_no_to_overages_is_fine_anywhere(shop: ValueShop) -> None:
    license = shop.order_one("kp", {"allow_overages": False, "max_overages": 0})

    assert license["allow_overages"] is False


def test_what_a_policy_says_of_consumption_is_dropped_where_it_has_no_use(shop: ValueShop) -> None:
    over = {"default_license_type": "consumption", "allow_overages": True}
    shop.make_policy("kp", "over", **over)

    license = shop.order_one("kp", {"policy_code": "over", "license_type": "perpetual"})

    assert license["allow_overages"] is False


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("day", "daily"),
        ("daily", "daily"),
        ("week", "weekly"),
        ("weekly", "weekly"),
        ("month", "monthly"),
        ("Monthly ", "monthly"),
        ("year", "annually"),
        ("yearly", "annually"),
        ("annual", "annually"),
        ("annualy", "annually"),
        ("annually", "annually"),
    ],
)
def test_a_period_is_read_in_all_its_spellings(shop: ValueShop, sent: str, shown: str) -> None:
    license = shop.order_one("cp", {"consumption_period": sent})

    assert license["consumption_period"] == shown


def test_features_may_be_named_by_code_alone(shop: ValueShop) -> None:
    license = shop.order_one(license={"product_features": ["f1", "f2"]})

    assert sorted(features_of(license)) == ["f1", "f2"]


def test_a_feature_has_the_product_s_terms_where_the_license_says_nothing(shop: ValueShop) -> None:
    license = shop.order_one(license={"product_features": ["credits"]})

    credits = features_of(license)["credits"]
    assert (credits["max_consumption"], credits["total_consumptions"]) == (10, 0)
    assert credits["product_feature"]["feature_type"] == "consumption"


def test_a_feature_may_have_terms_of_its_own_on_one_license(shop: ValueShop) -> None:
    license = shop.order_one(
        license={
            "product_features": [
                {
                    "code": "credits",
                    "max_consumption": 33,
                    "expiry_date": "2031-01-01",
                    "allow_overages": True,
                    "max_overages": 5,
                    "consumption_period": "week",
                    "metadata": {"k": "v"},
                }
            ]
        }
    )

    credits = features_of(license)["credits"]
    product = shop.products["kp"].feature("credits")
    assert product
    assert (credits["max_consumption"], product.max_consumption) == (33, 10)
    assert (credits["expiry_date"], credits["consumption_period"]) == ("2031-01-01", "weekly")
    assert (credits["max_overages"], credits["metadata"]) == (5, {"k": "v"})


@pytest.mark.parametrize("date", [None, "", "0000-00-00"])
def test_a_feature_may_have_no_end(shop: ValueShop, date: Any) -> None:
    features = [{"code": "credits", "expiry_date": date}]

    license = shop.order_one(license={"product_features": features})

    assert features_of(license)["credits"]["expiry_date"] is None


def test_features_of_both_forms_are_combined(shop: ValueShop) -> None:
    features = ["f1", {"code": "credits", "max_consumption": 33}]

    license = shop.order_one(license={"product_features": features})

    assert sorted(features_of(license)) == ["credits", "f1"]


def test_a_license_that_names_no_features_has_those_of_its_policy(shop: ValueShop) -> None:
    shop.make_policy(
        "kp",
        "with",
        license_product_feature_templates=[{"product_feature": "credits", "max_consumption": 7}],
    )

    license = shop.order_one(license={"policy_code": "with"})
    none = shop.order_one(license={"policy_code": "with", "product_features": []})
    other = shop.order_one(license={"policy_code": "with", "product_features": ["f1", "credits"]})

    assert features_of(license)["credits"]["max_consumption"] == 7
    assert features_of(none) == {}
    assert features_of(other)["credits"]["max_consumption"] == 7


def test_a_feature_that_is_off_is_refused(shop: ValueShop) -> None:
    shop.change_feature("kp", "f1", active=False)

    problem = shop.refused(license={"product_features": ["f1"]})

    assert problem.code == "unsupported_product_feature"


def test_a_feature_of_another_product_is_refused(shop: ValueShop) -> None:
    problem = shop.refused("cp", {"product_features": ["f1"]})

    assert problem.code == "unsupported_product_feature"


def test_a_feature_that_is_named_twice_is_refused_as_such(shop: ValueShop) -> None:
    problem = shop.refused(license={"product_features": ["f1", {"code": "f1"}]})

    assert fault_codes(problem) == {"/items/0/licenses/0/product_features/1": "feature_repeated"}
    assert problem.message == "f1 appears twice on one license"

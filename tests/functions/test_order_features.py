"""Consumption and product features of ordered licenses. Published: create order."""

from typing import Any

import pytest

from tests.functions.shop import Shop, told


def features_of(license: Any) -> dict[str, Any]:
    """The features of a license by their codes."""
    return {grant["product_feature"]["code"]: grant for grant in license["product_features"]}


def test_a_consumption_license_has_the_product_s_consumptions(shop: Shop) -> None:
    license = shop.order_one("cp")

    assert (license["license_type"], license["max_consumptions"]) == ("consumption", 50)


def test_a_consumption_license_may_allow_overages_and_start_over(shop: Shop) -> None:
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
    shop: Shop, name: str, value: Any
) -> None:
    problem = shop.refused("kp", {name: value})

    assert told(problem) == {f"/items/0/licenses/0/{name}": "consumption_only"}
    assert "perpetual" in problem["message"]


def test_saying_no_to_overages_is_fine_anywhere(shop: Shop) -> None:
    license = shop.order_one("kp", {"allow_overages": False, "max_overages": 0})

    assert license["allow_overages"] is False


def test_what_a_policy_says_of_consumption_is_dropped_where_it_has_no_use(shop: Shop) -> None:
    over = {"default_license_type": "consumption", "allow_overages": True}
    shop.make("/license-templates/", product="kp", code="over", name="Over", **over)

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
def test_a_period_is_read_in_all_its_spellings(shop: Shop, sent: str, shown: str) -> None:
    license = shop.order_one("cp", {"consumption_period": sent})

    assert license["consumption_period"] == shown


def test_an_unknown_period_is_refused_with_those_that_are(shop: Shop) -> None:
    problem = shop.refused("cp", {"consumption_period": "fortnight"})

    assert "'weekly'" in problem["message"]


def test_features_may_be_named_by_code_alone(shop: Shop) -> None:
    license = shop.order_one(license={"product_features": ["f1", "f2"]})

    assert sorted(features_of(license)) == ["f1", "f2"]


def test_a_feature_has_the_product_s_terms_where_the_license_says_nothing(shop: Shop) -> None:
    license = shop.order_one(license={"product_features": ["credits"]})

    credits = features_of(license)["credits"]
    assert (credits["max_consumption"], credits["total_consumptions"]) == (10, 0)
    assert credits["product_feature"]["feature_type"] == "consumption"


def test_a_feature_may_have_terms_of_its_own_on_one_license(shop: Shop) -> None:
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
    (product,) = shop.get("/product-features/", "code=credits").json()["results"]
    assert (credits["max_consumption"], product["max_consumption"]) == (33, 10)
    assert (credits["expiry_date"], credits["consumption_period"]) == ("2031-01-01", "weekly")
    assert (credits["max_overages"], credits["metadata"]) == (5, {"k": "v"})


@pytest.mark.parametrize("date", [None, "", "0000-00-00"])
def test_a_feature_may_have_no_end(shop: Shop, date: Any) -> None:
    features = [{"code": "credits", "expiry_date": date}]

    license = shop.order_one(license={"product_features": features})

    assert features_of(license)["credits"]["expiry_date"] is None


def test_features_of_both_forms_stand_beside_each_other(shop: Shop) -> None:
    features = ["f1", {"code": "credits", "max_consumption": 33}]

    license = shop.order_one(license={"product_features": features})

    assert sorted(features_of(license)) == ["credits", "f1"]


def test_a_license_that_names_no_features_has_those_of_its_policy(shop: Shop) -> None:
    shop.make(
        "/license-templates/",
        product="kp",
        code="with",
        name="With",
        license_product_feature_templates=[{"product_feature": "credits", "max_consumption": 7}],
    )

    license = shop.order_one(license={"policy_code": "with"})
    none = shop.order_one(license={"policy_code": "with", "product_features": []})
    other = shop.order_one(license={"policy_code": "with", "product_features": ["f1", "credits"]})

    assert features_of(license)["credits"]["max_consumption"] == 7
    assert features_of(none) == {}
    assert features_of(other)["credits"]["max_consumption"] == 7


def test_an_unknown_feature_is_refused_and_no_order_is_left(shop: Shop) -> None:
    licenses = [{"product_features": ["f1", "nope"]}]

    reply = shop.order(id="o-1", items=[{"product_code": "kp", "licenses": licenses}])

    assert reply.status == 400
    assert told(reply.json()) == {
        "/items/0/licenses/0/product_features/1": "unsupported_product_feature"
    }
    assert reply.json()["code"] == "unsupported_product_feature"
    assert shop.get("/orders/").json()["count"] == 0


def test_a_feature_that_is_off_is_refused(shop: Shop) -> None:
    (feature,) = shop.get("/product-features/", "code=f1").json()["results"]
    shop.patch(f"/product-features/{feature['id']}/", {"active": False})

    problem = shop.refused(license={"product_features": ["f1"]})

    assert problem["code"] == "unsupported_product_feature"


def test_a_feature_of_another_product_is_refused(shop: Shop) -> None:
    problem = shop.refused("cp", {"product_features": ["f1"]})

    assert problem["code"] == "unsupported_product_feature"


def test_a_feature_that_is_named_twice_is_refused_as_such(shop: Shop) -> None:
    problem = shop.refused(license={"product_features": ["f1", {"code": "f1"}]})

    assert told(problem) == {"/items/0/licenses/0/product_features/1": "feature_repeated"}
    assert problem["message"] == "f1 appears twice on one license"


def test_a_fault_in_a_long_feature_is_told_at_its_place_alone(shop: Shop) -> None:
    problem = shop.refused(license={"product_features": [{"code": "f1", "max_consumption": -1}]})

    place = "/items/0/licenses/0/product_features/0/max_consumption"
    assert told(problem) == {place: "greater_than_equal"}


def test_a_feature_that_is_neither_code_nor_object_is_refused(shop: Shop) -> None:
    problem = shop.refused(license={"product_features": [1]})

    (fault,) = problem["errors"]
    assert fault["pointer"] == "/items/0/licenses/0/product_features/0"
    assert fault["message"] == 'must be a feature code, or an object such as {"code": "export"}'

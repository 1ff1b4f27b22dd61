"""Licenses of orders: policies, precedence of terms, dates. LicenseSpring: Create Order."""

from datetime import timedelta
from typing import Any

import pytest

from tests.shared.value_shop import NOW, ValueShop, fault_codes


@pytest.fixture
def shop() -> ValueShop:
    return ValueShop()


def test_without_a_policy_the_default_policy_holds(shop: ValueShop) -> None:
    shop.change_policy("kp", "default", max_activations=4, default_license_type="subscription")

    license = shop.order_one("kp")

    assert (license["max_activations"], license["license_type"]) == (4, "subscription")
    assert license["policy_code"] == "default"


def test_a_policy_that_is_named_holds(shop: ValueShop) -> None:
    license = shop.order_one(license={"policy_code": "policy_A"})

    assert license["max_activations"] == 5
    assert license["valid_duration"] == "1y"
    assert license["license_type"] == "time-limited"


def test_what_a_license_says_itself_wins_and_the_rest_is_the_policy_s(shop: ValueShop) -> None:
    license = shop.order_one(license={"policy_code": "policy_A", "max_activations": 7})

    assert license["max_activations"] == 7
    assert license["valid_duration"] == "1y"
    assert license["license_type"] == "time-limited"


def test_a_named_policy_wins_over_the_default_one_and_that_over_the_product(
    shop: ValueShop,
) -> None:
    shop.make_product(
        "new",
        default_license_type="perpetual",
        max_activations=3,
        max_transfers=3,
        max_license_users=3,
    )
    shop.change_policy("new", "default", max_activations=4, max_transfers=4)
    shop.make_policy("new", "five", max_activations=5)

    license = shop.order_one("new", {"policy_code": "five"})

    settled = [license[name] for name in ("max_activations", "max_transfers", "max_license_users")]
    assert settled == [5, 4, 3]


def test_zero_and_false_are_explicit_terms(shop: ValueShop) -> None:
    shop.change_policy("kp", "default", max_transfers=3, prevent_vm=True)

    license = shop.order_one("kp", {"max_transfers": 0, "prevent_vm": False})

    assert (license["max_transfers"], license["prevent_vm"]) == (0, False)


def test_null_leaves_a_term_open(shop: ValueShop) -> None:
    license = shop.order_one(license={"policy_code": "policy_A", "max_activations": None})

    assert license["max_activations"] == 5


def test_without_any_term_the_system_default_applies(shop: ValueShop) -> None:
    license = shop.order_one("kp")

    expected: dict[str, object] = {
        "license_type": "perpetual",
        "max_activations": 1,
        "is_trial": False,
        "prevent_vm": False,
        "max_transfers": 0,
        "allow_overages": False,
        "max_overages": 0,
        "reset_consumption": False,
        "consumption_period": None,
        "valid_duration": None,
        "is_floating": False,
        "floating_timeout": 120,
        "max_borrow_time": 0,
        "grace_period": 0,
        "max_license_users": 1,
        "enabled": True,
        "status": "Inactive",
    }
    assert {name: license[name] for name in expected} == expected


@pytest.mark.parametrize("code", ["gone", "pro"])
def test_a_policy_that_the_product_has_not_is_refused_by_name(shop: ValueShop, code: str) -> None:
    problem = shop.refused("kp", {"policy_code": code})

    assert fault_codes(problem) == {"/items/0/licenses/0/policy_code": "unknown_policy"}
    assert code in problem.message
    assert "kp" in problem.message


def test_a_policy_that_is_archived_is_refused(shop: ValueShop) -> None:
    shop.change_policy("kp", "policy_A", is_archived=True)

    problem = shop.refused("kp", {"policy_code": "policy_A"})

    assert problem.code == "unknown_policy"


def test_an_older_name_is_refused_at_its_own_place(shop: ValueShop) -> None:
    problem = shop.refused("kp", {"license_template_code": "gone"})

    assert fault_codes(problem) == {"/items/0/licenses/0/license_template_code": "unknown_policy"}


def test_two_names_of_a_policy_that_differ_are_refused(shop: ValueShop) -> None:
    both = {"policy_code": "policy_A", "license_template_code": "default"}

    problem = shop.refused("kp", both)

    assert fault_codes(problem) == {"/items/0/licenses/0/license_template_code": "alias_conflict"}


def test_each_license_has_its_own_policy(shop: ValueShop) -> None:
    licenses = [{"policy_code": "policy_A"}, {}, {"policy_code": "policy_A", "max_activations": 7}]

    answer = shop.order(items=[{"product_code": "kp", "licenses": licenses}])

    shown = answer["order_items"][0]["licenses"]
    assert [lic["policy_code"] for lic in shown] == ["policy_A", "default", "policy_A"]
    assert [lic["max_activations"] for lic in shown] == [5, 1, 7]


def test_only_a_trial_inherits_trial_days(shop: ValueShop) -> None:
    shop.change_policy("kp", "default", trial_days=30)

    trial, other = shop.order_one(license={"is_trial": True}), shop.order_one()

    assert (trial["trial_days"], other["trial_days"]) == (30, None)


def test_prevent_vm_of_an_order_holds_for_every_license(shop: ValueShop) -> None:
    items = [{"product_code": "kp", "licenses": [{}, {"prevent_vm": False}]}]

    answer = shop.order(prevent_vm=True, items=items)

    shown = answer["order_items"][0]["licenses"]
    assert [lic["prevent_vm"] for lic in shown] == [True, True]


@pytest.mark.parametrize("transfers", [0, -1, 3])
def test_transfers_are_none_any_or_a_number(shop: ValueShop, transfers: int) -> None:
    license = shop.order_one(license={"max_transfers": transfers})

    assert license["max_transfers"] == transfers


def test_more_floating_users_than_activations_are_refused(shop: ValueShop) -> None:
    problem = shop.refused("kp", {"floating_users": 10, "max_activations": 5})

    assert fault_codes(problem) == {"/items/0/licenses/0/floating_users": "too_many_floating_users"}
    assert "(10)" in problem.message
    assert "(5)" in problem.message


@pytest.mark.parametrize(
    "license",
    [
        {"floating_users": 10, "max_activations": 5, "allow_unlimited_activations": True},
        {"floating_users": 5, "max_activations": 5},
    ],
)
def test_as_many_floating_users_as_activations_are_fine(
    shop: ValueShop, license: dict[str, Any]
) -> None:
    shown = shop.order_one(license={**license, "is_floating": True})

    assert shown["is_floating"] is True
    assert shown["floating_users"] == license["floating_users"]


def test_a_license_may_be_ordered_disabled(shop: ValueShop) -> None:
    license = shop.order_one(license={"enabled": False})

    assert (license["enabled"], license["status"]) == (False, "Disabled")


def test_a_policy_may_be_named_by_its_id(shop: ValueShop) -> None:
    policy = shop.products["kp"].policy("policy_A")
    assert policy

    license = shop.order_one(license={"license_template": policy.id})
    problem = shop.refused(license={"license_template": 1})

    assert license["policy_code"] == "policy_A"
    assert (problem.code, problem.faults[0].field) == (
        "unknown_policy",
        "items.0.licenses.0.license_template",
    )


@pytest.mark.parametrize("duration", ["1y", "2m", "3d", "4h", "5min", "99999d"])
def test_a_duration_is_kept_as_it_is_given(shop: ValueShop, duration: str) -> None:
    license = shop.order_one(license={"license_type": "time-limited", "valid_duration": duration})

    assert license["valid_duration"] == duration


def test_a_time_limited_license_needs_an_end(shop: ValueShop) -> None:
    problem = shop.refused("kp", {"license_type": "time-limited"})

    assert fault_codes(problem) == {"/items/0/licenses/0/valid_duration": "duration_required"}


def test_an_end_date_is_end_enough(shop: ValueShop) -> None:
    license = shop.order_one(
        license={"license_type": "time-limited", "validity_period": "2030-10-15 00:00:00"}
    )

    assert license["validity_period"] == "2030-10-15"


def test_a_perpetual_license_has_no_duration(shop: ValueShop) -> None:
    license = shop.order_one(license={"license_type": "perpetual", "valid_duration": "1y"})

    assert license["valid_duration"] is None


@pytest.mark.parametrize("name", ["enable_maintenance_period", "enable_maintenance_duration"])
def test_maintenance_is_enabled_by_either_of_its_names(shop: ValueShop, name: str) -> None:
    license = shop.order_one(license={name: True, "maintenance_duration": "3d"})

    assert license["enable_maintenance_period"] is True
    assert license["maintenance_duration"] == "3d"


def test_two_names_of_maintenance_that_differ_are_refused(shop: ValueShop) -> None:
    both = {"enable_maintenance_period": True, "enable_maintenance_duration": False}

    problem = shop.refused("kp", both)

    assert fault_codes(problem) == {
        "/items/0/licenses/0/enable_maintenance_duration": "alias_conflict"
    }


@pytest.mark.parametrize("name", ["start_date", "validity_period", "maintenance_period"])
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2030-03-12", "2030-03-12"),
        ("2030-3-2", "2030-03-02"),
        ("2030-03-12T23:00:00-05:00", "2030-03-13"),
        ("0000-00-00", None),
        ("0000-00-00 00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_a_day_in_utc_or_unset(
    shop: ValueShop, name: str, sent: str | None, shown: str | None
) -> None:
    license = shop.order_one(license={name: sent})

    assert license[name] == shown


def test_a_license_whose_end_is_past_is_expired(shop: ValueShop) -> None:
    today = NOW.date()

    ended = shop.order_one(license={"validity_period": str(today - timedelta(days=1))})
    last_day = shop.order_one(license={"validity_period": str(today)})

    assert (ended["status"], last_day["status"]) == ("Expired", "Inactive")


def test_a_trial_keeps_its_days_and_its_end(shop: ValueShop) -> None:
    license = shop.order_one(
        license={"is_trial": True, "trial_days": 14, "validity_period": "2030-01-01"}
    )

    assert (license["is_trial"], license["trial_days"]) == (True, 14)
    assert license["validity_period"] == "2030-01-01"

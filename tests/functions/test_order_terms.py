"""Policies, precedence and types of ordered licenses. Published: create order."""

from typing import Any

import pytest

from tests.functions.shop import Shop, told


def set_default_policy(shop: Shop, product: str, **terms: Any) -> None:
    query = f"product={product}&is_default=true"
    (policy,) = shop.get("/license-templates/", query).json()["results"]
    assert shop.patch(f"/license-templates/{policy['id']}/", terms).status == 200


def test_without_a_policy_the_default_policy_holds(shop: Shop) -> None:
    set_default_policy(shop, "kp", max_activations=4, default_license_type="subscription")

    license = shop.order_one("kp")

    assert (license["max_activations"], license["license_type"]) == (4, "subscription")
    assert license["policy_code"] == "default"


def test_a_policy_that_is_named_holds(shop: Shop) -> None:
    license = shop.order_one(license={"policy_code": "policy_A"})

    assert license["max_activations"] == 5
    assert license["valid_duration"] == "1y"
    assert license["license_type"] == "time-limited"


def test_what_a_license_says_itself_wins_and_the_rest_is_the_policy_s(shop: Shop) -> None:
    license = shop.order_one(license={"policy_code": "policy_A", "max_activations": 7})

    assert license["max_activations"] == 7
    assert license["valid_duration"] == "1y"
    assert license["license_type"] == "time-limited"


def test_a_named_policy_wins_over_the_default_one_and_that_over_the_product(shop: Shop) -> None:
    shop.make(
        "/products/",
        product_name="New",
        short_code="new",
        default_license_type="perpetual",
        max_activations=3,
        max_transfers=3,
        max_license_users=3,
    )
    set_default_policy(shop, "new", max_activations=4, max_transfers=4)
    shop.make("/license-templates/", product="new", code="five", name="Five", max_activations=5)

    license = shop.order_one("new", {"policy_code": "five"})

    settled = [license[name] for name in ("max_activations", "max_transfers", "max_license_users")]
    assert settled == [5, 4, 3]


def test_zero_and_false_are_said_not_left_open(shop: Shop) -> None:
    set_default_policy(shop, "kp", max_transfers=3, prevent_vm=True)

    license = shop.order_one("kp", {"max_transfers": 0, "prevent_vm": False})

    assert (license["max_transfers"], license["prevent_vm"]) == (0, False)


def test_null_leaves_a_term_open(shop: Shop) -> None:
    license = shop.order_one(license={"policy_code": "policy_A", "max_activations": None})

    assert license["max_activations"] == 5


def test_where_nobody_says_anything_the_system_does(shop: Shop) -> None:
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
def test_a_policy_that_the_product_has_not_is_refused_by_name(shop: Shop, code: str) -> None:
    problem = shop.refused("kp", {"policy_code": code})

    assert told(problem) == {"/items/0/licenses/0/policy_code": "unknown_policy"}
    assert code in problem["message"]
    assert "kp" in problem["message"]


def test_a_policy_that_is_archived_is_refused(shop: Shop) -> None:
    (policy,) = shop.get("/license-templates/", "code=policy_A").json()["results"]
    shop.patch(f"/license-templates/{policy['id']}/", {"is_archived": True})

    problem = shop.refused("kp", {"policy_code": "policy_A"})

    assert problem["code"] == "unknown_policy"


def test_the_older_name_of_policy_code_works_and_says_that_it_is_old(shop: Shop) -> None:
    licenses = [{"license_template_code": "policy_A"}]

    reply = shop.order(items=[{"product_code": "kp", "licenses": licenses}])

    assert reply.json()["order_items"][0]["licenses"][0]["policy_code"] == "policy_A"
    assert reply.headers["deprecation"] == "true"


def test_the_present_name_is_not_called_old(shop: Shop) -> None:
    licenses = [{"policy_code": "policy_A"}]

    reply = shop.order(items=[{"product_code": "kp", "licenses": licenses}])

    assert "deprecation" not in reply.headers


def test_an_older_name_is_refused_at_its_own_place(shop: Shop) -> None:
    problem = shop.refused("kp", {"license_template_code": "gone"})

    assert told(problem) == {"/items/0/licenses/0/license_template_code": "unknown_policy"}


def test_two_names_of_a_policy_that_differ_are_refused(shop: Shop) -> None:
    both = {"policy_code": "policy_A", "license_template_code": "default"}

    problem = shop.refused("kp", both)

    assert told(problem) == {"/items/0/licenses/0/license_template_code": "alias_conflict"}


def test_each_license_has_its_own_policy(shop: Shop) -> None:
    licenses = [{"policy_code": "policy_A"}, {}, {"policy_code": "policy_A", "max_activations": 7}]

    answer = shop.order(items=[{"product_code": "kp", "licenses": licenses}]).json()

    shown = answer["order_items"][0]["licenses"]
    assert [lic["policy_code"] for lic in shown] == ["policy_A", "default", "policy_A"]
    assert [lic["max_activations"] for lic in shown] == [5, 1, 7]


def test_a_license_keeps_its_terms_when_its_policy_changes(shop: Shop) -> None:
    license = shop.order_one("kp", {"policy_code": "policy_A"})
    (policy,) = shop.get("/license-templates/", "code=policy_A").json()["results"]

    shop.patch(f"/license-templates/{policy['id']}/", {"max_activations": 9})

    assert shop.get(f"/licenses/{license['id']}/").json()["max_activations"] == 5


def test_only_a_trial_inherits_trial_days(shop: Shop) -> None:
    set_default_policy(shop, "kp", trial_days=30)

    trial, other = shop.order_one(license={"is_trial": True}), shop.order_one()

    assert (trial["trial_days"], other["trial_days"]) == (30, None)


def test_prevent_vm_of_an_order_holds_for_every_license(shop: Shop) -> None:
    items = [{"product_code": "kp", "licenses": [{}, {"prevent_vm": False}]}]

    answer = shop.order(prevent_vm=True, items=items).json()

    shown = answer["order_items"][0]["licenses"]
    assert [lic["prevent_vm"] for lic in shown] == [True, True]


@pytest.mark.parametrize("transfers", [0, -1, 3])
def test_transfers_are_none_any_or_a_number(shop: Shop, transfers: int) -> None:
    license = shop.order_one(license={"max_transfers": transfers})

    assert license["max_transfers"] == transfers


def test_fewer_than_any_transfers_are_refused(shop: Shop) -> None:
    problem = shop.refused("kp", {"max_transfers": -2})

    assert list(told(problem)) == ["/items/0/licenses/0/max_transfers"]


def test_more_floating_users_than_activations_are_refused(shop: Shop) -> None:
    problem = shop.refused("kp", {"floating_users": 10, "max_activations": 5})

    assert told(problem) == {"/items/0/licenses/0/floating_users": "too_many_floating_users"}
    assert "(10)" in problem["message"]
    assert "(5)" in problem["message"]


@pytest.mark.parametrize(
    "license",
    [
        {"floating_users": 10, "max_activations": 5, "allow_unlimited_activations": True},
        {"floating_users": 5, "max_activations": 5},
    ],
)
def test_as_many_floating_users_as_activations_are_fine(
    shop: Shop, license: dict[str, Any]
) -> None:
    shown = shop.order_one(license={**license, "is_floating": True})

    assert shown["is_floating"] is True
    assert shown["floating_users"] == license["floating_users"]


def test_what_is_said_of_a_license_is_kept(shop: Shop) -> None:
    said = {
        "can_borrow": True,
        "max_borrow_time": 24,
        "allow_grace_period": True,
        "grace_period": 48,
        "is_air_gapped": True,
        "is_hardware_key_auth": True,
        "max_license_users": 3,
        "is_floating_cloud": True,
        "floating_timeout": 60,
        "note": "Grüße",
        "subscription_id": "sub-1",
        "custom_fields": [{"name": "seat", "value": "7"}, {"name": "n", "value": 2.5}],
    }

    license = shop.order_one(license=said)

    stored = shop.get(f"/licenses/{license['id']}/").json()
    assert {name: stored[name] for name in said} == said


def test_a_license_may_be_ordered_disabled(shop: Shop) -> None:
    license = shop.order_one(license={"enabled": False})

    assert (license["enabled"], license["status"]) == (False, "Disabled")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_activations", -1),
        ("max_activations", 1.5),
        ("max_activations", "5"),
        ("max_activations", 2**31),
        ("is_trial", "yes"),
        ("prevent_vm", 2),
        ("prevent_vm", "TRUE"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_at_its_place(
    shop: Shop, name: str, value: Any
) -> None:
    problem = shop.refused("kp", {name: value})

    assert list(told(problem)) == [f"/items/0/licenses/0/{name}"]
    assert problem["errors"][0]["value"] == value


def test_a_policy_may_be_named_by_its_id(shop: Shop) -> None:
    policies = shop.get("/license-templates/", "product=kp&code=policy_A").json()["results"]

    license = shop.order_one(license={"license_template": policies[0]["id"]})
    problem = shop.refused(license={"license_template": 1})

    assert license["policy_code"] == "policy_A"
    assert (problem["code"], problem["errors"][0]["field"]) == (
        "unknown_policy",
        "items.0.licenses.0.license_template",
    )

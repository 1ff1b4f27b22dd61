"""Policies, precedence and types of ordered licenses. Published: create order."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes


def test_the_older_name_of_policy_code_works_and_says_that_it_is_old(shop: Shop) -> None:
    licenses = [{"license_template_code": "policy_A"}]

    reply = shop.order(items=[{"product_code": "kp", "licenses": licenses}])

    assert reply.json()["order_items"][0]["licenses"][0]["policy_code"] == "policy_A"
    assert reply.headers["deprecation"] == "true"


def test_the_present_name_is_not_called_old(shop: Shop) -> None:
    licenses = [{"policy_code": "policy_A"}]

    reply = shop.order(items=[{"product_code": "kp", "licenses": licenses}])

    assert "deprecation" not in reply.headers


def test_a_license_keeps_its_terms_when_its_policy_changes(shop: Shop) -> None:
    license = shop.order_one("kp", {"policy_code": "policy_A"})
    (policy,) = shop.get("/license-templates/", "code=policy_A").json()["results"]

    shop.patch(f"/license-templates/{policy['id']}/", {"max_activations": 9})

    assert shop.get(f"/licenses/{license['id']}/").json()["max_activations"] == 5


def test_fewer_than_any_transfers_are_refused(shop: Shop) -> None:
    problem = shop.refused("kp", {"max_transfers": -2})

    assert list(fault_codes(problem)) == ["/items/0/licenses/0/max_transfers"]


def test_fields_of_a_license_are_stored(shop: Shop) -> None:
    terms = {
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

    license = shop.order_one(license=terms)

    stored = shop.get(f"/licenses/{license['id']}/").json()
    assert {name: stored[name] for name in terms} == terms


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

    assert list(fault_codes(problem)) == [f"/items/0/licenses/0/{name}"]
    assert problem["errors"][0]["value"] == value

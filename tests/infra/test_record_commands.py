"""`keywright licenses`, `customers` and `orders list`, as an operator runs them."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.infra.served import Keywright, Served


@pytest.fixture
def placed(keywright: Keywright, tmp_path: Path) -> Any:
    """Two orders: of a license with a key, and of one with a user."""
    orders: list[dict[str, Any]] = [
        {
            "id": "web-1",
            "customer": {"email": "ana@acme.example", "reference": "crm-1"},
            "items": [{"product_code": "kp", "licenses": [{"key": "KEY-1"}]}],
        },
        {
            "id": "web-2",
            "items": [
                {"product_code": "up", "licenses": [{"users": [{"email": "u@acme.example"}]}]}
            ],
        },
    ]
    answers = []
    for order in orders:
        file = tmp_path / f"{order['id']}.json"
        file.write_text(json.dumps(order))
        answers.append(keywright.run_json("orders", "create", file))
    return answers


def test_orders_are_listed(keywright: Keywright, placed: Any) -> None:
    printed = keywright.run_json("orders", "list")
    oldest = keywright.run_json("orders", "list", "--oldest-first", "--limit", "1")
    shown = keywright.run("orders", "list", "--customer", "ana@acme.example")

    assert [order["store_id"] for order in printed] == ["web-2", "web-1"]
    assert [order["store_id"] for order in oldest] == ["web-1"]
    assert "web-1" in shown
    assert "web-2" not in shown
    assert keywright.run("orders", "list", "--customer", "x@acme.example") == "No orders.\n"


def test_licenses_are_listed(keywright: Keywright, placed: Any) -> None:
    printed = keywright.run_json("licenses", "list")
    shown = keywright.run("licenses", "list", "--product", "up")

    assert [lic["license_key"] for lic in printed] == [None, "KEY-1"]
    assert [lic["id"] for lic in keywright.run_json("licenses", "list", "--order", "web-1")] == [
        printed[1]["id"]
    ]
    assert "u@acme.example" in shown
    assert "KEY-1" not in shown
    assert keywright.run("licenses", "list", "--product", "nope") == "No licenses.\n"


@pytest.mark.parametrize("by", ["license_key", "id"])
def test_a_license_is_shown_by_key_or_id(keywright: Keywright, placed: Any, by: str) -> None:
    lic = placed[0]["order_items"][0]["licenses"][0]

    assert keywright.run_json("licenses", "show", str(lic[by]))["id"] == lic["id"]
    assert "never expires" in keywright.run("licenses", "show", str(lic[by]))


def test_a_license_is_changed_by_fields_of_the_api(keywright: Keywright, placed: Any) -> None:
    change = ("validity_period=2030-12-31", "max_activations=7", "note=7", 'metadata={"a": 1}')
    printed = keywright.run_json("licenses", "change", "KEY-1", *change)
    cleared = keywright.run_json("licenses", "change", "KEY-1", "validity_period=null", "note=null")

    names = ("validity_period", "max_activations", "note", "metadata")
    assert [printed[name] for name in names] == ["2030-12-31", 7, "7", {"a": 1}]
    assert [cleared[name] for name in names] == [None, 7, None, {"a": 1}]
    assert "until 2031-01-01" in keywright.run(
        "licenses", "change", "KEY-1", "validity_period=2031-01-01"
    )


def test_a_license_is_disabled_and_enabled(keywright: Keywright, placed: Any) -> None:
    assert keywright.run_json("licenses", "disable", "KEY-1")["status"] == "Disabled"
    assert "Inactive" in keywright.run("licenses", "enable", "KEY-1")


def test_a_change_is_made_once_though_its_answer_is_lost(
    keywright: Keywright, served: Served, placed: Any
) -> None:
    lic = placed[0]["order_items"][0]["licenses"][0]
    served.later["PATCH", f"/api/v1/licenses/{lic['id']}/"] = [httpx.Response(500)]

    assert (
        keywright.run_json("licenses", "change", "KEY-1", "max_activations=7")["max_activations"]
        == 7
    )


def test_impossible_changes_are_refused_with_the_reason(keywright: Keywright, placed: Any) -> None:
    assert "There is no license KEY-9" in keywright.run("licenses", "show", "KEY-9", status=2)
    assert "There is no license 12" in keywright.run("licenses", "show", "12", status=2)
    assert "FIELD=VALUE" in keywright.run("licenses", "change", "KEY-1", "x", status=2)
    assert "max_activations" in keywright.run(
        "licenses", "change", "KEY-1", "max_activations=-1", status=2
    )
    assert "There is no customer x" in keywright.run("customers", "show", "x", status=2)


def test_the_key_of_a_bundle_names_several_licenses(keywright: Keywright, tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "key": "BUNDLE", "licenses": members}]
    file.write_text(json.dumps({"is_bundle": True, "items": items}))
    keywright.run_json("orders", "create", file)

    assert "name a license by id" in keywright.run("licenses", "disable", "BUNDLE", status=2)


def test_customers_are_listed_and_shown(keywright: Keywright, placed: Any) -> None:
    (printed,) = keywright.run_json("customers", "list", "--reference", "crm-1")

    shown = keywright.run("customers", "show", "ana@acme.example")
    assert printed["email"] == "ana@acme.example"
    assert "ana@acme.example" in keywright.run("customers", "list")
    assert keywright.run_json("customers", "show", str(printed["id"]))["total_orders"] == 1
    assert "crm-1" in shown
    assert keywright.run("customers", "list", "--reference", "x") == "No customers.\n"

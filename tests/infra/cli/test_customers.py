"""`keywright customers`, as an operator runs it."""

from typing import Any

from tests.infra.served import Keywright


def test_customers_are_listed_and_shown(keywright: Keywright, placed: Any) -> None:
    (printed,) = keywright.run_json("customers", "list", "--reference", "crm-1")

    shown = keywright.run("customers", "show", "ana@acme.example")
    assert printed["email"] == "ana@acme.example"
    assert "ana@acme.example" in keywright.run("customers", "list")
    assert keywright.run_json("customers", "show", str(printed["id"]))["total_orders"] == 1
    assert "crm-1" in shown
    assert keywright.run("customers", "list", "--reference", "x") == "No customers.\n"


def test_a_customer_is_shown_with_address_and_metadata(keywright: Keywright) -> None:
    customer = {"email": "bo@acme.example", "address": "Main St 1", "city": "Bonn"}
    items = [{"product_code": "kp", "licenses": [{}]}]
    keywright.order(customer=customer | {"metadata": {"a": 1}}, items=items)

    shown = keywright.run("customers", "show", "bo@acme.example")

    assert "Main St 1, Bonn" in shown
    assert '{"a": 1}' in shown
    assert [
        each["email"]
        for each in keywright.run_json("customers", "list", "--email", "bo@acme.example")
    ] == ["bo@acme.example"]


def test_an_unknown_customer_is_not_found(keywright: Keywright) -> None:
    assert "There is no customer x" in keywright.run("customers", "show", "x", status=2)

"""Customers: list, create, show, change. LicenseSpring: Customers."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes

FIELDS: dict[str, Any] = {
    "email": "ana@x.test",
    "first_name": "Ana",
    "last_name": "Peña",
    "company_name": "Acme",
    "phone": "+1",
    "reference": "crm-1",
    "address": "Street 1",
    "postcode": "10000",
    "city": "Town",
    "country": "HR",
    "state": "ZG",
    "metadata": {"k": "v"},
}


def test_a_customer_is_created_with_all_requested_fields(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)

    shown = shop.get(f"/customers/{made['id']}/").json()
    assert shown == made
    assert {name: shown[name] for name in FIELDS} == FIELDS
    assert (shown["total_orders"], shown["total_licenses"]) == (0, 0)


@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": None}, {"first_name": "Ana"}])
def test_a_customer_needs_an_email(shop: Shop, body: dict[str, Any]) -> None:
    reply = shop.post("/customers/", body)

    assert reply.status == 400
    assert fault_codes(reply.json()) == {"/email": "required"}


def test_an_email_is_one_customer_s_whatever_its_case(shop: Shop) -> None:
    shop.make("/customers/", **FIELDS)

    reply = shop.post("/customers/", {"email": "ANA@x.test", "first_name": "Other"})

    assert (reply.status, reply.json()["code"]) == (409, "customer_exists")
    (customer,) = shop.get("/customers/").json()["results"]
    assert customer["first_name"] == "Ana"


def test_customers_may_share_a_reference(shop: Shop) -> None:
    for email in ("a@x.test", "b@x.test"):
        shop.make("/customers/", email=email, reference="r")

    assert shop.get("/customers/").json()["count"] == 2


def test_a_customer_is_found_by_email(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)
    shop.make("/customers/", email="bob@x.test")

    found = shop.get("/customers/", "email=ANA@x.test").json()

    assert [customer["id"] for customer in found["results"]] == [made["id"]]
    assert shop.get("/customers/", "email=nobody@x.test").json()["count"] == 0


def test_only_requested_fields_of_a_customer_are_changed(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)

    changed = shop.patch(f"/customers/{made['id']}/", {"city": "Other", "company": "New"}).json()

    assert (changed["city"], changed["company_name"]) == ("Other", "New")
    assert changed["first_name"] == "Ana"
    assert shop.get(f"/customers/{made['id']}/").json() == changed


@pytest.mark.parametrize("nothing", ["", None])
def test_a_field_of_a_customer_can_be_emptied(shop: Shop, nothing: str | None) -> None:
    made = shop.make("/customers/", **FIELDS)

    changed = shop.patch(f"/customers/{made['id']}/", {"phone": nothing}).json()

    assert changed["phone"] is None
    assert shop.get(f"/customers/{made['id']}/").json() == changed


def test_the_email_of_a_customer_can_not_be_changed(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)

    changed = shop.patch(f"/customers/{made['id']}/", {"email": "new@x.test"})
    repeated = shop.patch(f"/customers/{made['id']}/", {"email": "ANA@x.test"})

    assert fault_codes(changed.json()) == {"/email": "immutable"}
    assert repeated.status == 200


def test_an_order_for_a_customer_that_was_made_before_is_counted(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)

    items = [{"product_code": "kp", "licenses": [{}, {}]}]
    order = shop.order(customer={"email": "ana@x.test"}, items=items).json()

    shown = shop.get(f"/customers/{made['id']}/").json()
    assert order["customer"]["id"] == made["id"]
    assert (shown["total_orders"], shown["total_licenses"]) == (1, 2)


def test_unknown_fields_of_a_customer_are_refused_by_name(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)

    created = shop.post("/customers/", {"email": "b@x.test", "colour": "red"})
    patched = shop.patch(f"/customers/{made['id']}/", {"colour": "red"})

    assert (
        fault_codes(created.json()) == fault_codes(patched.json()) == {"/colour": "unknown_field"}
    )

"""Customers that orders name. Published: create order, customer."""

from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes
from tests.wiretap import meanwhile, tapped

ITEMS = [{"product_code": "kp", "licenses": [{}]}]


def order_for(shop: Shop, **customer: Any) -> Any:
    return shop.order(customer=customer, items=ITEMS).ok()


@pytest.mark.parametrize("name", ["company_name", "company"])
def test_a_new_customer_is_made_with_the_order(shop: Shop, name: str) -> None:
    fields = {
        "email": "c@x.test",
        "first_name": "Ana",
        "last_name": "Peña",
        "phone": "+1",
        "address": "Street 1\nTown",
        "reference": "crm-1",
    }

    answer = order_for(shop, **fields, **{name: "Acme"})

    customer = shop.get(f"/customers/{answer['customer']['id']}/").json()
    assert {key: customer[key] for key in fields} == fields
    assert customer["company_name"] == "Acme"
    assert (customer["total_orders"], customer["total_licenses"]) == (1, 1)


def test_company_name_wins_over_its_alias(shop: Shop) -> None:
    answer = order_for(shop, email="c@x.test", company="Alias", company_name="Name")

    assert answer["customer"]["company_name"] == "Name"


def test_an_order_shows_its_customer_flat_too(shop: Shop) -> None:
    answer = order_for(
        shop, email="c@x.test", first_name="A", last_name="B", company="Acme", reference="r"
    )

    flat = [answer[f"customer_{name}"] for name in ("email", "first_name", "last_name")]
    assert flat == ["c@x.test", "A", "B"]
    assert (answer["customer_company"], answer["customer_reference"]) == ("Acme", "r")


def test_a_customer_that_exists_is_reused_whatever_the_case_of_its_email(shop: Shop) -> None:
    first = order_for(shop, email="c@x.test", first_name="Ana")

    second = order_for(shop, email="C@X.test", first_name="Other", last_name="Name")

    assert second["customer"] == first["customer"]
    assert shop.get("/customers/").json()["count"] == 1


def test_an_id_of_a_customer_is_not_looked_at(shop: Shop) -> None:
    first = order_for(shop, email="c@x.test")

    second = order_for(shop, email="d@x.test", id=first["customer"]["id"])

    assert second["customer"]["id"] != first["customer"]["id"]
    assert second["customer_email"] == "d@x.test"


def test_customers_may_share_a_reference(shop: Shop) -> None:
    first = order_for(shop, email="c@x.test", reference="r")
    second = order_for(shop, email="d@x.test", reference="r")

    assert first["customer"]["id"] != second["customer"]["id"]
    assert first["customer_reference"] == second["customer_reference"] == "r"


def test_a_customer_without_an_email_is_always_a_new_one(shop: Shop) -> None:
    first, second = order_for(shop, first_name="Ana"), order_for(shop, first_name="Ana")

    assert first["customer"]["id"] != second["customer"]["id"]
    assert first["customer"]["email"] is None


@pytest.mark.parametrize("customer", [None, {}, {"email": ""}, {"id": 5}, {"first_name": ""}])
def test_an_empty_customer_is_none(shop: Shop, customer: Any) -> None:
    answer = shop.order(customer=customer, items=ITEMS).json()

    assert answer["customer"] is None
    assert shop.get("/customers/").json()["count"] == 0


def test_what_is_appended_goes_to_the_customer_of_the_order(shop: Shop) -> None:
    customer = {"email": "c@x.test"}
    shop.order(id="o-1", customer=customer, items=ITEMS)

    id = shop.order(id="o-1", append=True, items=ITEMS).json()["id"]

    items = shop.get(f"/orders/{id}/").json()["order_items"]
    emails = [item["licenses"][0]["customer"]["email"] for item in items]
    assert emails == ["c@x.test", "c@x.test"]


def test_a_refused_order_makes_no_customer(shop: Shop) -> None:
    shop.refused("nope", customer={"email": "c@x.test"})

    assert shop.get("/customers/").json()["count"] == 0


def test_a_customer_that_is_no_object_is_refused(shop: Shop) -> None:
    problem = shop.refused(customer="c@x.test")

    assert list(fault_codes(problem)) == ["/customer"]


@pytest.fixture
def updating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDER_UPDATES_CUSTOMER", "true")


@pytest.mark.usefixtures("updating")
def test_an_order_updates_its_customer_where_the_stage_says_so(shop: Shop) -> None:
    first = order_for(shop, email="c@x.test", first_name="Ana", phone="+1", reference="old")

    second = order_for(shop, email="c@x.test", first_name="Anna", phone="", reference="new")

    customer = shop.get(f"/customers/{first['customer']['id']}/").json()
    names = ("first_name", "phone", "reference")
    assert [customer[name] for name in names] == ["Anna", "+1", "new"]
    assert [second["customer"][name] for name in names] == ["Anna", "+1", "new"]
    assert shop.get("/customers/", "reference=new").json()["count"] == 1
    assert shop.get("/customers/", "reference=old").json()["count"] == 0


@pytest.mark.usefixtures("updating")
def test_an_order_with_the_details_of_its_customer_does_not_write_it(shop: Shop) -> None:
    first = order_for(shop, email="c@x.test", first_name="Ana", metadata={"a": 1})

    second = order_for(shop, email="c@x.test", first_name="Ana", company_name="")

    assert second["customer"]["updated_at"] == first["customer"]["updated_at"]


@pytest.mark.usefixtures("updating")
def test_a_customer_that_changes_while_an_order_updates_it_keeps_both_changes(shop: Shop) -> None:
    id = order_for(shop, email="c@x.test")["customer"]["id"]

    with tapped(
        "TransactWriteItems", meanwhile(lambda: shop.patch(f"/customers/{id}/", {"city": "Town"}))
    ):
        order_for(shop, email="c@x.test", first_name="Ana")

    customer = shop.get(f"/customers/{id}/").json()
    assert (customer["city"], customer["first_name"]) == ("Town", "Ana")


def test_an_order_shows_its_customer_as_it_is_stored(shop: Shop) -> None:
    order_for(shop, email="c@x.test", first_name="Ana")

    answer = order_for(shop, email="c@x.test", first_name="Other")

    assert answer["customer"]["first_name"] == "Ana"

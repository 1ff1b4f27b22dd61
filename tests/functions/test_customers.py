"""Customers: list, create, show, change. LicenseSpring: Customers."""

import csv
import io
from typing import Any

import pytest

from functions import export_file
from shared.columns import KINDS
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
    problem = shop.post("/customers/", body).refused()

    assert fault_codes(problem) == {"/email": "required"}


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


def test_a_customer_that_was_changed_meanwhile_is_not_overwritten(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)
    path, seen = f"/customers/{made['id']}/", {"updated_at": made["updated_at"]}
    other = shop.patch(path, {"city": "Other"}).json()

    late = shop.patch(path, {"city": "Late", "phone": "+9", **seen})
    same = shop.patch(path, {"city": "Other", **seen})
    current = shop.patch(path, {"city": "Late", "updated_at": other["updated_at"]})

    assert (late.status, late.json()["code"]) == (409, "changed_meanwhile")
    assert set(fault_codes(late.json())) == {"/updated_at", "/city", "/phone"}
    assert 'city is "Other" now' in late.text.replace("\\", "")
    assert same.json() == other
    assert current.json()["city"] == "Late"


def test_a_change_of_a_customer_that_differs_in_nothing_writes_nothing(shop: Shop) -> None:
    made = shop.make("/customers/", **FIELDS)

    same = shop.patch(f"/customers/{made['id']}/", {"city": made["city"]}).json()

    assert same["updated_at"] == made["updated_at"]


def exported(shop: Shop, query: str = "") -> tuple[list[dict[str, str]], str]:
    """The rows of an export, and the query of the next part."""
    reply = shop.get("/customers/export/", query)
    assert reply.status == 200, reply.text
    rows = list(csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff"))))
    return rows, reply.headers.get("link", "").partition("?")[2].partition(">")[0]


def test_customers_are_exported_newest_first_in_the_columns_of_the_import(shop: Shop) -> None:
    shop.make("/customers/", **FIELDS)
    shop.make("/customers/", email="b@x.test", first_name="=1+1")
    shop.order_one("kp", customer={"company_name": "No e-mail", "reference": "r"})

    rows, link = exported(shop)

    assert [*rows[0]] == list(KINDS["customers"].columns)
    assert [row["email"] for row in rows] == ["", "b@x.test", "ana@x.test"]
    expected = {name: FIELDS[name] for name in rows[2]} | {"phone": "'+1", "metadata": '{"k":"v"}'}
    assert rows[2] == expected
    assert rows[1]["first_name"] == "'=1+1"
    assert rows[1]["phone"] == ""
    assert link == ""
    reply = shop.get("/customers/export/")
    assert reply.headers["content-disposition"] == 'attachment; filename="customers.csv"'
    assert "x-licenses-left-out" not in reply.headers


def test_no_customers_are_a_header_alone(shop: Shop) -> None:
    assert exported(shop) == ([], "")


@pytest.mark.parametrize("limit", ["MOST_EXPORTED", "PAGE_BYTES"])
def test_customers_that_are_too_many_for_a_file_are_refused_or_come_in_parts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    for n in range(5):
        shop.make("/customers/", email=f"c{n}@x.test")
    monkeypatch.setattr(export_file, limit, 2 if limit == "MOST_EXPORTED" else 55)

    refused = shop.get("/customers/export/")

    assert (refused.status, refused.json()["code"]) == (413, "export_too_large")
    assert "request fewer" not in refused.json()["message"]
    found, query = [], "parts=true"
    while query:
        rows, query = exported(shop, query)
        found.append([row["email"][:2] for row in rows])
    assert found == [["c4", "c3"], ["c2", "c1"], ["c0"]]


def test_a_cursor_of_another_list_is_no_cursor_of_the_export(shop: Shop) -> None:
    for n in range(2):
        shop.make("/customers/", email=f"c{n}@x.test")
    cursor = shop.get("/customers/", "limit=1").json()["cursor"]

    reply = shop.get("/customers/export/", f"cursor={cursor}")

    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "cursor")


def test_customers_of_another_company_are_not_exported(shop: Shop, other_shop: Shop) -> None:
    shop.make("/customers/", **FIELDS)

    assert exported(other_shop) == ([], "")

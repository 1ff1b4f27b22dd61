"""What is typed is there until it is sent: also when the page is loaded anew, by whomever."""

import re

from playwright.sync_api import Route, expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, post
from tests.e2e.remote import RemoteShop

FAULTY = b"email,first_name\nnobody,Ana\n"


def test_an_order_that_is_typed_outlives_the_page_and_is_placed_once(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    page.get_by_label("E-mail").fill("anew@acme.example")
    page.get_by_label("Product (required)").select_option("kp")

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/create_order/", lost, times=1)
    console.button("Place order").click()
    expect(page.get_by_role("alert")).to_contain_text("The network did not answer")

    page.reload()

    expect(page.get_by_label("E-mail")).to_have_value("anew@acme.example")
    console.button("Place order").click()
    expect(page.get_by_role("heading", level=1, name=re.compile("order-"))).to_be_visible()
    assert seller.get("/orders/", "customer_email=anew@acme.example").json()["count"] == 1
    page.goto(f"{console.url}#/orders/new")
    expect(page.get_by_label("E-mail")).to_have_value("")


def test_a_page_that_can_not_be_fetched_is_fetched_later_and_no_form_is_lost(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    page.route("**/customers.js", lambda route: route.abort())
    console.visit("products/new", vendor)
    page.get_by_label("Name").fill("Typed before")

    page.get_by_role("link", name="Customers", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This page could not be fetched")
    page.get_by_role("alert").get_by_role("link", name="load it anew").click()
    expect(page.get_by_role("alert")).to_contain_text("This page could not be fetched")
    page.unroute("**/customers.js")
    console.button("Try again").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    page.goto(f"{console.url}#/products/new")
    expect(page.get_by_label("Name")).to_have_value("Typed before")
    page.get_by_role("button", name="Cancel").click()
    page.reload()
    page.get_by_role("button", name="New product").click()
    expect(page.get_by_label("Name")).to_have_value("")


def test_corrected_rows_outlive_the_page_and_are_forgotten_when_one_signs_out(
    console: Console, vendor: RemoteShop
) -> None:
    number = post(vendor, "customers", FAULTY)
    ended(vendor, number)
    page = console.page
    console.open(f"imports/customers/{number}")
    console.sign_in(vendor.key)
    cell = page.get_by_label("Row 1, email")
    cell.fill("ana@typed.test")

    page.reload()

    expect(cell).to_have_value("ana@typed.test")
    expect(console.button("Send 1 row again")).to_be_visible()
    console.button("Sign out").click()
    console.sign_in(vendor.key)
    expect(cell).to_have_value("nobody")

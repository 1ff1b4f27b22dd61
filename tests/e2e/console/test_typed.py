"""Drafts survive a reload until they are submitted, for the same company only."""

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.e2e.console.pages import Console, revoked_key
from tests.e2e.importing import ended, post
from tests.e2e.remote import RemoteShop

FAULTY = b"email,first_name\nnobody,Ana\n"


def test_the_draft_of_an_order_survives_a_reload_and_is_placed_once(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    page.get_by_label("Email").fill("reload@acme.example")
    page.get_by_label("Product (required)").select_option("kp")

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/create_order/", lost, times=1)
    console.button("Place order").click()
    expect(page.get_by_role("alert")).to_contain_text("No connection")

    page.reload()

    expect(page.get_by_label("Email")).to_have_value("reload@acme.example")
    console.button("Place order").click()
    expect(page.get_by_role("heading", level=1, name=re.compile("order-"))).to_be_visible()
    assert seller.get("/orders/", "customer_email=reload@acme.example").json()["count"] == 1
    page.goto(f"{console.url}#/orders/new")
    expect(page.get_by_label("Email")).to_have_value("")


def test_a_page_that_fails_to_load_can_be_retried_and_no_draft_is_lost(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    page.route("**/later-*.js", lambda route: route.abort())
    console.visit("products/new", vendor)
    page.get_by_label("Name").fill("Typed before")

    page.get_by_role("link", name="Imports", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This page couldn’t be loaded")
    page.get_by_role("alert").get_by_role("link", name="reload the console").click()
    expect(page.get_by_role("alert")).to_contain_text("This page couldn’t be loaded")
    page.unroute("**/later-*.js")
    console.button("Try again").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Imports")
    page.goto(f"{console.url}#/products/new")
    expect(page.get_by_label("Name")).to_have_value("Typed before")
    page.get_by_role("button", name="Cancel").click()
    page.reload()
    page.get_by_role("button", name="New product").click()
    expect(page.get_by_label("Name")).to_have_value("")


def test_corrected_rows_survive_a_reload_but_not_sign_out(
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
    expect(console.button("Re-import 1 row")).to_be_visible()
    console.button("Sign out").click()
    console.sign_in(vendor.key)
    expect(cell).to_have_value("nobody")


def draft_with_revoked_key(console: Console, shop: RemoteShop) -> Locator:
    """Fill in a form whose key is then revoked; return a field behind the sign-in dialog."""
    page = console.page
    console.open("products/new")
    console.sign_in(shop.key)
    name = page.get_by_role("textbox", name="Name")
    name.fill("Secret plans")
    page.get_by_role("textbox", name="Code").fill("plans")
    page.route("**/api/v1/products/", revoked_key)
    console.button("Create product").click()
    expect(page.get_by_role("dialog", name="Sign in again")).to_contain_text(shop.company)
    page.unroute("**/api/v1/products/")
    return name


def test_drafts_are_kept_for_another_key_of_the_company_even_after_a_reload(
    console: Console, vendor: RemoteShop
) -> None:
    name = draft_with_revoked_key(console, vendor)

    console.page.reload()
    console.sign_in(vendor.key)

    expect(name).to_have_value("Secret plans")


@pytest.mark.parametrize("reloaded", [False, True], ids=["over the page", "after a reload"])
def test_drafts_are_deleted_for_another_company(
    console: Console, vendor: RemoteShop, other_shop: RemoteShop, reloaded: bool
) -> None:
    name = draft_with_revoked_key(console, vendor)

    if reloaded:
        console.page.reload()
    console.sign_in(other_shop.key)

    expect(console.page.get_by_text(other_shop.company)).to_be_visible()
    expect(name).to_have_value("")
    stored = console.page.evaluate("JSON.stringify(sessionStorage)")
    assert "plans" not in stored
    assert vendor.company not in stored

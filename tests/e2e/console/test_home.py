"""Home, and lists from which records are opened: filters, counts and rows."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, licenses, post
from tests.e2e.remote import RemoteShop


@pytest.fixture(scope="module")
def busy(seller: RemoteShop) -> RemoteShop:
    """A company with an order of three licenses, one of which ends in 9 days, and an import."""
    end = str((datetime.now(UTC) + timedelta(days=9)).date())
    soon = {"license_type": "time-limited", "validity_period": end}
    customer = {"email": "home@acme.example", "company_name": "Home Ltd"}
    items = [{"product_code": "kp", "licenses": [soon, {}, {}]}]
    seller.order(id="home-1", customer=customer, items=items)
    ended(seller, post(seller, "licenses", licenses([("home-i", "kp", "", "")]), name="h.csv"))
    deadline = time.monotonic() + 60
    while not seller.get("/licenses/", f"validity_period__gte={end}").json().get("results"):
        assert time.monotonic() < deadline, "the license that ends is not in the index"
        time.sleep(0.5)
    return seller


def test_home_shows_days_imports_and_licenses_that_end_soon(
    console: Console, busy: RemoteShop
) -> None:
    page = console.visit("", busy)
    orders = page.get_by_role("region").or_(page.locator("section")).filter(has_text="Show all")

    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    expect(
        page.get_by_role("img", name=re.compile(r"^\d+ orders in 30 days, most on"))
    ).to_be_visible()
    expect(orders.first).to_contain_text("today (UTC)")
    expect(page.get_by_role("link", name=re.compile("Keywright"))).to_contain_text(busy.company)
    soon = page.get_by_role("table", name="Licenses ending soon")
    expect(soon.get_by_role("row").nth(1)).to_contain_text("Home Ltd")
    assert not [*console.faults()]
    page.get_by_text("Show as a table").first.click()
    days = page.get_by_role("table", name="Orders per day")
    expect(days.get_by_role("row")).to_have_count(31)

    days.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"#/orders\?from=[0-9-]+&to=[0-9-]+$"))
    expect(page.get_by_role("table", name="Orders")).to_contain_text("home-1")


def test_a_row_opens_its_record_and_its_count_leads_to_the_licenses(
    console: Console, busy: RemoteShop
) -> None:
    page = console.visit("orders?store_id=home-1", busy)
    row = page.get_by_role("table", name="Orders").get_by_role("row").nth(1)

    with console.context.expect_page() as opened:
        row.get_by_role("cell").last.click(modifiers=["Control"])
    expect(opened.value).to_have_url(re.compile(r"#/orders/\d+$"))
    opened.value.close()
    row.get_by_role("link", name="3 licenses").click()
    expect(page).to_have_url(re.compile("#/licenses"))
    page.get_by_label("Status").select_option(label="Ending within 30 days")
    console.button("Search licenses").click()
    expect(page.get_by_label("Status")).to_have_accessible_description("Clear all other filters")
    page.get_by_label("Order ID").fill("")
    console.button("Search licenses").click()
    expect(page).to_have_url(re.compile(r"#/licenses\?show=ending$"))
    found = page.get_by_role("table", name="Licenses")
    expect(found.get_by_role("row")).to_have_count(2)
    page.get_by_text("More filters").click()
    assert not [*console.faults()]

    found.get_by_role("row").nth(1).get_by_role("cell").nth(2).click()
    expect(page).to_have_url(re.compile(r"#/licenses/\d+$"))
    page.goto(f"{console.url}#/orders?source=import")
    expect(page.get_by_role("table", name="Orders").get_by_role("row")).to_have_count(2)
    expect(page.get_by_label("Source")).to_have_value("import")


def test_an_order_for_a_customer_begins_with_the_customer(
    console: Console, busy: RemoteShop
) -> None:
    page = console.visit("customers", busy)
    page.get_by_role("link", name="Home Ltd").first.or_(
        page.get_by_role("link", name="home@acme.example")
    ).first.click()

    page.get_by_role("button", name="New order").click()

    expect(page.get_by_label("Email", exact=True)).to_have_value("home@acme.example")
    expect(page.get_by_text("Existing customer: Home Ltd")).to_be_visible()

"""Filters of lists: errors at their fields, times in UTC, complete results."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, post
from tests.e2e.remote import Operate, RemoteShop, Tables, opened

ITEMS = [{"product_code": "kp", "licenses": [{"validity_period": "2027-12-31"}]}]


@pytest.fixture(scope="module")
def midnight(seller: RemoteShop) -> str:
    """An order of 1 March UTC, which is 2 March in Berlin."""
    seller.order(id="midnight", created="2026-03-01T23:30:00Z", items=ITEMS)
    return "midnight"


def find(page: Page, fields: dict[str, str]) -> None:
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("main").get_by_role("button", name="Search").click()


@pytest.mark.parametrize(
    ("path", "label"),
    [("customers", "Email"), ("orders", "Customer email"), ("licenses", "Customer email")],
)
def test_an_incomplete_email_is_rejected_at_its_field(
    console: Console, seller: RemoteShop, midnight: str, path: str, label: str
) -> None:
    page = console.visit(path, seller)
    field = page.get_by_label(label)
    address = page.url

    find(page, {label: "petra"})

    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("Enter the complete email address")
    assert page.url == address
    assert not console.violations()
    find(page, {label: "petra@nobody.example"})
    expect(page.locator(".empty")).to_contain_text("No matching")
    expect(field).to_have_accessible_description("")


def test_reversed_dates_are_rejected_at_their_field(
    console: Console, seller: RemoteShop, midnight: str
) -> None:
    page = console.visit("orders", seller)

    find(page, {"From (UTC)": "2026-12-01", "To (UTC)": "2026-11-01"})

    expect(page.get_by_label("From (UTC)")).to_be_focused()
    message = "From must not be later than To"
    expect(page.get_by_label("From (UTC)")).to_have_accessible_description(message)
    console.button("Export licenses").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Date range").select_option(label="Custom range")
    dialog.get_by_label("From (UTC)").fill("2026-12-01")
    dialog.get_by_role("button", name="Download CSV").click()
    expect(dialog.get_by_label("To (UTC)")).to_have_accessible_description("Enter a date")
    dialog.get_by_label("To (UTC)").fill("2026-11-01")
    dialog.get_by_role("button", name="Download CSV").click()
    expect(dialog.get_by_label("From (UTC)")).to_have_accessible_description(message)


def test_an_api_error_is_not_shown_above_the_previous_list(
    console: Console, seller: RemoteShop, midnight: str
) -> None:
    page = console.visit("orders", seller)
    expect(page.get_by_role("table", name="Orders")).to_be_visible()

    page.goto(f"{console.url}#/orders?customer_email=petra")

    expect(page.get_by_role("alert")).to_contain_text("must be an e-mail address")
    expect(page.get_by_role("table", name="Orders")).to_have_count(0)


def test_a_search_without_a_connection_does_not_show_the_previous_list(
    console: Console, seller: RemoteShop, midnight: str
) -> None:
    page = console.visit("orders", seller)
    expect(page.get_by_role("table", name="Orders")).to_be_visible()

    console.context.set_offline(True)
    find(page, {"Order ID": "another"})

    expect(page.get_by_role("alert")).to_contain_text("No connection")
    expect(page.get_by_role("table", name="Orders")).to_have_count(0)
    console.context.set_offline(False)


def test_a_date_is_the_same_in_a_list_and_in_its_filter(
    console: Console, seller: RemoteShop, midnight: str
) -> None:
    zone = {"timezoneId": "Europe/Berlin"}
    console.context.new_cdp_session(console.page).send("Emulation.setTimezoneOverride", zone)
    page = console.visit("orders", seller)

    find(page, {"From (UTC)": "2026-03-01", "To (UTC)": "2026-03-01"})

    row = page.get_by_role("table", name="Orders").get_by_role("row", name=midnight)
    expect(row).to_contain_text("1 Mar 2026, 23:30 UTC")
    expect(row.locator("time")).to_have_attribute("title", "2 Mar 2026, 00:30:00 CET")
    find(page, {"From (UTC)": "2026-03-02", "To (UTC)": "2026-03-02"})
    expect(page.get_by_role("heading", name="No matching orders")).to_be_visible()
    page.goto(f"{console.url}#/orders?store_id={midnight}")
    page.get_by_role("link", name=midnight).click()
    expect(page.get_by_role("table", name="Licenses of kp")).to_contain_text("until 31 Dec 2027")


def test_more_than_2_000_products_are_all_listed_and_can_be_ordered(
    console: Console, seller: RemoteShop, keys: Operate, tables: Tables
) -> None:
    shop = opened(seller.http, keys, "large")
    shop.make("/products/", product_name="First", short_code="first")
    tables.copy_product(shop.company, 2_050)
    page = console.visit("products", shop)

    expect(page.get_by_role("table", name="Products").get_by_role("row")).to_have_count(2_052)
    page.goto(f"{console.url}#/orders/new")

    expect(page.get_by_label("Product (required)").locator("option")).to_have_count(2_052)


def test_pages_lead_on_beyond_the_ten_thousandth_record(
    console: Console, seller: RemoteShop, keys: Operate
) -> None:
    shop = opened(seller.http, keys, "beyond")
    text = "email\n" + "".join(f"c{n:05}@beyond.test\n" for n in range(10_030))
    assert ended(shop, post(shop, "customers", text.encode()))["state"] == "succeeded"
    page = console.visit("customers?offset=10000", shop)
    rows = page.get_by_role("table", name="Customers").get_by_role("row")
    expect(rows).to_have_count(26)
    before = set(rows.all_inner_texts())

    console.button("Next").click()

    console.see("After the first 10,000")
    expect(rows).to_have_count(6)
    assert set(rows.all_inner_texts()) & before == {rows.first.inner_text()}
    expect(console.button("Next")).to_have_attribute("aria-disabled", "true")
    console.button("First").click()
    console.see("of 10,000+")

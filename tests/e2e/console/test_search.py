"""The search field, suggestions of customers, and shortcuts."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop, opened


@pytest.fixture(scope="module")
def found(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company whose records can be found."""
    shop = opened(http, keys, "found", stocked=True)
    for n in range(3):
        email = f"search{n}@found.test"
        details = {"first_name": "Zoë", "last_name": f"Müller-Lang {n}", "company_name": "Acme"}
        shop.order_one(id=f"find-{n}", customer={"email": email, **details})
    deadline = time.monotonic() + 60
    while len(shop.get("/search/", "q=zoe").json()["customers"]) < 3:
        assert time.monotonic() < deadline, "the customers are not in the index"
        time.sleep(0.5)
    return shop


def search(page: Page, text: str) -> None:
    page.keyboard.press("/")
    expect(page.get_by_role("dialog", name="Search").get_by_role("combobox")).to_be_focused()
    page.keyboard.type(text)


def test_a_customer_is_found_and_opened_by_keyboard_alone(
    console: Console, found: RemoteShop
) -> None:
    page = console.visit("orders", found)
    search(page, "lang zoe")
    expect(page.get_by_role("combobox", name="License key")).to_have_js_property(
        "spellcheck", False
    )

    options = page.get_by_role("group", name="Customers").get_by_role("option")
    expect(options).to_have_count(3)
    expect(page.get_by_role("status").filter(has_text="3 matches")).to_be_visible()
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    assert not console.violations()
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/customers/[0-9]+$"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Müller-Lang")


def test_orders_and_keys_are_found_by_ctrl_k_also_while_typing(
    console: Console, found: RemoteShop
) -> None:
    (license,) = found.get("/licenses/", "order_store_id=find-1").json()["results"]
    page = console.visit("customers", found)
    page.get_by_label("Email").press("Control+k")
    box = page.get_by_role("dialog", name="Search").get_by_role("combobox")
    expect(box).to_be_focused()

    box.fill("find-")
    expect(page.get_by_role("group", name="Orders").get_by_role("option")).to_have_count(3)
    box.fill(license["license_key"])
    options = page.get_by_role("group", name="Licenses").get_by_role("option")
    expect(options).to_have_count(1)
    expect(options).to_contain_text(f"ending in {license['license_key'][-4:]}")
    options.click()
    expect(page).to_have_url(re.compile(f"#/licenses/{license['id']}$"))
    assert license["license_key"] not in page.url


def test_what_is_not_found_is_said_and_escape_leads_back(
    console: Console, found: RemoteShop
) -> None:
    page = console.visit("orders", found)
    page.get_by_role("button", name="Search", exact=True).click()
    page.keyboard.type("nobody at all")

    expect(page.get_by_role("status").filter(has_text="No matches")).to_be_visible()
    assert not console.violations()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_focused()


def test_a_new_order_suggests_customers(console: Console, found: RemoteShop) -> None:
    page = console.visit("orders/new", found)
    email = page.get_by_role("combobox", name="Email", exact=True)
    email.click()
    page.keyboard.type("muller 2")

    options = page.get_by_role("listbox", name="Customers").get_by_role("option")
    expect(options).to_have_count(1)
    assert not console.violations()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(email).to_have_value("search2@found.test")
    expect(page.get_by_text("Existing customer: Zoë Müller-Lang 2, Acme")).to_be_visible()
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_two_keys_lead_to_a_page_and_can_be_turned_off(console: Console, found: RemoteShop) -> None:
    page = console.visit("orders", found)
    for pressed, path in (("l", "licenses"), ("i", "imports"), ("h", "home"), ("o", "orders")):
        page.keyboard.press("g")
        page.keyboard.press(pressed)
        expect(page).to_have_url(re.compile(f"#/{path}$"))
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_contain_text("Orders")
    assert not console.violations()
    shortcuts.get_by_label("Shortcuts without Ctrl").uncheck()
    shortcuts.get_by_role("button", name="Close").click()

    page.keyboard.press("g")
    page.keyboard.press("l")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile("#/orders$"))
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()


def test_the_menu_of_a_phone_covers_the_page_and_escape_closes_it(
    console: Console, found: RemoteShop
) -> None:
    page = console.visit("orders", found)
    page.set_viewport_size({"width": 390, "height": 800})
    heading, menu = page.get_by_role("heading", level=1), console.button("Menu")
    expect(page.get_by_role("table")).to_be_visible()
    before = heading.bounding_box()
    menu.click()
    expect(page.get_by_role("link", name="Products", exact=True)).to_be_visible()

    assert heading.bounding_box() == before
    assert not console.violations()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Products", exact=True)).to_be_hidden()
    expect(menu).to_be_focused()

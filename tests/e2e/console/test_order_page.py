"""A placed order: reveal, copy and export its keys."""

import re

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.console.test_orders import choose, place
from tests.e2e.remote import RemoteShop

KEY = re.compile(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){3}")


def test_the_key_of_a_placed_order_is_masked_until_it_is_revealed(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("orders/new", seller)
    page.get_by_label("Email").fill("ana@acme.example")
    page.get_by_label("First name").fill("Ana")
    part = choose(page, "kp")
    part.get_by_label("Policy").select_option("policy_A")
    page.get_by_label("Order ID").fill("console-1")

    place(page)

    expect(page.get_by_role("heading", level=1, name="console-1")).to_be_focused()
    row = page.get_by_role("table", name="Licenses of kp").get_by_role("row").last
    expect(row).to_contain_text("1 year · 5 activations")
    expect(page.locator("main")).not_to_contain_text(KEY)
    row.get_by_role("button", name="Show license key").click()
    expect(row).to_contain_text(KEY)
    [license] = seller.get("/licenses/", "order_store_id=console-1").json()["results"]
    expect(row).to_contain_text(license["license_key"])
    assert license["customer"]["first_name"] == "Ana"


def test_a_text_is_selected_for_copying_if_the_browser_denies_the_clipboard(
    console: Console, seller: RemoteShop
) -> None:
    license = seller.order_one()
    page = console.visit(f"licenses/{license['id']}", seller)
    copy = console.button("Copy license key")
    console.context.grant_permissions([])
    try:
        copy.press("Enter")
        shown = page.get_by_role("dialog", name="Copy manually").get_by_role("textbox")
        expect(shown).to_be_focused()
    finally:
        console.context.clear_permissions()

    assert shown.evaluate("() => getSelection().toString()") == license["license_key"]
    assert not console.violations()
    page.keyboard.press("Escape")
    expect(copy).to_be_focused()
    copy.press("Enter")
    expect(page.locator("[role=status].visually-hidden")).to_have_text("Copied")


def test_two_companies_see_only_their_own_records(
    console: Console, seller: RemoteShop, other_shop: RemoteShop
) -> None:
    items = [{"product_code": "kp", "licenses": [{}]}]
    customer = {"email": "only@acme.example"}
    order = seller.order(id="ours-only", customer=customer, items=items).json()
    page = console.visit("orders?store_id=ours-only", seller)
    expect(page.get_by_role("table", name="Orders")).to_contain_text("only@acme.example")
    page.goto(f"{console.url}#/orders/new")
    page.get_by_label("Email").fill("typed@acme.example")

    console.button("Sign out").click()
    console.sign_in(other_shop.key)

    expect(page.get_by_label("Email")).to_have_value("")
    page.goto(f"{console.url}#/orders?store_id=ours-only")
    expect(page.get_by_role("heading", name="No matching orders")).to_be_visible()
    for path in (
        f"orders/{order['id']}",
        f"licenses/{order['order_licenses'][0]['id']}",
        f"customers/{order['customer']['id']}",
        f"products/{order['order_items'][0]['product_id']}",
    ):
        page.goto(f"{console.url}#/{path}")
        expect(page.get_by_role("alert")).to_contain_text(path.rpartition("/")[2])


def test_an_order_is_exported_in_the_import_format(console: Console, seller: RemoteShop) -> None:
    license = seller.order_one(id="exported")
    page = console.visit("orders?store_id=exported", seller)
    page.get_by_role("link", name="exported").click()

    with page.expect_download() as download:
        page.get_by_role("button", name="Export licenses").click()

    assert download.value.suggested_filename == f"order-{license['order']}.csv"
    text = download.value.path().read_bytes()
    assert text.startswith(b"\xef\xbb\xbflicense__license_key,product__short_code")
    assert license["license_key"].encode() in text

"""Find, create and edit catalog records, licenses and customers."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import RemoteShop


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def fill(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_role("textbox", name=label.replace("_", " ")).fill(text)


def test_a_new_product_with_a_feature_and_a_policy_can_be_ordered(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("products", seller)
    press(page, "New product")
    fill(page, Name="Easel", Code="easel", Activations="3")
    press(page, "Create product")
    press(page, "New feature")
    fill(page, Name="Paper sizes", Code="sizes")
    press(page, "Create feature")
    press(page, "New policy")
    fill(page, Name="Easel for a month", Code="month")
    page.get_by_label("Type").select_option("time-limited")
    fill(page, Valid_for="1m")
    page.get_by_label("Paper sizes").check()
    expect(page.get_by_role("textbox", name="Activations")).to_have_attribute(
        "placeholder", "3 (product)"
    )
    press(page, "Create policy")
    row = page.get_by_role("table", name="Policies").get_by_role("row", name="Easel for a month")
    expect(row).to_contain_text("Paper sizes")

    license = seller.order_one("easel", {"policy_code": "month"})
    assert license["valid_duration"] == "1m"
    assert license["max_activations"] == 3
    assert [grant["product_feature"]["code"] for grant in license["product_features"]] == ["sizes"]


def test_a_catalog_change_is_saved_and_a_rejected_one_shows_why(
    console: Console, seller: RemoteShop
) -> None:
    seller.make("/products/", product_name="Palette", short_code="palette")
    policy = {"product": "palette", "code": "pro", "name": "Pro", "max_activations": 9}
    seller.make("/license-templates/", default_license_type="perpetual", **policy)
    page = console.visit("policies?product=palette", seller)
    page.get_by_role("link", name="Pro", exact=True).click()
    expect(page.get_by_label("Activations", exact=True)).to_have_value("9")
    fill(page, Name="Pro, by the year", Activations="")
    page.get_by_label("Default policy of the product").check()
    page.get_by_label("Archived").check()

    press(page, "Save changes")

    expect(page.get_by_role("alert")).to_contain_text("it can't be archived")
    page.get_by_label("Archived").uncheck()
    press(page, "Save changes")
    row = page.get_by_role("table", name="Policies").get_by_role("row", name="Pro, by the year")
    expect(row).to_contain_text("Default")
    [saved] = seller.get("/license-templates/", "product=palette&code=pro").json()["results"]
    assert saved["is_default"]
    assert saved["max_activations"] is None


def test_a_product_taken_off_sale_is_not_offered_in_an_order(
    console: Console, seller: RemoteShop
) -> None:
    seller.make("/products/", product_name="Old easel", short_code="old-easel")
    page = console.visit("products", seller)
    page.get_by_role("link", name="Old easel").click()
    press(page, "Edit product")
    page.get_by_label("On sale").uncheck()
    press(page, "Save changes")
    expect(page.get_by_text("Disabled")).to_be_visible()

    page.get_by_role("link", name="Orders", exact=True).click()
    press(page, "New order")

    offered = page.get_by_label("Product (required)")
    expect(offered).to_contain_text("Key product")
    expect(offered).not_to_contain_text("Old easel")


def test_a_license_is_found_by_a_key_that_is_not_in_the_address_then_disabled_and_enabled(
    console: Console, seller: RemoteShop
) -> None:
    license = seller.order_one()
    seller.order_one()
    page = console.visit("licenses", seller)
    fill(page, License_key=license["license_key"])
    press(page, "Search licenses")
    expect(page.get_by_role("table", name="Licenses").get_by_role("row")).to_have_count(2)
    assert license["license_key"] not in page.url
    page.get_by_role("link", name="View license").click()

    press(page, "Disable license")
    page.get_by_role("dialog").get_by_role("button", name="Disable license").click()
    expect(page.get_by_role("definition").filter(has_text="Disabled")).to_be_visible()
    assert not seller.get(f"/licenses/{license['id']}/").json()["enabled"]

    press(page, "Enable license")
    expect(page.get_by_role("definition").filter(has_text="Not activated")).to_be_visible()
    assert seller.get(f"/licenses/{license['id']}/").json()["enabled"]


def test_a_customer_is_created_found_and_edited(console: Console, seller: RemoteShop) -> None:
    page = console.visit("customers/new", seller)
    fill(page, First_name="Íñigo", Last_name="Peña")
    press(page, "Create customer")
    email = page.get_by_label("Email")
    expect(email).to_have_accessible_description(re.compile("needs an email"))
    email.fill("Inigo@acme.example")
    press(page, "Create customer")
    expect(page.get_by_role("heading", level=1)).to_have_text("Íñigo Peña")

    press(page, "Edit customer")
    fill(page, City="Bilbao")
    press(page, "Save changes")
    expect(page.get_by_role("definition").filter(has_text="Bilbao")).to_be_visible()

    page.get_by_role("link", name="Customers", exact=True).first.click()
    fill(page, Email="inigo@ACME.example")
    press(page, "Search customers")
    expect(page.get_by_role("table", name="Customers").get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="Íñigo Peña").click()
    expect(page.get_by_role("definition").filter(has_text="inigo@acme.example")).to_be_visible()


def test_markup_in_a_name_is_rendered_as_text(console: Console, seller: RemoteShop) -> None:
    name = "<img src=x onerror='window.pwned = true'>"
    customer = {"email": "eve@acme.example", "company_name": name, "first_name": name}
    order = seller.order(
        id="<b>bold</b>",
        customer=customer,
        items=[{"product_code": "kp", "licenses": [{"note": name}]}],
    ).json()
    for place in (
        "orders",
        f"orders/{order['id']}",
        "licenses?customer_email=eve@acme.example",
        f"licenses/{order['order_licenses'][0]['id']}",
        "customers",
        f"customers/{order['customer']['id']}",
    ):
        page = console.visit(place, seller)
        expect(page.get_by_text("<img src=x").first).to_be_visible()
        assert page.locator("#app img, #app b").count() == 0
        assert not page.evaluate("window.pwned")

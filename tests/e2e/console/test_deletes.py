"""Licenses, empty orders and customers without orders are deleted in their pages."""

from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import RemoteShop


def confirm(console: Console, page: Page, button: str, typed: str) -> None:
    """Open the dialog of a deletion, type what it asks for, and delete."""
    console.button(button).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=button)).to_be_disabled()
    dialog.get_by_label("to confirm").fill(typed)
    dialog.get_by_role("button", name=button).click()


def test_a_license_its_order_and_its_customer_are_deleted(
    console: Console, seller: RemoteShop
) -> None:
    customer = {"email": "leaver@acme.example"}
    license = seller.order_one("kp", id="leaving", customer=customer)
    page = console.visit(f"licenses/{license['id']}", seller)

    confirm(console, page, "Delete license", license["license_key"][-4:])

    expect(page.get_by_role("heading", level=1)).to_have_text("Licenses")
    assert seller.get(f"/licenses/{license['id']}/").status == 404
    console.open(f"orders/{license['order']}")
    console.see("All licenses of this order were deleted")
    confirm(console, page, "Delete order", "leaving")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    console.open(f"customers/{license['customer']['id']}")
    confirm(console, page, "Delete customer", "leaver@acme.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    for path in (f"/orders/{license['order']}/", f"/customers/{license['customer']['id']}/"):
        assert seller.get(path).status == 404


def test_a_deletion_is_confirmed_by_keyboard_and_can_be_cancelled(
    console: Console, seller: RemoteShop
) -> None:
    license = seller.order_one("kp")
    page = console.visit(f"licenses/{license['id']}", seller)
    console.button("Delete license").click()
    dialog = page.get_by_role("dialog")

    expect(dialog.get_by_label("to confirm")).to_be_focused()
    page.keyboard.type("nope")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert not [*console.faults()]
    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(console.button("Delete license")).to_be_focused()
    assert seller.get(f"/licenses/{license['id']}/").status == 200
    console.button("Delete license").click()
    page.keyboard.type(license["license_key"][-4:])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Licenses")


def test_an_order_with_licenses_and_its_customer_have_no_delete_button(
    console: Console, seller: RemoteShop
) -> None:
    license: Any = seller.order_one("kp", customer={"email": "stays@acme.example"})

    console.visit(f"orders/{license['order']}", seller)
    expect(console.button("Export licenses")).to_be_visible()
    expect(console.button("Delete order")).to_have_count(0)
    console.open(f"customers/{license['customer']['id']}")

    expect(console.button("Edit customer")).to_be_visible()
    expect(console.button("Delete customer")).to_have_count(0)


def test_a_refused_deletion_says_why_and_keeps_the_page(
    console: Console, seller: RemoteShop
) -> None:
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "licenses": members}]
    order = seller.order(is_bundle=True, items=items).json()
    license = order["order_items"][0]["licenses"][0]
    page = console.visit(f"licenses/{license['id']}", seller)

    confirm(console, page, "Delete license", license["license_key"][-4:])

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Not deleted. License")
    expect(alert).to_contain_text("delete")
    assert not [*console.faults()]


def test_a_retry_after_a_lost_response_shows_the_license_as_deleted(
    console: Console, seller: RemoteShop
) -> None:
    license = seller.order_one("kp")
    page = console.visit(f"licenses/{license['id']}", seller)

    def lose(route: Route) -> None:
        if route.request.method == "DELETE":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(f"**/licenses/{license['id']}/", lose)
    confirm(console, page, "Delete license", license["license_key"][-4:])
    expect(page.get_by_role("alert")).to_contain_text("Not deleted")
    page.unroute(f"**/licenses/{license['id']}/")

    confirm(console, page, "Delete license", license["license_key"][-4:])

    expect(page.get_by_role("heading", level=1)).to_have_text("Licenses")

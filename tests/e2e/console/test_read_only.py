"""Actions that need a scope which the key lacks are disabled, and name the scope."""

import pytest
from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop

OFFERED = {
    "orders": ("New order", "orders:write"),
    "customers": ("New customer", "orders:write"),
    "products": ("New product", "catalog:write"),
    "policies": ("New policy", "catalog:write"),
    "features": ("New feature", "catalog:write"),
    "imports": ("Import a file", "imports:write"),
}
FORMS = {
    "orders/new": "orders:write",
    "customers/new": "orders:write",
    "products/new": "catalog:write",
    "policies/new": "catalog:write",
    "features/new": "catalog:write",
}


@pytest.fixture(scope="module")
def reader(seller: RemoteShop, keys: Operate) -> str:
    """A read-only key."""
    seller.order(
        id="to-be-read",
        customer={"email": "read@acme.example"},
        items=[{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}]}],
    )
    return str(keys("create", "--company", seller.company, "--scopes", "records:read")["api_key"])


def test_a_list_names_the_scope_that_its_button_requires(console: Console, reader: str) -> None:
    console.open("nowhere")
    console.sign_in(reader)
    for path, (name, scope) in OFFERED.items():
        console.open(path)
        button = console.page.get_by_role("button", name=name).first
        expect(button).to_be_disabled()
        assert button.get_attribute("href") is None
        console.see(f"Your key lacks {scope}")
        assert not console.violations()


def test_a_form_without_the_scope_is_read_only(console: Console, reader: str) -> None:
    page = console.page
    console.open("nowhere")
    console.sign_in(reader)
    for path, scope in FORMS.items():
        console.open(path)
        console.see(f"Your key lacks the scope {scope}")
        expect(page.locator("form :is(input, select)").first).to_be_disabled()
        expect(page.locator("form [type=submit]")).to_have_count(0)


def test_a_record_cannot_be_changed_without_the_scope(
    console: Console, seller: RemoteShop, reader: str
) -> None:
    page = console.page
    (order,) = seller.get("/orders/", "store_id=to-be-read").json()["results"]
    (license,) = seller.get("/licenses/", "order_store_id=to-be-read").json()["results"]
    console.open("nowhere")
    console.sign_in(reader)

    console.open(f"licenses/{license['id']}")
    disable = page.get_by_role("button", name="Disable license")
    expect(disable).to_be_disabled()
    disable.dispatch_event("click")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for path in (f"customers/{order['customer']['id']}", f"products/{license['product']['id']}"):
        console.open(path)
        expect(page.get_by_role("button", name="Edit")).to_be_disabled()
    console.open(f"policies/{license['license_template']}")
    console.see("Your key lacks the scope catalog:write")
    expect(page.get_by_label("Name")).to_be_disabled()
    assert not console.violations()


def test_a_key_with_the_orders_scope_places_orders(
    console: Console, seller: RemoteShop, keys: Operate
) -> None:
    scopes = "records:read,orders:write"
    console.open("orders/new")
    console.sign_in(keys("create", "--company", seller.company, "--scopes", scopes)["api_key"])
    console.page.get_by_label("Product (required)").select_option("kp")

    console.button("Place order").click()

    console.see("1 license issued")
    console.open("products")
    expect(console.button("New product")).to_be_disabled()

"""Every page: accessibility, layout at every width, empty states and loading errors."""

import pytest
from playwright.sync_api import expect

from tests.e2e.console.pages import MAX_SHIFT, Console
from tests.e2e.importing import ended, post
from tests.e2e.remote import Operate, RemoteShop, opened

LISTS = (
    "orders",
    "customers",
    "licenses",
    "products",
    "policies",
    "features",
    "imports",
    "imports/customers",
)
FORMS = (
    "orders/new",
    "customers/new",
    "products/new",
    "policies/new",
    "features/new",
    "imports/new",
)
RECORDS = ("order", "customer", "license", "product", "policy", "feature", "import")
LATE = 50
"""Delay of each response in milliseconds, so that loading states are rendered."""


@pytest.fixture(scope="module")
def records(seller: RemoteShop) -> dict[str, str]:
    """The path of one record of each kind, all of one order."""
    items = [
        {
            "product_code": "kp",
            "licenses": [
                {"policy_code": "policy_A", "product_features": ["f1", "credits"], "note": "n"},
                {"policy_code": "policy_A", "enabled": False},
            ],
        },
        {"product_code": "up", "licenses": [{"users": [{"email": "ben@acme.example"}]}]},
    ]
    customer = {"email": "ana@acme.example", "first_name": "Ana", "company_name": "Acme"}
    order = seller.order(id="furnished", is_test=True, items=items, customer=customer).json()
    license = order["order_items"][0]["licenses"][0]
    grant = license["product_features"][0]
    number = post(seller, "customers", b"email\nnobody\n")
    ended(seller, number)
    return {
        "order": f"orders/{order['id']}",
        "customer": f"customers/{order['customer']['id']}",
        "license": f"licenses/{license['id']}",
        "product": f"products/{license['product']['id']}",
        "policy": f"policies/{license['license_template']}",
        "feature": f"features/{grant['product_feature']['id']}",
        "import": f"imports/customers/{number}",
    }


def jumps(moved: float) -> list[str]:
    return [f"jumps by {moved}"] if moved > MAX_SHIFT else []


def faults(console: Console, path: str) -> list[str]:
    """Return the faults of a loaded page with all details open and all keys revealed."""
    page = console.page
    moved = console.layout_shift(path)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator(".loading, [aria-busy=true], select:has-text('Loading…')")).to_have_count(0)
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.evaluate(
        "for (const eye of document.querySelectorAll('[aria-pressed=false]')) eye.click()"
    )
    return [f"{path}, {fault}" for fault in (*jumps(moved), *console.faults())]


@pytest.mark.parametrize("paths", [LISTS, FORMS, RECORDS], ids=["lists", "forms", "records"])
def test_every_page_is_accessible_at_every_width(
    console: Console, seller: RemoteShop, records: dict[str, str], paths: tuple[str, ...]
) -> None:
    console.watch_layout()
    console.visit("nowhere", seller)
    console.slow(answers=LATE, times=1)

    assert not [fault for path in paths for fault in faults(console, records.get(path, path))]


def test_nothing_shifts_on_a_phone_while_a_page_loads(
    console: Console, seller: RemoteShop, records: dict[str, str]
) -> None:
    """The test above does the same on a desktop."""
    console.page.set_viewport_size({"width": 360, "height": 800})
    console.watch_layout()
    console.visit("nowhere", seller)
    console.slow(answers=LATE, times=1)
    paths = [*LISTS, *FORMS, "imports/customers/new", *records.values()]

    moved = {path: console.layout_shift(path) for path in paths}

    assert not {path: much for path, much in moved.items() if much > MAX_SHIFT}


def test_empty_lists_show_what_to_do_next(
    console: Console, seller: RemoteShop, keys: Operate
) -> None:
    page = console.visit("orders/new", opened(seller.http, keys, "initech"))
    expect(page.get_by_role("heading", name="No products yet")).to_be_visible()
    for path, action in {
        "orders": "New order",
        "customers": "Import customers",
        "licenses": "Import licenses",
        "products": "New product",
        "features": "New feature",
        "imports": "Import a file",
    }.items():
        page.goto(f"{console.url}#/{path}")
        expect(page.locator(".empty").get_by_role("button", name=action)).to_be_visible()
        assert not console.violations()


def test_a_page_that_fails_to_load_shows_why_and_can_be_retried(
    console: Console, seller: RemoteShop
) -> None:
    page = console.visit("customers", seller)
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    try:
        page.get_by_role("link", name="Products", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("No connection")
    finally:
        page.context.set_offline(False)

    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("table", name="Products")).to_contain_text("Key product")

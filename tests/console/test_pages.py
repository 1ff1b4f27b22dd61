"""Every page of the console: for everybody, at every width, and with nothing in it yet."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Visit
from tests.e2e.remote import Operate, RemoteShop, opened

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LISTS = ("orders", "customers", "licenses", "products", "policies", "features")
FORMS = ("orders/new", "customers/new", "products/new", "policies/new", "features/new")
RECORDS = ("order", "customer", "license", "product", "policy", "feature")


@pytest.fixture(scope="module")
def records(shop: RemoteShop) -> dict[str, str]:
    """The page of one record of each kind, of an order that has some of everything."""
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
    order = shop.order(id="furnished", is_test=True, items=items, customer=customer).json()
    license = order["order_items"][0]["licenses"][0]
    grant = license["product_features"][0]
    return {
        "order": f"orders/{order['id']}",
        "customer": f"customers/{order['customer']['id']}",
        "license": f"licenses/{license['id']}",
        "product": f"products/{license['product']['id']}",
        "policy": f"policies/{license['license_template']}",
        "feature": f"features/{grant['product_feature']['id']}",
    }


def settled(page: Page) -> Page:
    """The page when all that it reads is there, with every fold open."""
    page.wait_for_load_state("networkidle")
    expect(page.locator(".loading")).to_have_count(0)
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    return page


def faults(page: Page) -> list[str]:
    """What axe-core finds, in light and in dark."""
    page.evaluate(AXE.read_text())
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        result: dict[str, Any] = page.evaluate(
            "(tags) => axe.run({ runOnly: tags, resultTypes: ['violations'] })", list(RULES)
        )
        found += [
            f"{scheme} {fault['id']}: {node['html']}"
            for fault in result["violations"]
            for node in fault["nodes"]
        ]
    return found


def too_wide(page: Page) -> list[str]:
    """The widths at which the page scrolls sideways."""
    wide = []
    for width in (1280, 768, 360, 320):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(str(width))
    return wide


@pytest.mark.parametrize("route", [*LISTS, *FORMS, *RECORDS])
def test_a_page_is_for_everybody_and_fits_every_width(
    visit: Visit, shop: RemoteShop, records: dict[str, str], route: str
) -> None:
    page = settled(visit(shop, records.get(route, route)))

    assert not faults(page)
    assert not too_wide(page)


def test_a_company_without_anything_is_told_what_to_do_next(
    visit: Visit, shop: RemoteShop, keys: Operate
) -> None:
    new = opened(shop.http, keys, "initech")
    page = visit(new, "orders/new")
    expect(page.get_by_role("heading", name="There is nothing to sell yet")).to_be_visible()
    for route, action in {
        "orders": "New order",
        "customers": "Import customers",
        "licenses": "Import licenses",
        "products": "New product",
        "features": "New feature",
    }.items():
        page = settled(visit(new, route))
        expect(page.locator(".empty").get_by_role("button", name=action)).to_be_visible()
        assert not faults(page)


def test_a_page_that_cannot_be_read_says_why_and_can_be_read_again(
    visit: Visit, shop: RemoteShop
) -> None:
    page = visit(shop, "customers")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    page.context.set_offline(True)
    try:
        page.get_by_role("link", name="Products", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("The network did not answer")
    finally:
        page.context.set_offline(False)

    page.get_by_role("button", name="Try again").click()

    expect(page.get_by_role("table", name="Products")).to_contain_text("Key product")

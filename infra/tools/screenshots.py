"""Screenshots of every page of the console, at three widths, light and dark: `make screenshots`.

They show a separate company with a realistic catalog, orders and imports.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page, expect

from infra.cli.catalog import load_catalog
from infra.cli.stages import LOCAL_STACK
from infra.client.client import Client
from infra.local.demo import CATALOG
from infra.local.stack import LocalStack
from infra.local.steps import OpsError, console, step
from infra.stamp import ROOT
from infra.tools.browser import chromium, signed_in

COMPANY = "pictures"
WIDTHS = (360, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 800
PATIENCE = 90_000
IN_README = {"orders": "orders", "order-new": "order", "import": "import"}
"""The screenshots in the README, by the NAME in docs/console-NAME.png."""
ORDERS, NEWEST = 14, date(2026, 11, 20)
BUYERS = (
    ("ana.garcia@northwind.example", "Ana", "García", "Northwind Studio"),
    ("b.okafor@lumen.example", "Bola", "Okafor", "Lumen Works"),
    ("chen@paperkite.example", "Chen", "Wei", "Paper Kite"),
    ("dora@atelier-nord.example", "Dóra", "Nagy", "Atelier Nord"),
    ("elif@karga.example", "Elif", "Demir", "Karga Games"),
    ("finn@harbor.example", "Finn", "Larsen", ""),
)
BASKETS: tuple[tuple[tuple[str, int, dict[str, Any]], ...], ...] = (
    (("sketch", 5, {"policy_code": "studio", "product_features": ["export-pdf", "renders"]}),),
    (("sketch", 1, {"policy_code": "forever"}), ("brushes", 1, {"policy_code": "forever"})),
    (("minutes", 1, {"max_consumptions": 2000}),),
    (("cloud", 2, {"license_type": "subscription"}),),
    (("sketch", 12, {"policy_code": "studio"}),),
    (("sketch", 1, {"policy_code": "studio", "is_trial": True, "trial_days": 14}),),
)
FILE = """\
license__license_key,product__short_code,license__license_type,license__valid_duration,customer__email
OLD-SHOP-0001,sketch,time-limited,1y,ana.garcia@northwind.example
OLD-SHOP-0002,sketch,time-limitd,1y,b.okafor@lumen.example
OLD-SHOP-0003,brush,perpetual,,chen@paperkite.example
OLD-SHOP-0004,brushes,perpetual,,dora@atelier-nord.example
"""


type Act = Callable[[Page], None]


def add_records(client: Client, file: Path) -> None:
    """Load the sample catalog, place orders and import `file`; existing records stay the same."""
    load_catalog(client, CATALOG)
    for number in range(ORDERS):
        client.orders.create(_order(number))
    if not [*client.imports.list(limit=1)]:
        file.write_text(FILE, encoding="utf-8")
        client.imports.wait(client.imports.send(file, "licenses").id)


def _order(number: int) -> dict[str, Any]:
    email, first, last, company = BUYERS[number % len(BUYERS)]
    customer = {"email": email, "first_name": first, "last_name": last, "company_name": company}
    return {
        "id": f"web-{4711 + ORDERS - number}",
        "created": f"{NEWEST - timedelta(days=number * number)}T{8 + number:02}:15:00Z",
        "customer": customer,
        "items": [_item(*line, email=email) for line in BASKETS[number % len(BASKETS)]],
        "is_test": number == ORDERS - 1,
    }


def _item(code: str, quantity: int, license: dict[str, Any], *, email: str) -> dict[str, Any]:
    """Return an order item; the user-based product gets one user per license."""
    name = email.replace("@", "{}@")
    users = [[{"email": name.format(f"+{n}")}] if code == "cloud" else [] for n in range(quantity)]
    return {"product_code": code, "licenses": [{**license, "users": each} for each in users]}


def pages(client: Client) -> Iterator[tuple[str, str, Act]]:
    """Yield the name and path of every page, with an action to perform before its screenshot."""
    order = next(client.orders.list(store_id=f"web-{4711 + ORDERS}"))
    license = next(client.licenses.list(order_store_id=order.store_id))
    job = next(client.imports.list(limit=1))
    customer = order.customer.id if order.customer else ""
    yield "home", "home", _do_nothing
    yield "orders", "orders", _do_nothing
    yield "order", f"orders/{order.id}", _show_key
    yield "order-again", f"orders/new?order={order.id}", _do_nothing
    yield "order-new", "orders/new", _fill_order
    yield "order-refused", "orders/new", _submit_invalid_order
    yield "licenses", "licenses", _do_nothing
    yield "license", f"licenses/{license.id}", _do_nothing
    yield "customers", "customers", _do_nothing
    yield "customer", f"customers/{customer}", _do_nothing
    yield "customer-edit", f"customers/{customer}/edit", _do_nothing
    yield "products", "products", _do_nothing
    yield "product", f"products/{license.product.id}", _do_nothing
    yield "product-new", "products/new", _do_nothing
    yield "policies", "policies", _do_nothing
    yield "policy", f"policies/{license.license_template}", _do_nothing
    yield "features", "features", _do_nothing
    yield "feature-new", "features/new", _do_nothing
    yield "imports", "imports", _do_nothing
    yield "import", f"imports/licenses/{job.id}", _do_nothing
    yield "import-new", "imports/licenses/new", _choose_file


def _do_nothing(page: Page) -> None:
    pass


def _show_key(page: Page) -> None:
    page.get_by_role("button", name="Show license key").first.click()


def _fill_order(page: Page) -> None:
    page.get_by_label("Email", exact=True).fill(BUYERS[0][0])
    page.get_by_label("Product (required)").select_option("sketch")
    page.get_by_label("Policy").select_option("studio")
    page.get_by_label("Licenses", exact=True).fill("5")
    page.get_by_text("Existing customer").wait_for()


def _submit_invalid_order(page: Page) -> None:
    _fill_order(page)
    page.get_by_text("Override policy terms").click()
    page.get_by_label("Valid for", exact=True).fill("one year")
    page.get_by_label("Activations", exact=True).fill("many")
    page.get_by_role("button", name="Place order").click()
    page.get_by_role("alert").wait_for()


def _choose_file(page: Page) -> None:
    file = {"name": "old-shop.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    page.set_input_files("#file", file)  # type: ignore[arg-type]  # bytes and text in one dict
    page.get_by_role("button", name="Import").wait_for()


def take(stack: LocalStack, key: str, folder: Path) -> None:
    """Write NAME-WIDTH-SCHEME.png for every page, and the README's screenshots to docs/."""
    with Client(stack["api_url"], key) as client, chromium() as browser:
        with step("Create sample records"):
            add_records(client, folder / "old-shop.csv")
        shown = list(pages(client))
        for width, scheme in product(WIDTHS, SCHEMES):
            with step(f"Take screenshots {width} px wide, {scheme}") as report:
                context = browser.new_context(
                    viewport={"width": width, "height": HEIGHT},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                context.set_default_timeout(PATIENCE)
                page = context.new_page()
                page.goto(stack["console_url"])
                page.locator("h1").wait_for()
                page.screenshot(path=folder / f"sign-in-{width}-{scheme}.png")
                page.add_init_script(signed_in(key, COMPANY))
                for name, path, act in shown:
                    report(name)
                    page.goto("about:blank")
                    page.goto(f"{stack['console_url']}#/{path}")
                    settle(page)
                    act(page)
                    settle(page)
                    page.evaluate("scrollTo(0, 0)")
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                    if name in IN_README and (width, scheme) == (1280, "light"):
                        page.screenshot(path=ROOT / "docs" / f"console-{IN_README[name]}.png")
                context.close()


def settle(page: Page) -> None:
    """Wait until the page has loaded its data."""
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".loading")).to_have_count(0, timeout=PATIENCE)


def main() -> None:
    """Take all screenshots on the local stack."""
    folder = ROOT / ".screenshots"
    folder.mkdir(exist_ok=True)
    try:
        stack = json.loads(LOCAL_STACK.read_text())
        create = ["-m", "infra.cli.main", "keys", "create", "--json", "--stage", "local"]
        created = subprocess.run(
            [sys.executable, *create, "--company", COMPANY, "--name", "pictures"],
            stdout=subprocess.PIPE,
            check=True,
        )
        take(stack, json.loads(created.stdout)["api_key"], folder)
    except OpsError as error:
        sys.exit(f"\n{error}")
    console.print(f"The screenshots are in {folder}")


if __name__ == "__main__":
    main()

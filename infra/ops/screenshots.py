"""Pictures of every page of the console, at three widths, light and dark: `make screenshots`.

They are of a company of their own, with a catalog, orders and imports that one could meet.
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

from infra.ops.browser import chromium, signed_in
from infra.ops.catalog import load_catalog
from infra.ops.client import Client
from infra.ops.demo import CATALOG
from infra.ops.stack import LocalStack
from infra.ops.stages import LOCAL_STACK
from infra.ops.steps import OpsError, console, step
from infra.stamp import ROOT

COMPANY = "pictures"
WIDTHS = (360, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 800
PATIENCE = 90_000
TOLD = {"orders": "orders", "order-new": "order", "import": "import"}
"""The pictures that the README shows, as docs/console-NAME.png."""
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


def stock(client: Client, file: Path) -> None:
    """The sample catalog, some orders and an import of `file`; what is there stays as it is."""
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
    """Licenses of a product, with users for the one that is licensed by user."""
    name = email.replace("@", "{}@")
    users = [[{"email": name.format(f"+{n}")}] if code == "cloud" else [] for n in range(quantity)]
    return {"product_code": code, "licenses": [{**license, "users": each} for each in users]}


def pages(client: Client) -> Iterator[tuple[str, str, Act]]:
    """Every page by its name and address, with what is done on it before its picture is taken."""
    order = next(client.orders.list(store_id=f"web-{4711 + ORDERS}"))
    license = next(client.licenses.list(order_store_id=order.store_id))
    job = next(client.imports.list(limit=1))
    customer = order.customer.id if order.customer else ""
    yield "orders", "orders", _nothing
    yield "order", f"orders/{order.id}", _show_a_key
    yield "order-new", "orders/new", _order_something
    yield "order-refused", "orders/new", _order_wrongly
    yield "licenses", "licenses", _nothing
    yield "license", f"licenses/{license.id}", _nothing
    yield "customers", "customers", _nothing
    yield "customer", f"customers/{customer}", _nothing
    yield "customer-edit", f"customers/{customer}/edit", _nothing
    yield "products", "products", _nothing
    yield "product", f"products/{license.product.id}", _nothing
    yield "product-new", "products/new", _nothing
    yield "policies", "policies", _nothing
    yield "policy", f"policies/{license.license_template}", _nothing
    yield "features", "features", _nothing
    yield "feature-new", "features/new", _nothing
    yield "imports", "imports/licenses", _nothing
    yield "import", f"imports/licenses/{job.id}", _nothing
    yield "import-new", "imports/licenses/new", _choose_a_file


def _nothing(page: Page) -> None:
    pass


def _show_a_key(page: Page) -> None:
    page.get_by_role("button", name="Show license key").first.click()


def _order_something(page: Page) -> None:
    page.get_by_label("Email", exact=True).fill(BUYERS[0][0])
    page.get_by_label("Product (required)").select_option("sketch")
    page.get_by_label("Policy").select_option("studio")
    page.get_by_label("Licenses", exact=True).fill("5")
    page.get_by_text("Existing customer").wait_for()


def _order_wrongly(page: Page) -> None:
    _order_something(page)
    page.get_by_text("Override policy terms").click()
    page.get_by_label("Valid for").fill("one year")
    page.get_by_label("Activations", exact=True).fill("many")
    page.get_by_role("button", name="Place order").click()
    page.get_by_role("alert").wait_for()


def _choose_a_file(page: Page) -> None:
    file = {"name": "old-shop.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    page.set_input_files("#file", file)  # type: ignore[arg-type]  # bytes and text in one dict
    page.get_by_role("button", name="Import").wait_for()


def take(stack: LocalStack, key: str, folder: Path) -> None:
    """Write NAME-WIDTH-SCHEME.png for every page, and the README's into docs/."""
    with Client(stack["api_url"], key) as client, chromium() as browser:
        with step("Stock a company"):
            stock(client, folder / "old-shop.csv")
        shown = list(pages(client))
        for width, scheme in product(WIDTHS, SCHEMES):
            with step(f"Take pictures {width} wide, {scheme}") as say:
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
                    say(name)
                    page.goto("about:blank")
                    page.goto(f"{stack['console_url']}#/{path}")
                    settle(page)
                    act(page)
                    settle(page)
                    page.evaluate("scrollTo(0, 0)")
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                    if name in TOLD and (width, scheme) == (1280, "light"):
                        page.screenshot(path=ROOT / "docs" / f"console-{TOLD[name]}.png")
                context.close()


def settle(page: Page) -> None:
    """Wait until all that the page reads is there."""
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".loading")).to_have_count(0, timeout=PATIENCE)


def main() -> None:
    folder = ROOT / ".screenshots"
    folder.mkdir(exist_ok=True)
    try:
        stack = json.loads(LOCAL_STACK.read_text())
        create = ["-m", "infra.ops.main", "keys", "create", "--json", "--stage", "local"]
        made = subprocess.run(
            [sys.executable, *create, "--company", COMPANY, "--name", "pictures"],
            stdout=subprocess.PIPE,
            check=True,
        )
        take(stack, json.loads(made.stdout)["api_key"], folder)
    except OpsError as error:
        sys.exit(f"\n{error}")
    console.print(f"The pictures are in {folder}")


if __name__ == "__main__":
    main()

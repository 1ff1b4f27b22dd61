"""The pages and dialogs of the console that screenshots show."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from playwright.sync_api import Page

from infra.client.client import Client
from infra.tools.sample_shop import BUYERS, CUSTOMERS, LICENSES, MAPPED, ORDERS, SampleShop

type Act = Callable[[Page], object]


class View(NamedTuple):
    """A page or dialog: its path, and what brings the loaded page into the state that is shown."""

    name: str
    path: str
    act: Act = lambda _: None


SIGN_IN = View("sign-in", "")
DOCUMENTED = frozenset(
    {
        "home",
        "orders",
        "order-new",
        "search",
        "license-extend",
        "licenses-selected",
        "import-columns",
        "import-planned",
        "import",
        "import-undo",
        "export",
        "activity",
        "api-key-new",
    }
)
"""The views of which the documentation has pictures."""


def views(client: Client, shop: SampleShop) -> Iterator[View]:
    """Yield every view of a signed-in user."""
    yield from _order_views(client)
    yield from _license_views(client)
    yield from _catalog_views(client)
    yield from _import_views(shop)
    yield View("home", "home")
    yield View("activity", "activity")
    yield View("api-keys", "api-keys")
    yield View("api-key-new", "api-keys", _press("New API key"))
    yield View("api-key-revoke", "api-keys", _press("Revoke pictures"))
    yield View("search", "home", _search)
    yield View("shortcuts", "home", lambda page: page.keyboard.press("?"))
    yield View("not-found", "nowhere")


def _order_views(client: Client) -> Iterator[View]:
    order = next(client.orders.list(store_id=f"web-{4711 + ORDERS}"))
    customer = f"customers/{order.customer.id if order.customer else ''}"
    yield View("orders", "orders")
    yield View("orders-filtered", "orders?source=import", _open_details)
    yield View("orders-none", "orders?store_id=nothing")
    yield View("order", f"orders/{order.id}", _press("Show license key"))
    yield View("order-selected", f"orders/{order.id}", _select_two)
    yield View("order-again", f"orders/new?order={order.id}")
    yield View("order-new", "orders/new", _fill_order)
    yield View("order-refused", "orders/new", _submit_invalid_order)
    yield View("customers", "customers")
    yield View("export", "customers", _export)
    yield View("customer", customer)
    yield View("customer-edit", f"{customer}/edit")
    yield View("customer-new", "customers/new")


def _license_views(client: Client) -> Iterator[View]:
    license, users = (
        f"licenses/{next(client.licenses.list(order_store_id=f'web-{4711 + number}')).id}"
        for number in (ORDERS, ORDERS - 3)
    )
    yield View("licenses", "licenses")
    yield View("licenses-selected", "licenses", _select_two)
    yield View("licenses-extend", "licenses", _extend_two)
    yield View("license", license)
    yield View("license-extend", license, _press("Extend"))
    yield View("license-policy", license, _press("Apply policy"))
    yield View("license-terms", license, _press("Edit terms"))
    yield View("license-features", license, _press("Edit features"))
    yield View("license-note", license, _press("Edit note and metadata"))
    yield View("license-disable", license, _press("Disable license"))
    yield View("license-delete", license, _press("Delete license"))
    yield View("license-users", users)
    yield View("license-assign", users, _press("Assign user"))
    yield View("license-password", users, _press("Set password"))


def _catalog_views(client: Client) -> Iterator[View]:
    product = next(each for each in client.catalog.products() if each.short_code == "sketch")
    policy = next(each for each in client.catalog.policies() if each.code == "studio")
    feature = next(each for each in client.catalog.features() if each.code == "renders")
    yield View("products", "products")
    yield View("product", f"products/{product.id}")
    yield View("product-edit", f"products/{product.id}/edit")
    yield View("product-new", "products/new")
    yield View("policies", "policies")
    yield View("policy", f"policies/{policy.id}")
    yield View("policy-new", "policies/new")
    yield View("features", "features")
    yield View("feature", f"features/{feature.id}")
    yield View("feature-new", "features/new")


def _import_views(shop: SampleShop) -> Iterator[View]:
    failed, customers, planned = shop.imports.values()
    yield View("imports", "imports")
    yield View("imports-kind", "imports/customers")
    yield View("import", f"imports/licenses/{failed}")
    yield View("import-rows", f"imports/licenses/{failed}?rows=created")
    yield View("import-undo", f"imports/licenses/{failed}", _undo)
    yield View("import-edited", f"imports/licenses/{failed}", _correct)
    yield View("import-customers", f"imports/customers/{customers}")
    yield View("import-planned", f"imports/licenses/{planned}?rows=updated")
    yield View("import-choose", "imports/new")
    yield View("import-new", "imports/licenses/new", _choose("old-shop.csv", LICENSES))
    yield View("import-mapped", "imports/licenses/new", _choose("shop-77.csv", MAPPED))
    yield View("import-columns", "imports/licenses/new", _read_dates)
    yield View("import-sound", "imports/customers/new", _choose("newsletter.csv", CUSTOMERS))


def _named(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name)


def _press(name: str) -> Act:
    return lambda page: _named(page, name).first.click()


def _open_details(page: Page) -> None:
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")


def _export(page: Page) -> None:
    """Start an export, unless there is one, and wait for its file."""
    _named(page, "Export all").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").wait_for()
    page.wait_for_load_state("networkidle")
    if not _named(page, "Download CSV").count():
        _named(page, "Start export").click()
    _named(page, "Download CSV").first.wait_for()


def _select_two(page: Page) -> None:
    for n in (0, 4):
        page.locator("tbody").get_by_role("checkbox").nth(n).check()
    page.get_by_text("2 selected").wait_for()


def _extend_two(page: Page) -> None:
    _select_two(page)
    _named(page, "Extend").click()


def _search(page: Page) -> None:
    page.keyboard.press("/")
    page.get_by_role("combobox").fill("ana")
    page.get_by_role("option").first.wait_for()


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
    _named(page, "Place order").click()
    page.get_by_role("alert").wait_for()


def _choose(name: str, text: str) -> Act:
    def choose(page: Page) -> None:
        file = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
        page.set_input_files("#file", file)  # type: ignore[arg-type]  # bytes and text in one dict
        page.get_by_role("heading", name="Import options").wait_for()

    return choose


def _read_dates(page: Page) -> None:
    _choose("shop-77.csv", MAPPED)(page)
    _named(page, "Read dates as day, month, year").click()
    page.get_by_text("no errors found").wait_for()


def _undo(page: Page) -> None:
    _named(page, "Undo…").click()
    page.get_by_role("dialog").wait_for()


def _correct(page: Page) -> None:
    page.get_by_label("Row 2, License type").fill("time-limited")
    _named(page, "Show all cells of row 3").click()

"""The main tasks by keyboard, on a slow page."""

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import table
from tests.e2e.remote import RemoteShop

HEADER = ("license__license_key", "product__short_code", "license__license_type", "customer__email")


class Keyboard:
    """Reach elements by Tab, then press a key or type."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.keys = console.page.keyboard

    def arrive(self, title: str) -> None:
        """Wait for a page, whose heading has the focus."""
        heading = self._console.page.get_by_role("heading", level=1, name=title)
        expect(heading).to_be_focused()

    def press(self, wanted: Locator, key: str = "Enter", *, back: bool = False) -> None:
        self._console.tab_to(wanted, back=back)
        self.keys.press(key)

    def fill(self, wanted: Locator, text: str, *, back: bool = False) -> None:
        self._console.tab_to(wanted, back=back)
        self.type(text)

    def type(self, text: str) -> None:
        self.keys.press("Control+A")
        self.keys.type(text)


@pytest.fixture
def keyboard(console: Console) -> Keyboard:
    return Keyboard(console)


def test_a_file_is_imported_and_corrected_by_keyboard(
    console: Console, keyboard: Keyboard, vendor: RemoteShop
) -> None:
    """Enter on the button opens the file chooser."""
    page = console.page
    data = table(HEADER, ("hand-0", "kp", "", ""), ("hand-1", "kp", "wrong", "h@d.test"))

    console.open("")
    console.slow()
    keyboard.type(vendor.key)
    keyboard.keys.press("Enter")
    keyboard.arrive("Home")
    keyboard.press(page.get_by_role("link", name="Imports", exact=True), back=True)
    keyboard.arrive("Imports")
    keyboard.press(page.get_by_role("button", name="Import a file").first)
    keyboard.arrive("Import a file")
    with page.expect_file_chooser() as chooser:  # a slow page hears of it later than of a key
        keyboard.press(console.button("Choose a file"))
    chooser.value.set_files({"name": "hand.csv", "mimeType": "text/csv", "buffer": data})
    keyboard.arrive("Import licenses")
    console.see("1 of 2 rows has errors")
    keyboard.press(console.button("Import 1 row, skip 1"))
    console.see("Completed with errors")
    keyboard.fill(page.get_by_label("Row 2, License type"), "perpetual")
    keyboard.press(console.button("Re-import 1 row"))

    console.see("1 row imported")
    expect(page.locator("[role=status].visually-hidden")).to_contain_text("Succeeded")


def test_an_order_is_placed_and_its_keys_are_copied_by_keyboard(
    console: Console, keyboard: Keyboard, seller: RemoteShop
) -> None:
    """Options are chosen by their first letters; the copied key is pasted into the search."""
    page = console.page
    console.visit("orders", seller)
    console.slow(times=1)

    keyboard.press(page.get_by_role("button", name="New order").first, "Space")
    keyboard.arrive("New order")
    keyboard.fill(page.get_by_label("Email"), "h@d.test")
    keyboard.fill(page.get_by_label("Product (required)"), "K")
    expect(page.get_by_label("Policy")).to_be_enabled()
    keyboard.fill(page.get_by_label("Policy"), "P")
    keyboard.press(page.get_by_label("Use my own keys"), "Space")
    keyboard.fill(page.get_by_label("License keys"), "K-1\nK-2", back=True)
    keyboard.press(page.get_by_text("Override policy terms"))
    keyboard.fill(page.get_by_label("Activations", exact=True), "7")
    keyboard.press(console.button("Add another product"))
    expect(page.get_by_label("Product (required)").last).to_be_focused()
    keyboard.type("U")
    keyboard.fill(page.get_by_label("Email of user 1"), "a@d.test")
    keyboard.press(console.button("Add user"))
    expect(page.get_by_label("Email of user 2")).to_be_focused()
    keyboard.type("b@d.test")
    keyboard.fill(page.get_by_label("Order ID"), "by-keyboard")
    keyboard.press(console.button("Place order"))

    keyboard.arrive("by-keyboard")
    console.see("4 licenses issued")
    keyboard.press(console.button("Show license key ending in K-1"))
    console.see("K-1")
    keyboard.press(console.button("Copy license key ending in K-1"))
    expect(page.locator("[role=status].visually-hidden")).to_have_text("Copied")
    keyboard.press(page.get_by_role("link", name="Licenses", exact=True), back=True)
    keyboard.arrive("Licenses")
    keyboard.press(page.get_by_role("textbox", name="License key", exact=True), "Control+V")
    keyboard.keys.press("Enter")
    expect(page.get_by_role("table", name="Licenses").get_by_role("row")).to_have_count(2)
    console.see("1 year · 7 activations")

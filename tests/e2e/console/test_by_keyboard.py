"""What is done most is done by keys alone, however slow the page and however late its answers."""

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import table
from tests.e2e.remote import RemoteShop

HEADER = ("license__license_key", "product__short_code", "license__license_type", "customer__email")


class Keyboard:
    """Tab comes to what one wants; then one presses a key, or types."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.keys = console.page.keyboard

    def arrive(self, title: str) -> None:
        """At a page, whose heading has the focus."""
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
def by_hand(console: Console) -> Keyboard:
    return Keyboard(console)


def test_an_import_needs_no_mouse(console: Console, by_hand: Keyboard, vendor: RemoteShop) -> None:
    """The file goes to the chooser that Enter on the button opens."""
    page = console.page
    data = table(HEADER, ("hand-0", "kp", "", ""), ("hand-1", "kp", "wrong", "h@d.test"))

    console.open("")
    console.slow()
    by_hand.type(vendor.key)
    by_hand.keys.press("Enter")
    by_hand.arrive("Orders")
    by_hand.press(page.get_by_role("link", name="License imports", exact=True), back=True)
    by_hand.arrive("License imports")
    by_hand.press(page.get_by_role("button", name="Import a file").first)
    by_hand.arrive("Import licenses")
    with page.expect_file_chooser() as chooser:  # a slow page hears of it later than of a key
        by_hand.press(console.button("Choose a file"))
    chooser.value.set_files({"name": "hand.csv", "mimeType": "text/csv", "buffer": data})
    console.see("1 of 2 rows has errors")
    by_hand.press(console.button("Import 1 row, skip 1"))
    console.see("Completed with errors")
    by_hand.fill(page.get_by_label("Row 2, license__license_type"), "perpetual")
    by_hand.press(console.button("Re-import 1 row"), back=True)

    console.see("1 row imported")
    expect(page.locator("[role=status].visually-hidden")).to_contain_text("Succeeded")


def test_an_order_needs_no_mouse_from_the_list_to_its_copied_keys(
    console: Console, by_hand: Keyboard, seller: RemoteShop
) -> None:
    """A choice is made by its first letters; what is copied is pasted, and found."""
    page = console.page
    console.visit("orders", seller)
    console.slow(times=1)

    by_hand.press(page.get_by_role("button", name="New order").first, "Space")
    by_hand.arrive("New order")
    by_hand.fill(page.get_by_label("Email"), "h@d.test")
    by_hand.fill(page.get_by_label("Product (required)"), "K")
    expect(page.get_by_label("Policy")).to_be_enabled()
    by_hand.fill(page.get_by_label("Policy"), "P")
    by_hand.press(page.get_by_label("Use my own keys"), "Space")
    by_hand.fill(page.get_by_label("License keys"), "K-1\nK-2", back=True)
    by_hand.press(page.get_by_text("Override policy terms"))
    by_hand.fill(page.get_by_label("Activations", exact=True), "7")
    by_hand.press(console.button("Add another product"))
    expect(page.get_by_label("Product (required)").last).to_be_focused()
    by_hand.type("U")
    by_hand.fill(page.get_by_label("Email of user 1"), "a@d.test")
    by_hand.press(console.button("Add user"))
    expect(page.get_by_label("Email of user 2")).to_be_focused()
    by_hand.type("b@d.test")
    by_hand.fill(page.get_by_label("Order ID"), "by-hand")
    by_hand.press(console.button("Place order"))

    by_hand.arrive("by-hand")
    console.see("4 licenses issued")
    by_hand.press(console.button("Show license key ending in K-1"))
    console.see("K-1")
    by_hand.press(console.button("Copy license key ending in K-1"))
    expect(page.locator("[role=status].visually-hidden")).to_have_text("Copied")
    by_hand.press(page.get_by_role("link", name="Licenses", exact=True), back=True)
    by_hand.arrive("Licenses")
    by_hand.press(page.get_by_label("License key"), "Control+V")
    by_hand.keys.press("Enter")
    expect(page.get_by_role("table", name="Licenses").get_by_role("row")).to_have_count(2)
    console.see("1 year · 7 activations")

"""The numbers, results and notifications of imports are correct."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.console.pages import Console
from tests.e2e.console.test_imports import HEADER, number_of
from tests.e2e.importing import ended, imports_paused, post, table
from tests.e2e.remote import RemoteShop

NAME = "Zoë Weiß"
DROP = """([name, text, place]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name));
    const init = {dataTransfer: files, bubbles: true, cancelable: true};
    const at = document.querySelector(place);
    return ["dragenter", "dragover", "drop"].map(
        type => !at.dispatchEvent(new DragEvent(type, init)));
}"""
"""Whether the page prevented each default action of the browser, such as opening the file."""


def customers(prefix: str, count: int, bad: int = 0) -> bytes:
    rows = [(f"{prefix}-{n}@numbers.test",) for n in range(count)]
    return table(("email",), *rows, *[("nobody",)] * bad)


def drop(page: Page, name: str, text: str = "email\n", place: str = "main") -> list[bool]:
    prevented: list[bool] = page.evaluate(DROP, [name, text, place])
    return prevented


def test_an_encoding_applies_to_one_file_and_the_next_one_is_detected(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/customers/new", vendor)
    header = f"email,company_name\none@encoding.test,{NAME}\n"

    console.choose("old.csv", header.encode("cp1252"))
    encoding = page.get_by_label("Encoding", exact=True)
    try_1252 = console.button("Try Windows-1252 (older Excel files)")
    row = page.get_by_role("cell", name=NAME)
    expect(try_1252.or_(row)).to_be_visible()
    if try_1252.is_visible():
        try_1252.click()
    console.see(NAME)
    encoding.select_option("Windows-1252")
    console.see(NAME)
    console.choose("new.csv", header.encode())

    expect(page.locator(".drop strong")).to_have_text("new.csv")
    console.see(NAME)
    expect(encoding).to_have_value("")
    console.button("Import 1 row").click()
    console.see("1 row imported")
    made = vendor.get("/customers/", "email=one@encoding.test").json()["results"]
    assert [each["company_name"] for each in made] == [NAME]


@pytest.mark.parametrize(
    ("good", "bad", "options", "label", "enabled"),
    [
        (3, 0, [], "Import 3 rows", True),
        (3, 2, [], "Import 3 rows, skip 2", True),
        (0, 2, [], "Import 0 rows, skip 2", False),
        (3, 2, ["Import nothing"], "Import 5 rows", False),
        (0, 2, ["Dry run"], "Validate 2 rows", True),
    ],
)
def test_the_button_shows_how_many_rows_it_imports(
    console: Console,
    vendor: RemoteShop,
    good: int,
    bad: int,
    options: list[str],
    label: str,
    enabled: bool,
) -> None:
    page = console.visit("imports/customers/new", vendor)

    console.choose("some.csv", customers("button", good, bad))
    for option in options:
        if option == "Dry run":
            page.get_by_label(option).check()
        else:
            page.get_by_label("If some rows have errors").select_option(option)

    button = page.get_by_role("button", name=label, exact=True)
    expect(button).to_be_visible()
    assert (button.get_attribute("aria-disabled") is None) is enabled


def test_an_invalid_file_replaces_the_previous_file(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/customers/new", vendor)
    console.choose("right.csv", customers("right", 1))
    console.see("1 row, no errors found")

    console.choose("wrong.ods", b"PK\x03\x04")

    console.see("wrong.ods is a spreadsheet")
    expect(page.get_by_text("no errors found")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Import [0-9]"))).to_have_count(0)
    console.choose("empty.csv", b"")
    console.see("empty.csv is empty")
    expect(page.get_by_role("alert")).to_have_count(1)
    console.choose("right.csv", customers("right", 1))
    console.see("1 row, no errors found")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_file_can_be_dropped_anywhere_and_never_opens_in_the_browser(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("orders", vendor)
    assert drop(page, "a.csv", place="body") == [True] * 3
    expect(page.get_by_role("heading", name="Orders", level=1)).to_be_visible()

    console.open("imports/customers")
    assert drop(page, "people.csv", "email\na@drop.test\n", ".side") == [True] * 3
    expect(page.locator(".drop strong")).to_have_text("people.csv")
    console.see("1 row, no errors found")
    assert drop(page, "others.csv", "email\na@drop.test\nb@drop.test\n", "h1") == [True] * 3
    expect(page.locator(".drop strong")).to_have_text("others.csv")
    console.see("2 rows, no errors found")


def test_a_repeated_import_shows_that_nothing_is_new(console: Console, vendor: RemoteShop) -> None:
    data = customers("twice", 3)
    ended(vendor, post(vendor, "customers", data))
    again = post(vendor, "customers", data)
    ended(vendor, again)

    console.visit(f"imports/customers/{again}", vendor)

    console.see("Nothing new: all 3 already existed")


def test_rows_with_warnings_are_listed(console: Console, vendor: RemoteShop) -> None:
    header = ("license__license_key", "product__short_code", "license__note")
    first = table(header, *((f"warn-{n}", "kp", "old") for n in range(60)))
    ended(vendor, post(vendor, "licenses", first))
    number = post(vendor, "licenses", first.replace(b"old", b"new"))
    ended(vendor, number)

    page = console.visit(f"imports/licenses/{number}", vendor)

    console.see("Nothing new: all 60 already existed, 60 with warnings")
    warnings = page.get_by_role("table", name="Rows with warnings")
    expect(warnings).to_contain_text("license__note")
    expect(warnings.get_by_role("rowheader")).to_have_count(50)
    page.get_by_role("navigation", name="Pages of warnings").get_by_role(
        "button", name="Next"
    ).click()
    expect(warnings.get_by_role("rowheader")).to_have_text([str(n) for n in range(51, 61)])
    expect(page.get_by_role("heading", name="Rows with errors")).to_have_count(0)


def test_an_import_started_elsewhere_appears_in_the_list(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/customers", vendor)
    table_ = page.get_by_role("table", name="Imports")
    expect(table_.or_(page.get_by_text("No imports yet"))).to_be_visible()

    post(vendor, "customers", customers("polled", 1), name="polled.csv")
    expect(table_).to_contain_text("polled.csv", timeout=20_000)
    post(vendor, "customers", customers("shown", 1), name="shown.csv")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(table_).to_contain_text("shown.csv", timeout=5_000)


NOTIFICATIONS = """
    window.shown = [];
    window.Notification = class {
        static permission = "default";
        static async requestPermission() { return this.permission = "granted"; }
        constructor(title, {body}) { shown.push(`${title}: ${body}`); }
    };
"""
"""Headless Chromium denies notifications to every page."""
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_every_page_notifies_of_an_import_that_ended(
    console: Console, vendor: RemoteShop, home: Path
) -> None:
    page = console.page
    page.add_init_script(NOTIFICATIONS)
    console.visit("imports/customers/new", vendor)
    ended(vendor, post(vendor, "customers", customers("first", 1)))
    console.choose("notice.csv", customers("notice", 40))
    with imports_paused(home):
        console.button("Import 40 rows").click()
        number = number_of(console)
        console.button("Notify me when it ends").click()
        console.see("Your browser will notify you when it ends")
        page.evaluate("location.hash = '#/products'")
        expect(page.get_by_role("link", name=re.compile(r"^Imports \d+ running$"))).to_be_visible()
        page.evaluate(HIDE, True)
        expect(page).to_have_title(re.compile(r"^\d+ % · notice\.csv · Keywright$"))

    expect(page).to_have_title("Done · notice.csv · Keywright")
    text = "notice.csv: All 40 rows imported"
    assert page.evaluate("shown") == [f"Import finished: {text}"]
    page.evaluate(HIDE, False)
    expect(page).to_have_title("Products · Keywright")
    notice = page.get_by_role("region", name="Notifications")
    expect(notice).to_contain_text(text)
    page.evaluate("location.hash = '#/features'")
    expect(page.get_by_role("heading", name="Product features")).to_be_visible()
    notice.get_by_role("link", name="View import").click()
    assert number_of(console) == number
    expect(notice).to_have_count(0)


def test_a_running_import_shows_its_rate_and_the_tab_its_percentage(
    console: Console, vendor: RemoteShop
) -> None:
    number = post(vendor, "customers", customers("rate", 14_000), name="rate.csv")
    page = console.visit(f"imports/customers/{number}", vendor)

    console.see("rows/s")

    assert re.fullmatch(r"[1-9]\d? % · rate\.csv · Keywright", page.title())
    console.see("All 14,000 rows imported")
    expect(page).to_have_title("rate.csv · Keywright")


def test_an_import_links_to_the_imports_that_resolved_its_errors(
    console: Console, vendor: RemoteShop
) -> None:
    rows = [(f"fix-{n}", "kp" if n else "none", "", "fix@d.test") for n in range(3)]
    first = post(vendor, "licenses", table(HEADER, *rows, ("fix-9", "none", "", "")))
    ended(vendor, first)
    page = console.visit(f"imports/licenses/{first}", vendor)

    page.get_by_label("Row 1, Product code").fill("kp")
    console.button("Re-import 1 row").click()
    console.see("1 row imported")
    second = number_of(console)
    page.evaluate("sessionStorage.removeItem('rows')")
    page.reload()
    console.see(f"Corrects rows of import {first}")
    page.get_by_role("link", name=f"import {first}", exact=True).click()

    console.see(f"1 of 2 resolved in import {second}")
    page.get_by_role("link", name="import that file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Correct import {first}")
    console.choose("failed.csv", table(HEADER, ("fix-9", "kp", "", "")))
    console.button("Import 1 row").click()
    console.see("1 row imported")
    third = number_of(console)
    corrections = vendor.get(f"/imports/{first}/").json()["corrections"]
    assert [(each["id"], each["resolved_rows"]) for each in corrections] == [
        (third, 1),
        (second, 1),
    ]


def test_the_page_of_an_import_opens_after_the_connection_was_lost(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/customers/new", vendor)
    page.locator("#file").wait_for(state="attached")  # by the second bundle
    number = post(vendor, "customers", customers("gone", 1))
    console.context.set_offline(True)

    page.evaluate(f"location.hash = '#/imports/customers/{number}'")

    expect(page.get_by_role("heading", name=f"Import {number}")).to_be_visible()


def test_a_focused_heading_has_no_outline(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/licenses", vendor)
    page.keyboard.press("Tab")

    page.evaluate("location.hash = '#/imports/customers'")

    heading = page.get_by_role("heading", name="Imports", level=1)
    expect(heading).to_be_focused()
    assert heading.evaluate("h => getComputedStyle(h).outlineStyle") == "none"


def test_the_number_of_an_expanded_row_stays_at_its_top(
    console: Console, vendor: RemoteShop
) -> None:
    number = post(vendor, "customers", b"email,first_name,last_name,city\nnobody,a,b,c\n")
    ended(vendor, number)
    page = console.visit(f"imports/customers/{number}", vendor)
    button = console.button("Show all cells of row 1")
    before = button.bounding_box()

    button.click()

    expect(page.get_by_label("Row 1, city")).to_be_visible()
    assert button.bounding_box() == before

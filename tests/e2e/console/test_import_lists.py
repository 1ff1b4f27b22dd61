"""The lists of imports: automatic updates, pages and status filters."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import begun, ended, imports_paused, licenses, post, request_import
from tests.e2e.remote import Operate, RemoteShop, opened

EMPTY = b"email\n"
ROWS = 12_000


def test_a_list_updates_itself_and_an_import_can_be_cancelled_and_retried(
    console: Console, vendor: RemoteShop, home: Path
) -> None:
    page = console.page
    rows = ((f"slow-{n:05}", "kp", f"slow-{n}", f"slow-{n}@m.test") for n in range(ROWS))
    number = post(vendor, "licenses", licenses(rows), name="many.csv")
    begun(vendor, number)
    with imports_paused(home):
        console.visit("imports/licenses?status=running", vendor)

        row = page.get_by_role("row").filter(has_text="many.csv")
        expect(row).to_contain_text("Importing")
        expect(row).to_contain_text(re.compile(r"\d % done"))
        row.get_by_role("link").click()
        console.button("Cancel import").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel import").click()
        console.see("Stopping")
    console.see("Rows imported before cancelling were kept")
    console.see("Not imported")
    expect(page.get_by_role("heading", name="Rows with errors")).to_have_count(0)
    counts = vendor.get(f"/imports/{number}/").json()["counts"]
    assert 0 < counts["created_licenses_count"] == counts["valid_row_count"] < ROWS
    assert counts["created_orders_count"] + counts["existed_orders_count"] > 0
    console.button("Retry import").click()

    main = page.locator("main")
    expect(main).to_contain_text(f"All {ROWS:,} rows imported", timeout=180_000)
    expect(page.locator("[role=status].visually-hidden")).to_contain_text(
        f"Succeeded: All {ROWS:,} rows"
    )
    assert ended(vendor, number)["progress"]["rows_done"] == ROWS


def test_a_long_list_has_pages_also_when_filtered_by_status(
    console: Console, vendor: RemoteShop, keys: Operate
) -> None:
    shop = opened(vendor.http, keys, "importer")
    jobs = [request_import(shop, "customers", EMPTY, file_name=f"{n}.csv") for n in range(22)]
    shop.post(f"/imports/{jobs[0]['id']}/cancel/", {})
    page = console.visit("imports/customers", shop)
    expect(page.get_by_role("link", name="Imports 21 running")).to_be_visible()
    files = page.get_by_role("table", name="Imports").get_by_role("rowheader").get_by_role("link")
    first, second = [f"{n}.csv" for n in range(21, 1, -1)], ["1.csv", "0.csv"]
    next_, previous = console.button("Next"), console.button("Previous")

    expect(files).to_have_text(first)
    console.see("of 22")
    expect(previous).to_have_attribute("aria-disabled", "true")
    next_.click()
    expect(files).to_have_text(second)
    console.see("of 22")
    expect(next_).to_have_attribute("aria-disabled", "true")
    previous.click()
    expect(files).to_have_text(first)
    page.get_by_role("link", name="Running", exact=True).click()
    console.see("of 21")
    next_.click()
    expect(files).to_have_text(["1.csv"])
    page.get_by_role("link", name="Needs attention").click()
    console.see("Nothing needs attention")
    page.go_back()
    expect(files).to_have_text(["1.csv"])
    expect(page.get_by_role("link", name="Running", exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    page.get_by_role("link", name="Succeeded").click()
    console.see("No imports with this status")


def test_an_import_needs_attention_until_its_corrections_are_imported(
    console: Console, vendor: RemoteShop, keys: Operate
) -> None:
    shop = opened(vendor.http, keys, "attentive", stocked=True)
    first = post(shop, "customers", b"email\na@m.test\nnobody\n", name="faulty.csv")
    ended(shop, first)
    ended(shop, post(shop, "license-features", b"license_key,code\nnone,f1\n", name="grants.csv"))
    page = console.visit("imports?status=attention", shop)
    files = page.get_by_role("table", name="Imports").get_by_role("rowheader").get_by_role("link")

    expect(files).to_have_text(["grants.csv", "faulty.csv"])
    page.get_by_role("navigation", name="Kind").get_by_role("link", name="Customers").click()
    expect(files).to_have_text(["faulty.csv"])
    expect(page).to_have_url(re.compile(r"#/imports/customers\?status=attention$"))
    page.get_by_role("row", name="faulty.csv").get_by_role("link", name="1", exact=True).click()
    console.see("must be an e-mail address")
    page.get_by_label("Row 2, email").fill("b@m.test")
    console.button("Re-import 1 row").click()
    console.see("1 row imported")

    console.open("imports?status=attention")
    expect(files).to_have_text(["grants.csv"])
    console.open("imports/customers")
    resolved = page.get_by_role("row").filter(has_text="Resolved")
    expect(resolved.get_by_role("link", name="faulty.csv")).to_have_attribute(
        "href", f"#/imports/customers/{first}"
    )


def test_the_kind_of_a_chosen_file_is_guessed_from_its_columns_or_asked(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports", vendor)
    console.button("Import a file").click()

    console.choose("old.csv", b"Name;Size\nA;1\n")
    console.see("The columns don\u2019t tell what the rows are")
    console.button("Import licenses").click()
    console.see("Required columns are missing")
    page.get_by_label("Each row is a").select_option("customer")
    expect(page).to_have_url(re.compile("#/imports/customers/new$"))
    console.see("None of the file\u2019s columns can be imported")
    console.open("imports/new")
    for name, header, title in (
        ("a.csv", b"license_key,code\n", "Import license features"),
        ("b.csv", b"E-Mail;Vorname\n", "Import customers"),
        ("c.csv", b"sep=;\nlicense__license_key;product__short_code\n", "Import licenses"),
    ):
        console.choose(name, header)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.locator(".drop strong")).to_have_text(name)
        console.open("imports/new")

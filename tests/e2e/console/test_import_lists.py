"""The lists of imports: automatic updates, pages and status filters."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, imports_paused, licenses, post, request_import
from tests.e2e.remote import Operate, RemoteShop, opened

EMPTY = b"email\n"
ROWS = 12_000


def test_a_list_updates_itself_and_an_import_can_be_cancelled_and_retried(
    console: Console, vendor: RemoteShop, home: Path
) -> None:
    page = console.page
    rows = ((f"slow-{n:05}", "kp", f"slow-{n}", f"slow-{n}@m.test") for n in range(ROWS))
    number = post(vendor, "licenses", licenses(rows), name="many.csv")
    while not vendor.get(f"/imports/{number}/").json()["progress"]["rows_done"]:
        page.wait_for_timeout(100)
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
    files = page.get_by_role("table", name="Customer imports").get_by_role("rowheader")
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
    page.get_by_role("link", name="Waiting").click()
    console.see("of 21")
    next_.click()
    expect(files).to_have_text(["1.csv"])
    page.get_by_role("link", name="Needs attention").click()
    expect(files).to_have_text(["0.csv"])
    console.see("1 import")
    page.go_back()
    expect(files).to_have_text(["1.csv"])
    expect(page.get_by_role("link", name="Waiting")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Succeeded").click()
    console.see("No imports with this status")

"""Export all records of a kind from its list, with progress, and download the file."""

import re

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import RemoteShop


def test_all_licenses_are_exported_and_downloaded(console: Console, seller: RemoteShop) -> None:
    items = [{"product_code": "kp", "licenses": [{"key": f"EXPORT-{n}"} for n in range(3)]}]
    seller.order(id="to-export", items=items)
    page = console.visit("licenses", seller)

    console.button("Export all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start export").click()
    download = dialog.get_by_role("button", name="Download CSV").first
    expect(download).to_be_visible(timeout=60_000)
    expect(dialog.get_by_role("listitem").first).to_contain_text(
        re.compile(r"\d{4}, \d\d:\d\d UTC: ")
    )
    assert not console.violations()
    with page.expect_download() as started:
        download.click()

    text = started.value.path().read_text("utf-8-sig")
    assert "license__license_key" in text
    assert {f"EXPORT-{n}" for n in range(3)} <= {line.partition(",")[0] for line in text.split()}
    assert "licenses-export" in started.value.suggested_filename


def test_customers_have_an_export_of_their_own(console: Console, seller: RemoteShop) -> None:
    seller.order(
        id="buyer",
        customer={"email": "exported@x.test"},
        items=[
            {"product_code": "kp", "licenses": [{}]},
        ],
    )
    page = console.visit("customers", seller)

    console.button("Export all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start export").click()

    expect(dialog.get_by_role("listitem").first).to_contain_text("row", timeout=60_000)
    expect(dialog).to_contain_text("Export all customers")

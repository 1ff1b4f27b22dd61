"""The options of an import: dry run, and rejection of a file with errors."""

import re

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.console.test_imports import HEADER, number_of
from tests.e2e.importing import ended, imported, table, upload
from tests.e2e.remote import RemoteShop


def test_a_test_run_writes_nothing_and_one_button_then_runs_the_real_import(
    console: Console, vendor: RemoteShop
) -> None:
    console.visit("imports/customers/new", vendor)

    console.choose("dry.csv", b"email\ndry@m.test\nnobody\n")
    console.page.get_by_label("Dry run").check()
    console.button("Validate 2 rows").click()

    console.see("to create")
    made = vendor.get("/customers/", "email=dry@m.test").json()
    assert not made["count"]
    test_run = number_of(console)
    console.button("Import exactly this").click()
    expect(console.page).not_to_have_url(re.compile(rf"/{test_run}$"))
    console.see("Completed with errors")
    console.see("1 created")
    job = vendor.get(f"/imports/{number_of(console)}/").json()
    assert (job["file_name"], job["dry_run"], job["counts"]["total_row_count"]) == (
        "dry.csv",
        False,
        2,
    )
    assert vendor.get("/customers/", "email=dry@m.test").json()["count"] == 1


def test_after_a_reload_a_test_run_can_still_be_imported(
    console: Console, vendor: RemoteShop
) -> None:
    job = upload(vendor, "customers", b"email\nelsewhere@m.test\n", dry_run=True)
    ended(vendor, job)
    console.visit(f"imports/customers/{job}", vendor)

    console.see("This was a dry run: nothing was saved")

    console.button("Import exactly this").click()
    console.see("1 row imported")


def test_a_rejected_import_writes_nothing_and_its_valid_rows_can_be_imported(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/licenses/new", vendor)
    rows = (("whole-1", "kp", "", "w@d.test"), ("whole-2", "nope", "", "w@d.test"))
    console.choose("whole.csv", table(HEADER, *rows))
    page.get_by_label("If some rows have errors").select_option("Import nothing")
    console.button("Import 2 rows").click()

    console.see("Nothing imported: 1 row has errors")
    expect(page.get_by_text("created")).to_have_count(0)
    console.see("there is no product nope")
    rejected = number_of(console)
    assert imported(vendor, "whole-1", "whole-2") == set()
    page.get_by_label("Row 2, Product code").fill("kp")
    console.button("Re-import 1 row").click()
    console.see("1 row imported")
    assert imported(vendor, "whole-1", "whole-2") == {"whole-2"}
    page.get_by_role("link", name=f"Import {rejected}", exact=True).click()
    console.button("Import 1 valid row").click()
    console.see("Completed with errors")

    assert imported(vendor, "whole-1", "whole-2") == {"whole-1", "whole-2"}

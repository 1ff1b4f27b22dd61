"""Imports: choose, check, upload, follow, correct in the table, re-import."""

import re
from datetime import date

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, german_export, imported, post, table
from tests.e2e.remote import RemoteShop
from tests.infra.cli.workbooks import by_xlsxwriter

HEADER = ("license__license_key", "product__short_code", "license__license_type", "customer__email")


def number_of(console: Console) -> int:
    """Return the number of the import on the current page."""
    expect(console.page).to_have_url(re.compile(r"#/imports/[a-z-]+/\d+"))
    return int(re.sub(r"\?.*", "", console.page.url).rpartition("/")[2])


def test_errors_are_found_before_an_import_and_fixed_in_the_table_after_it(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    console.visit("imports/licenses/new", vendor)

    console.choose(
        "old shop.csv",
        table(
            HEADER,
            ("desk-1", "kp", "perpetual", "a@d.test"),
            ("desk-2", "kp", "perpetua", "b@d.test"),
            ("desk-3", "nope", "", "c@d.test"),
        ),
    )
    console.see("1 of 3 rows has errors")
    console.see("must be one of 'perpetual', 'time-limited'")
    console.button("Import 2 rows, skip 1").click()
    console.see("Completed with errors")
    first = number_of(console)
    console.see("there is no product nope")
    page.get_by_label("Row 2, License type").fill("eternal")
    console.see("Row 2 still has an error")
    expect(console.button("Re-import 1 row")).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Row 2, License type").fill("perpetual")
    page.get_by_label("Row 3, Product code").fill("kp")
    console.button("Re-import 2 rows").click()
    console.see("All 2 rows imported")
    second = number_of(console)
    page.get_by_role("link", name=f"Import {first}", exact=True).click()
    console.see(f"Re-imported in #{second}")

    job = vendor.get(f"/imports/{second}/").json()
    assert (job["file_name"], job["counts"]["total_row_count"]) == ("old shop-corrected.csv", 2)
    assert job["counts"]["created_licenses_count"] == 2
    assert len(imported(vendor, "desk-1", "desk-2", "desk-3")) == 3


def test_dropped_files_are_validated_like_chosen_ones(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/customers/new", vendor)

    def drop(name: str) -> None:
        file = """name => {
            const files = new DataTransfer();
            files.items.add(new File(["email\\na@drop.test\\n"], name));
            return files;
        }"""
        event = {"dataTransfer": page.evaluate_handle(file, name)}
        page.dispatch_event(".drop", "dragenter", event)
        expect(page.locator(".drop")).to_have_attribute("data-over", "")
        page.dispatch_event(".drop", "drop", event)

    drop("people.ods")
    console.see("people.ods is a spreadsheet")
    drop("people.csv")
    expect(page.locator(".drop strong")).to_have_text("people.csv")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_row_with_an_error_of_the_entire_row_can_be_expanded_and_fixed(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    data = b"email,first_name\nwhole@m.test,Ana,Lopez\n=cmd@m.test,=1+1,x\n"
    number = post(vendor, "customers", data)
    ended(vendor, number)
    console.visit(f"imports/customers/{number}", vendor)

    console.see("the row has more cells than the header")
    console.button("Show all cells of row 2").click()
    page.get_by_label("Row 2, First name").fill("=Ana+")
    console.button("Re-import 1 row").click()
    console.see("1 row imported")

    made = vendor.get("/customers/", "email=%3Dcmd@m.test").json()["results"]
    assert [each["first_name"] for each in made] == ["=Ana+"]


def test_an_invalid_file_is_rejected_with_advice(console: Console, vendor: RemoteShop) -> None:
    console.visit("imports/licenses/new", vendor)
    sends = console.page.get_by_role("button", name=re.compile("^Import (the file|[0-9])"))

    for name, data, advice in (
        ("book.xlsx", b"PK\x03\x04 xl/workbook", "The workbook can’t be read"),
        ("book.ods", b"PK\x03\x04", "Save it as .xlsx, or the sheet as “CSV UTF-8”"),
        ("notes.txt", b"email\n", "does not end in .csv"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("book.csv", b"PK\x03\x04 xl/workbook", "it seems to be a ZIP file"),
        ("keys.csv", b"color,size\n1,2\n", "Required columns are missing"),
    ):
        console.choose(name, data)
        console.see(advice)
        assert not sends.count() or sends.get_attribute("aria-disabled") == "true"


def test_a_file_in_windows_1252_is_detected(console: Console, vendor: RemoteShop) -> None:
    console.visit("imports/customers/new", vendor)

    console.choose("old.csv", "email,first_name\nmuller@w.test,Müller\n".encode("cp1252"))
    console.see("it is read as Windows-1252")
    console.see("Müller")
    console.button("Import 1 row").click()
    console.see("1 row imported")

    made = vendor.get("/customers/", "email=muller@w.test").json()["results"]
    assert [each["first_name"] for each in made] == ["Müller"]


def test_a_german_export_is_imported_with_two_clicks(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/licenses/new", vendor)

    console.choose("kunden.csv", german_export("DE"))
    console.see("2,000 of 2,000 rows have errors")
    console.see("it is read as Windows-1252")
    encoding = page.get_by_label("Encoding", exact=True).locator("option:checked")
    expect(encoding).to_have_text("Automatic (Windows-1252)")
    console.button("Read dates as day, month, year").click()
    console.button("Import 2,000 rows").click()

    console.see("All 2,000 rows imported")
    found = vendor.get("/licenses/", "license_key=DE-0002").json()["results"]
    (license,) = [each for each in found if each["license_key"] == "DE-0002"]
    assert license["validity_period"].startswith("2031-03-03")
    assert (license["max_activations"], license["is_floating"]) == (5, False)
    assert license["customer"]["last_name"] == "Müßig–2"


def test_a_sheet_of_a_workbook_is_imported(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/licenses/new", vendor)
    scripts = "performance.getEntriesByType('resource').map(each => each.name).join(' ')"
    header = (*HEADER[:2], "license__validity_period", "customer__last_name", "memo")
    day = date(2031, 12, 31)
    rows = [[f"XL-{n}", "kp", day, f"Müßig {n}", f"{n:300}"] for n in range(2500)]
    book = by_xlsxwriter([["see the next sheet"]], Kunden=[header, *rows])

    console.choose("kunden.xlsx", book)
    console.see("Can’t import this file")
    page.get_by_label("Sheet", exact=True).select_option("Kunden")
    console.see("2,500 rows, no errors found")
    assert page.get_by_label("Encoding", exact=True).count() == 0
    assert "workbook-" not in page.evaluate(scripts), "the worker loads it, not the page"
    console.button("Import 2,500 rows").click()

    console.see("All 2,500 rows imported")
    (license,) = vendor.get("/licenses/", "license_key=XL-2499").json()["results"]
    assert license["validity_period"].startswith("2031-12-31")
    assert license["customer"]["last_name"] == "Müßig 2499"


def test_a_row_is_corrected_in_the_order_of_dates_of_its_import(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/licenses/new", vendor)
    rows = "FIX-1,kp,31.12.2031\nFIX-2,kp,12/31/2031\n"
    header = ",".join((*HEADER[:2], "license__validity_period"))

    console.choose("dates.csv", f"{header}\n{rows}".encode())
    console.see("Choose above whether the day or the month comes first")
    page.get_by_label("Dates", exact=True).select_option("dmy")
    console.button("Import 1 row, skip 1").click()
    cell = page.get_by_label("Row 2, Ends on")
    expect(cell).to_have_value("12/31/2031")
    cell.fill("30.12.2031")
    console.see("Fixed")
    console.button("Re-import 1 row").click()

    console.see("1 row imported")
    (license,) = vendor.get("/licenses/", "license_key=FIX-2").json()["results"]
    assert license["validity_period"].startswith("2031-12-30")


def test_a_choice_of_dates_does_not_apply_to_the_next_file(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/licenses/new", vendor)

    console.choose("kunden.csv", german_export("NEXT", 20))
    page.get_by_label("Dates", exact=True).select_option("dmy")
    console.see("20 rows, no errors found")
    console.choose("next.csv", german_export("NEXT", 30))

    console.see("30 of 30 rows have errors")
    expect(page.get_by_label("Dates", exact=True)).to_have_value("iso")


def test_a_chosen_encoding_does_not_apply_to_the_next_file(
    console: Console, vendor: RemoteShop
) -> None:
    console.visit("imports/customers/new", vendor)
    mixed = "email,first_name\na@w.test,Müller\n".encode() + b"b@w.test,M\xfcller\n"

    console.choose("mixed.csv", mixed)
    console.see("it mixes encodings")
    console.button("Try Windows-1252 (older Excel files)").click()
    console.see("MÃ¼ller")
    console.choose("new.csv", "email,first_name\nc@w.test,Jürgen\n".encode())

    console.see("Jürgen")


def test_a_column_that_may_be_misspelled_must_be_ignored_explicitly(
    console: Console, vendor: RemoteShop
) -> None:
    console.visit("imports/licenses/new", vendor)
    sends = console.button("Import 1 row")
    text = "license__license_key,product__short_code,Is Trial\nSPELLED-1,kp,yes\n"

    console.choose("spelled.csv", text.encode())

    console.see("1 column may be misspelled")
    assert sends.get_attribute("aria-disabled") == "true"
    console.page.get_by_label("Ignore columns that may be misspelled").check()
    sends.click()
    console.see("1 row imported")


def test_failed_rows_and_the_template_can_be_downloaded(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    number = post(vendor, "customers", b"email\nnot an address\n", name="people.csv")
    ended(vendor, number)
    console.visit(f"imports/customers/{number}", vendor)

    with page.expect_download() as failed:
        console.button("Download failed.csv").click()
    console.open("imports/customers")
    with page.expect_download() as template:
        console.button("Download template").click()

    assert failed.value.suggested_filename == "people-failed.csv"
    assert "not an address" in failed.value.path().read_text(encoding="utf-8")
    assert template.value.suggested_filename == "customers.csv"
    assert template.value.path().read_text(encoding="utf-8-sig").startswith("email,first_name")


def test_rows_are_shown_by_outcome(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    header = ("license__license_key", "product__short_code", "license__note")
    ended(vendor, post(vendor, "licenses", table(header, ("rows-1", "kp", "old"))))
    data = table(header, ("rows-1", "kp", "new"), ("rows-2", "kp", ""), ("rows-3", "nope", ""))
    number = post(vendor, "licenses", data, query="?on_existing=update&dry_run=true")
    ended(vendor, number)
    console.visit(f"imports/licenses/{number}", vendor)

    console.see("What will happen")
    page.get_by_role("link", name="To update: 1").click()
    console.see("old → new")
    page.get_by_role("link", name="Errors: 1").click()
    console.see("there is no product")
    with page.expect_download() as results:
        console.button("Download results.csv").click()

    lines = results.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[4] for line in lines] == ["_outcome", "updated", "created", "failed"]


def test_the_counts_of_an_import_lead_to_its_records_and_rows(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    header = ("license__license_key", "product__short_code", "order__store_id")
    rows = (("linked-1", "kp", "linked"), ("linked-2", "kp", "linked"), ("linked-3", "nope", ""))
    number = post(vendor, "licenses", table(header, *rows))
    ended(vendor, number)
    console.visit(f"imports/licenses/{number}", vendor)
    facts = page.locator(".facts > div")

    facts.filter(has_text="Licenses").get_by_role("link", name="2 created").click()
    expect(page.get_by_role("table", name="Licenses").get_by_role("checkbox")).to_have_count(3)
    expect(page.get_by_label("Import number")).to_have_value(str(number))
    page.go_back()
    facts.filter(has_text="Orders").get_by_role("link", name="1 created").click()
    expect(page.get_by_role("table", name="Orders")).to_contain_text("linked")
    page.go_back()
    facts.filter(has_text="Errors").get_by_role("link", name="1").click()
    errors = page.get_by_role("table", name="Errors", exact=True)
    expect(errors).to_contain_text("there is no product nope")
    assert not [*console.faults()]


def test_existing_licenses_are_updated_on_request(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    header = ("license__license_key", "product__short_code", "license__note")
    rows = (("update-1", "kp", "old"), ("update-2", "kp", "same"))
    ended(vendor, post(vendor, "licenses", table(header, *rows)))
    console.visit("imports/licenses/new", vendor)

    console.choose(
        "changes.csv",
        table(
            header,
            ("update-1", "kp", "\\N"),
            ("update-2", "kp", "same"),
            ("update-3", "kp", ""),
            ("update-4", "none", ""),
        ),
    )
    console.see("4 rows, no errors found")
    page.get_by_label("If a record already exists").select_option("Update it")
    console.see("Blank cells keep the record’s value; \\N clears it.")
    expect(page.get_by_label("New rows")).to_have_value("create")
    console.button("Import 4 rows").click()

    console.see("Completed with errors")
    facts = page.locator("dl.facts")
    expect(facts).to_contain_text("Errors1")
    expect(facts).to_contain_text(re.compile(r"Licenses\s*1 created\s*1 updated\s*1 unchanged"))
    (updated,) = vendor.get("/licenses/", "license_key=update-1").json()["results"]
    assert updated["note"] is None
    job = vendor.get(f"/imports/{number_of(console)}/").json()
    assert (job["on_existing"], job["on_missing"]) == ("update", "create")


def test_new_records_can_be_refused(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    console.visit("imports/customers/new", vendor)
    console.choose("people.csv", table(("email",), ("unknown@refused.test",)))
    console.see("1 row, no errors found")
    page.get_by_label("New rows").select_option("Report an error")

    console.button("Import 1 row").click()

    console.see("there is no record with this e-mail, and the import creates none")


def test_errors_are_grouped_and_a_value_is_replaced_in_all_rows(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/licenses/new", vendor)
    rows = [(f"group-{n}", "kp", "perpetua", "") for n in range(30)]
    rows += [(f"group-{n}", "skecth", "", "x@d.test") for n in range(30, 90)]
    console.choose("groups.csv", table(HEADER, *rows, ("group-x", "kp", "", "nobody")))
    groups = page.get_by_role("list", name="Errors by column").get_by_role("listitem")

    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("Did you mean perpetual?")
    replacement = page.get_by_label("Replacement for perpetua in license__license_type")
    replacement.fill("eternal")
    expect(groups.first).to_contain_text("must be one of")
    replacement.fill("perpetual")
    console.button("Replace all 30 perpetua in license__license_type").click()
    console.see("1 of 91 rows has errors")
    console.button("Import 90 rows, skip 1").click()

    console.see("Completed with errors")
    expect(groups.first).to_contain_text("60 rows")
    page.get_by_label("Replacement for skecth in product__short_code").fill("kp")
    expect(page.get_by_label("Row 91, Customer email")).to_have_count(0)
    groups.last.get_by_role("button", name="1 row", exact=True).click()
    page.get_by_label("Row 91, Customer email").fill("x@d.test")
    groups.last.get_by_role("button", name="1 row", exact=True).click()
    console.button("Replace all 60 skecth in product__short_code").click()
    expect(console.button("Re-import 61 rows")).to_be_in_viewport()
    console.button("Re-import 61 rows").click()
    console.see("All 61 rows imported")
    assert number_of(console) > 0

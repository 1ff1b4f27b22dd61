"""Imports: choose, check, upload, follow, correct in the table, re-import."""

import re

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, imported, post, table
from tests.e2e.remote import RemoteShop

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
    page.get_by_label("Row 2, license__license_type").fill("eternal")
    console.see("Row 2 still has an error")
    expect(console.button("Re-import 1 row")).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Row 2, license__license_type").fill("perpetual")
    page.get_by_label("Row 3, product__short_code").fill("kp")
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

    drop("people.xlsx")
    console.see("people.xlsx is a spreadsheet")
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
    page.get_by_label("Row 2, first_name").fill("=Ana+")
    console.button("Re-import 1 row").click()
    console.see("1 row imported")

    made = vendor.get("/customers/", "email=%3Dcmd@m.test").json()["results"]
    assert [each["first_name"] for each in made] == ["=Ana+"]


def test_an_invalid_file_is_rejected_with_advice(console: Console, vendor: RemoteShop) -> None:
    console.visit("imports/licenses/new", vendor)
    sends = console.page.get_by_role("button", name=re.compile("^Import (the file|[0-9])"))

    for name, data, advice in (
        ("book.xlsx", b"PK\x03\x04 xl/workbook", "Save the sheet as “CSV UTF-8”"),
        ("notes.txt", b"email\n", "does not end in .csv"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("book.csv", b"PK\x03\x04 xl/workbook", "it seems to be a ZIP file"),
        ("keys.csv", b"key,product\n1,2\n", "Required columns are missing"),
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
    console.visit("imports/customers/new", vendor)
    sends = console.button("Import 1 row")

    console.choose("spelled.csv", b"Email Address,First Name\nana@spelled.test,Ana\n")

    console.see("1 column may be misspelled")
    console.see("The column email is missing")
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

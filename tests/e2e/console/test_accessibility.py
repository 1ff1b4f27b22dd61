"""Sign-in and all import pages, checked by axe in light and dark and at every width."""

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, german_export, post, table
from tests.e2e.remote import RemoteShop
from tests.infra.cli.workbooks import by_openpyxl

FAULTY = table(("email", "first_name"), ("a@b.test", "Ana"), ("nobody", "Bo"))


def test_sign_in_and_every_page_of_an_import_are_accessible(
    console: Console, vendor: RemoteShop
) -> None:
    job = post(vendor, "customers", FAULTY, name="people.csv")
    ended(vendor, job)
    console.open("nowhere")
    found = {"the gate": [*console.faults()]}

    console.sign_in(vendor.key)
    console.see("Page not found")
    found["nowhere"] = [*console.faults()]
    console.open("imports/customers")
    console.see("people.csv")
    found["list"] = [*console.faults()]
    console.open("imports/customers/new")
    console.choose("people.csv", FAULTY)
    console.see("1 of 2 rows has errors")
    found["checked"] = [*console.faults()]
    console.open("imports/licenses/new")
    console.choose("kunden.csv", german_export("AXE", 20))
    console.see("Read dates as day, month, year")
    found["dates"] = [*console.faults()]
    console.choose("kunden.xlsx", by_openpyxl([["key"]], Kunden=[["a"]]))
    expect(console.page.get_by_label("Sheet", exact=True)).to_be_visible()
    found["workbook"] = [*console.faults()]
    console.open(f"imports/customers/{job}")
    console.button("Show all cells of row 2").click()
    console.page.get_by_label("Row 2, email").fill("still wrong")
    console.see("Row 2 still has an error")
    found["edited"] = [*console.faults()]

    assert not {page: faults for page, faults in found.items() if faults}


def test_the_menu_opens_on_a_phone(console: Console, vendor: RemoteShop) -> None:
    console.page.set_viewport_size({"width": 360, "height": 800})
    console.visit("nowhere", vendor)
    expect(console.page.get_by_role("link", name="Imports", exact=True)).to_be_hidden()

    console.button("Menu").press("Enter")

    expect(console.page.get_by_role("link", name="Imports", exact=True)).to_be_visible()
    assert not console.violations()

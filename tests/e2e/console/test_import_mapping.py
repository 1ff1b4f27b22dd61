"""Files of other systems: their columns are suggested, chosen, saved, and used again."""

import re

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.console.test_imports import number_of
from tests.e2e.remote import RemoteShop

OLD_SHOP = (
    "Serial;Expiry Date;Shoe Size;Notes\n"
    "MAP-1;31.12.2031;40;first\n"
    "MAP-2;30.11.2031;41;second\n"
    "MAP-3;soon;42;third\n"
)


def test_suggested_columns_are_marked_and_imported_when_a_user_says_so(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/licenses/new", vendor)

    console.choose("old-shop.csv", OLD_SHOP.encode())

    console.see("3 suggested")
    key = page.get_by_label("Our column for Serial")
    expect(key).to_have_value("license__license_key")
    expect(page.get_by_label("Our column for Expiry Date")).to_have_value(
        "license__validity_period"
    )
    expect(page.get_by_label("Our column for Shoe Size")).to_have_value("")
    expect(page.get_by_role("row", name=re.compile("Serial"))).to_contain_text("suggested")
    expect(page.get_by_role("row", name=re.compile("Serial"))).to_contain_text("MAP-1")
    console.see("Required columns are missing: product__short_code")
    product = page.get_by_label("product__short_code in every row")
    product.fill("kp")
    product.press("Enter")
    console.button("Read dates as day, month, year").click()
    page.get_by_label("Our column for Notes").select_option("Leave out")
    console.see("1 of 3 rows has errors")
    page.get_by_label("Save this mapping as").fill("console-shop")
    console.button("Save mapping").click()
    expect(console.button("Replace mapping")).to_be_visible()
    mappings = console.hold("**/mapping/")
    console.button("Import 2 rows, skip 1").click()

    console.see("Completed with errors")
    job = vendor.get(f"/imports/{number_of(console)}/").json()
    assert job["counts"]["created_licenses_count"] == 2
    assert (job["dates"], job["detected"]["unknown_columns"]) == ("dmy", ["Shoe Size", "Notes"])
    mapping = vendor.get(f"/imports/{job['id']}/mapping/").json()
    assert mapping["columns"]["Notes"] is None
    assert mapping["constants"] == {"product__short_code": "kp"}
    saved = vendor.get("/import-mappings/console-shop/").json()
    assert (saved["kind"], saved["dates"]) == ("licenses", "dmy")
    cell = page.get_by_label("Row 3, Expiry Date")
    cell.fill("29.11.2031")
    send = console.button("Re-import 1 row")
    expect(send).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_text("Fixed", exact=True)).to_have_count(0)
    for route in mappings:
        route.continue_()
    console.see("Fixed")
    send.click()
    console.see("1 created")


def test_a_saved_mapping_is_used_for_the_next_file(console: Console, vendor: RemoteShop) -> None:
    body = {
        "kind": "customers",
        "columns": {"Kontakt": "email", "Hinweis": None},
        "constants": {"country": "DE"},
    }
    vendor.send("PUT", "/import-mappings/kontakte/", body=body)
    page = console.visit("imports/customers/new", vendor)
    console.choose("kontakte.csv", b"Kontakt,Hinweis\nkontakt@m.test,x\n")
    console.see("None of the file\u2019s columns can be imported")

    page.get_by_label("Saved mapping").select_option(label="kontakte")
    console.button("Import 1 row").click()

    console.see("1 created")
    (customer,) = vendor.get("/customers/", "email=kontakt@m.test").json()["results"]
    assert customer["country"] == "DE"


def test_the_mapping_of_another_system_is_chosen_by_its_name(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("imports/licenses/new", vendor)
    console.choose("keygen.csv", b"key,product,suspended,maxMachines\nKEYGEN-1,kp,true,3\n")

    page.get_by_label("Saved mapping").select_option(label="keygen")
    expect(page.get_by_label("Our column for maxMachines")).to_have_value(
        "license__max_activations"
    )
    console.button("Import 1 row").click()

    console.see("1 created")
    (lic,) = vendor.get("/licenses/", "license_key=KEYGEN-1").json()["results"]
    assert (lic["enabled"], lic["max_activations"]) == (False, 3)


def test_an_ambiguous_column_waits_for_a_choice(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/licenses/new", vendor)
    text = "license__license_key,product__short_code,Is Trial\nAMB-1,kp,yes\n"

    console.choose("ambiguous.csv", text.encode())

    console.see("1 to decide")
    expect(console.button("Import 1 row")).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Our column for Is Trial").select_option("order__is_trial")
    expect(console.button("Import 1 row")).not_to_have_attribute("aria-disabled", "true")

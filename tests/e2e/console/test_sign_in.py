"""Sign-in by API key, sign-out, and renewal of a revoked key."""

from playwright.sync_api import Route, expect

from infra.local.stack import LocalStack
from tests.e2e.console.pages import Console, revoked_key
from tests.e2e.importing import request_import
from tests.e2e.remote import RemoteShop


def test_a_key_signs_in_and_sign_out_deletes_it(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    console.open("imports/licenses")

    console.sign_in("not a key")
    expect(page.get_by_text("look like an API key")).to_be_visible()
    console.sign_in(f"{vendor.key[:9]}{'x' * 40}")
    expect(page.get_by_text("The API key is not valid.")).to_be_visible()
    console.sign_in(f" Api-Key {vendor.key} ")
    expect(page.get_by_role("heading", name="Imports", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Imports", exact=True)).to_be_visible()

    assert vendor.key not in page.url
    stored = page.evaluate("[Object.values(localStorage), document.cookie]")
    assert all(value.isdecimal() for value in stored[0]), "only the time of the last sign-out"
    assert stored[1] == ""
    console.button("Sign out").click()
    expect(page.get_by_label("API key")).to_have_value("")
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()


def test_sign_out_discards_the_chosen_file(console: Console, vendor: RemoteShop) -> None:
    console.visit("imports/customers/new", vendor)
    console.choose("people.csv", b"email\nsecret@m.test\n")
    console.see("1 row, no errors found")

    console.button("Sign out").click()
    console.sign_in(vendor.key)

    expect(console.page.get_by_role("heading", name="Import customers")).to_be_visible()
    expect(console.page.get_by_text("people.csv")).to_have_count(0)


def test_a_revoked_key_is_replaced_over_the_page_and_nothing_is_lost(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    console.visit("imports/customers/new", vendor)
    console.choose("people.csv", b"email,first_name\nkept@m.test,Ana\n")
    console.see("1 row, no errors found")

    page.route("**/api/v1/imports/", revoked_key)
    console.button("Import 1 row").click()
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_contain_text("The API key is not valid.")
    page.unroute("**/api/v1/imports/")
    console.sign_in(vendor.key)
    expect(dialog).to_be_hidden()

    console.button("Import 1 row").click()

    console.see("1 row imported")


def test_an_open_dialog_is_closed_when_the_session_ends(
    console: Console, vendor: RemoteShop, other_shop: RemoteShop
) -> None:
    page = console.page
    console.open(f"imports/customers/{request_import(vendor, 'customers', b'email')['id']}")
    console.sign_in(vendor.key)
    console.button("Cancel import").click()
    expect(page.get_by_role("dialog", name="Cancel this import?")).to_be_visible()

    page.route("**/api/v1/imports/*/", revoked_key)
    console.button("Sign out and discard").click()
    page.unroute("**/api/v1/imports/*/")
    console.sign_in(other_shop.key)

    expect(page.get_by_text(other_shop.company)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_lost_connection_is_reported_and_nothing_is_lost(
    console: Console, vendor: RemoteShop
) -> None:
    console.visit("imports/customers/new", vendor)
    console.choose("people.csv", b"email\noffline@m.test\n")
    console.see("1 row, no errors found")

    console.context.set_offline(True)
    console.button("Import 1 row").click()
    console.see("No connection")
    console.context.set_offline(False)
    console.button("Import 1 row").click()

    console.see("1 row imported")


def test_the_console_works_at_the_root_of_a_domain(
    console: Console, vendor: RemoteShop, stack: LocalStack
) -> None:
    page = console.page

    def served(route: Route) -> None:
        """Forward a custom domain to the API, without the headers that the local guard rejects."""
        url = route.request.url.replace("https://licenses.example", stack["api_url"])
        sent = route.request.headers
        guarded = ("host", "origin", "referer", "sec-fetch-site")
        headers = {name: value for name, value in sent.items() if name not in guarded}
        route.fulfill(response=route.fetch(url=url, headers=headers))

    page.route("https://licenses.example/**", served)

    page.goto("https://licenses.example/console/#/products")
    console.sign_in(vendor.key)

    expect(page.get_by_role("table", name="Products")).to_contain_text("Key product")

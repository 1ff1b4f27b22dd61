"""A session is of every tab of the browser that shows the console, and of nobody else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from infra.local.stack import LocalStack
from tests.e2e.console.pages import Console, ended_key
from tests.e2e.importing import ended, post
from tests.e2e.remote import RemoteShop

ASK = """name => new Promise(done => {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({data}) => done(data);
    channel.postMessage({ask: "1"});
    setTimeout(done, 1000, "nothing");
})"""
NAME = "`keywright ${new URL('.', document.baseURI).pathname}`"
KEPT = """async () => JSON.stringify([
    {...localStorage}, document.cookie, await indexedDB.databases(), await caches.keys(),
])"""
GATE = "API key"

type OpenTab = Callable[[], Console]


@pytest.fixture
def tab(browser: Browser, stack: LocalStack, tmp_path: Path) -> Iterator[OpenTab]:
    """Opens further tabs of the same browser."""
    tabs: list[Console] = []

    def opened() -> Console:
        tabs.append(Console(browser, stack["console_url"], desk=tmp_path))
        return tabs[-1]

    yield opened
    for each in tabs:
        each.close()


def signed_in_at(console: Console, path: str, key: str, heading: str) -> None:
    console.open(path)
    console.sign_in(key)
    shows(console, heading)


def shows(console: Console, heading: str) -> None:
    expect(console.page.get_by_role("heading", level=1)).to_have_text(heading)


def asks_for_a_key(console: Console) -> None:
    expect(console.page.get_by_label(GATE)).to_be_visible()


def test_a_link_that_is_opened_in_a_new_tab_needs_no_key(
    console: Console, tab: OpenTab, vendor: RemoteShop
) -> None:
    signed_in_at(console, "products", vendor.key, "Products")
    link = console.page.get_by_role("link", name="Key product")

    with console.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    opened.value.close()
    other = tab()
    other.open("customers")

    shows(other, "Customers")
    expect(other.page.get_by_text(vendor.company)).to_be_visible()
    assert vendor.key not in other.page.evaluate(KEPT)
    console.page.close()
    other.page.reload()
    shows(other, "Customers")


def test_signing_out_in_one_tab_signs_out_every_tab_also_one_that_is_asleep(
    console: Console, tab: OpenTab, vendor: RemoteShop
) -> None:
    asleep, other, new = tab(), tab(), tab()
    signed_in_at(console, "products", vendor.key, "Products")
    asleep.open("products")
    shows(asleep, "Products")
    other.open("products/new")
    other.page.get_by_label("Name").fill("Secret plans")
    asleep.page.goto("about:blank")

    console.button("Sign out").click()

    asks_for_a_key(other)
    assert other.page.evaluate("sessionStorage.length") == 0
    asleep.open("products")
    asks_for_a_key(asleep)
    asleep.page.go_back()
    asleep.page.go_back()
    asks_for_a_key(asleep)
    new.open("products")
    asks_for_a_key(new)
    assert vendor.key not in new.page.evaluate(KEPT)


def test_who_signs_in_again_in_one_tab_goes_on_in_the_others(
    console: Console, tab: OpenTab, vendor: RemoteShop, other_shop: RemoteShop
) -> None:
    other, elsewhere = tab(), tab()
    signed_in_at(console, "products/new", vendor.key, "New product")
    console.page.get_by_label("Name").fill("Typed before")
    other.open("products")
    shows(other, "Products")
    for each in (console, other):
        each.page.route("**/api/v1/products/**", ended_key)
    console.page.get_by_label("Code").fill("typed")
    console.button("Create product").click()
    other.page.reload()
    for each in (console, other):
        expect(each.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
        each.page.unroute("**/api/v1/products/**")

    elsewhere.open("products")
    asks_for_a_key(elsewhere)
    elsewhere.sign_in(other_shop.key)
    shows(elsewhere, "Products")
    expect(console.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    other.sign_in(vendor.key)

    expect(console.page.get_by_role("dialog")).to_have_count(0)
    expect(console.page.get_by_label("Name")).to_have_value("Typed before")
    expect(elsewhere.page.get_by_text(other_shop.company)).to_be_visible()


def test_a_new_tab_has_the_newest_session(
    console: Console, tab: OpenTab, vendor: RemoteShop, other_shop: RemoteShop
) -> None:
    second, new = tab(), tab()
    second.visit("products", other_shop)
    console.visit("products", vendor)
    expect(second.page.get_by_text(other_shop.company)).to_be_visible()

    new.open("products")

    shows(new, "Products")
    expect(new.page.get_by_text(vendor.company)).to_be_visible()


def test_a_page_of_another_origin_or_path_is_told_nothing(
    console: Console, tab: OpenTab, vendor: RemoteShop
) -> None:
    def elsewhere(route: Route) -> None:
        route.fulfill(body="<!doctype html><title>x</title>", content_type="text/html")

    signed_in_at(console, "products", vendor.key, "Products")
    name = console.page.evaluate(NAME)
    other = tab()
    other.page.route("https://else.test/**", elsewhere)
    other.page.goto("https://else.test/")

    assert other.page.evaluate(ASK, name) == "nothing"
    other.page.goto(f"{console.url}../docs")
    assert other.page.evaluate(ASK, other.page.evaluate(NAME)) == "nothing"
    assert other.page.evaluate(ASK, name)["session"]["key"] == vendor.key, "the test asks wrongly"


@pytest.mark.parametrize("held", ["{", "null", "7", '"text"', "[1]", '{"key": 7, "since": "x"}'])
def test_a_session_that_cannot_be_read_is_none(console: Console, held: str) -> None:
    console.page.add_init_script(f"sessionStorage.setItem('keywright-session', {held!r})")

    console.open("orders")

    asks_for_a_key(console)


@pytest.mark.parametrize("typed", ["{", "null", "7", "[1]", '{"items": 5, "customer": null}'])
def test_a_form_whose_draft_cannot_be_read_begins_anew(
    console: Console, vendor: RemoteShop, typed: str
) -> None:
    number = post(vendor, "customers", b"email\nnobody\n")
    ended(vendor, number)
    for name in ("form order", f"rows {number}"):
        place = f"keywright-typed {name}"
        console.page.add_init_script(f"sessionStorage.setItem({place!r}, {typed!r})")
    page = console.visit("orders/new", vendor)

    expect(page.get_by_label("Product (required)")).to_contain_text("Key product")
    page.get_by_label("Email").fill("typed@acme.example")
    page.goto(f"{console.url}#/imports/customers/{number}")
    expect(page.get_by_label("Row 1, email")).to_have_value("nobody")


def test_without_storage_one_signs_in_for_as_long_as_the_page_is_open(
    console: Console, vendor: RemoteShop
) -> None:
    for name in ("sessionStorage", "localStorage"):
        refused = "() => { throw new DOMException('no', 'SecurityError'); }"
        console.page.add_init_script(f"Object.defineProperty(window, '{name}', {{get: {refused}}})")

    signed_in_at(console, "products", vendor.key, "Products")
    console.page.get_by_role("link", name="Customers", exact=True).click()
    shows(console, "Customers")
    console.button("Sign out").click()

    asks_for_a_key(console)

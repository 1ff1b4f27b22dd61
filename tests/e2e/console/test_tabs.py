"""All console tabs of a browser share a session, and no other page can get it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from infra.local.stack import LocalStack
from tests.e2e.console.pages import Console, revoked_key
from tests.e2e.importing import ended, post
from tests.e2e.remote import RemoteShop

REQUEST_SESSION = """name => new Promise(done => {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({data}) => done(data);
    channel.postMessage({ask: "1"});
    setTimeout(done, 1000, "nothing");
})"""
NAME = "`keywright ${new URL('.', document.baseURI).pathname}`"
STORED = """async () => JSON.stringify([
    {...localStorage}, document.cookie, await indexedDB.databases(), await caches.keys(),
])"""
KEY_LABEL = "API key"

type OpenTab = Callable[[], Console]


@pytest.fixture
def tab(browser: Browser, stack: LocalStack, tmp_path: Path) -> Iterator[OpenTab]:
    """Open more tabs of the same browser."""
    tabs: list[Console] = []

    def opened() -> Console:
        tabs.append(Console(browser, stack["console_url"], folder=tmp_path))
        return tabs[-1]

    yield opened
    for each in tabs:
        each.close()


def sign_in_at(console: Console, path: str, key: str, heading: str) -> None:
    console.open(path)
    console.sign_in(key)
    expect_heading(console, heading)


def expect_heading(console: Console, heading: str) -> None:
    expect(console.page.get_by_role("heading", level=1)).to_have_text(heading)


def expect_sign_in(console: Console) -> None:
    expect(console.page.get_by_label(KEY_LABEL)).to_be_visible()


def test_a_link_opened_in_a_new_tab_needs_no_key(
    console: Console, tab: OpenTab, vendor: RemoteShop
) -> None:
    sign_in_at(console, "products", vendor.key, "Products")
    link = console.page.get_by_role("link", name="Key product")

    with console.context.expect_page() as opened:
        link.click(modifiers=["ControlOrMeta"])
    opened.value.close()
    other = tab()
    other.open("customers")

    expect_heading(other, "Customers")
    expect(other.page.get_by_text(vendor.company)).to_be_visible()
    assert vendor.key not in other.page.evaluate(STORED)
    console.page.close()
    other.page.reload()
    expect_heading(other, "Customers")


def test_sign_out_in_one_tab_signs_out_all_tabs_including_suspended_ones(
    console: Console, tab: OpenTab, vendor: RemoteShop
) -> None:
    asleep, other, new = tab(), tab(), tab()
    sign_in_at(console, "products", vendor.key, "Products")
    asleep.open("products")
    expect_heading(asleep, "Products")
    other.open("products/new")
    other.page.get_by_label("Name").fill("Secret plans")
    asleep.page.goto("about:blank")

    console.button("Sign out").click()

    expect_sign_in(other)
    assert other.page.evaluate("sessionStorage.length") == 0
    asleep.open("products")
    expect_sign_in(asleep)
    asleep.page.go_back()
    asleep.page.go_back()
    expect_sign_in(asleep)
    new.open("products")
    expect_sign_in(new)
    assert vendor.key not in new.page.evaluate(STORED)


def test_renewing_the_key_in_one_tab_renews_the_others(
    console: Console, tab: OpenTab, vendor: RemoteShop, other_shop: RemoteShop
) -> None:
    other, elsewhere = tab(), tab()
    sign_in_at(console, "products/new", vendor.key, "New product")
    console.page.get_by_label("Name").fill("Typed before")
    other.open("products")
    expect_heading(other, "Products")
    for each in (console, other):
        each.page.route("**/api/v1/products/**", revoked_key)
    console.page.get_by_label("Code").fill("typed")
    console.button("Create product").click()
    other.page.reload()
    for each in (console, other):
        expect(each.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
        each.page.unroute("**/api/v1/products/**")

    elsewhere.open("products")
    expect_sign_in(elsewhere)
    elsewhere.sign_in(other_shop.key)
    expect_heading(elsewhere, "Products")
    expect(console.page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    other.sign_in(vendor.key)

    expect(console.page.get_by_role("dialog")).to_have_count(0)
    expect(console.page.get_by_label("Name")).to_have_value("Typed before")
    expect(elsewhere.page.get_by_text(other_shop.company)).to_be_visible()


def test_a_new_tab_adopts_the_newest_session(
    console: Console, tab: OpenTab, vendor: RemoteShop, other_shop: RemoteShop
) -> None:
    second, new = tab(), tab()
    second.visit("products", other_shop)
    console.visit("products", vendor)
    expect(second.page.get_by_text(other_shop.company)).to_be_visible()

    new.open("products")

    expect_heading(new, "Products")
    expect(new.page.get_by_text(vendor.company)).to_be_visible()


def test_a_page_of_another_origin_or_path_gets_no_session(
    console: Console, tab: OpenTab, vendor: RemoteShop
) -> None:
    def elsewhere(route: Route) -> None:
        route.fulfill(body="<!doctype html><title>x</title>", content_type="text/html")

    sign_in_at(console, "products", vendor.key, "Products")
    name = console.page.evaluate(NAME)
    other = tab()
    other.page.route("https://else.test/**", elsewhere)
    other.page.goto("https://else.test/")

    assert other.page.evaluate(REQUEST_SESSION, name) == "nothing"
    other.page.goto(f"{console.url}../docs")
    assert other.page.evaluate(REQUEST_SESSION, other.page.evaluate(NAME)) == "nothing"
    assert other.page.evaluate(REQUEST_SESSION, name)["session"]["key"] == vendor.key, (
        "the request itself is valid"
    )


@pytest.mark.parametrize("stored", ["{", "null", "7", '"text"', "[1]", '{"key": 7, "since": "x"}'])
def test_an_unreadable_session_is_ignored(console: Console, stored: str) -> None:
    console.page.add_init_script(f"sessionStorage.setItem('keywright-session', {stored!r})")

    console.open("orders")

    expect_sign_in(console)


@pytest.mark.parametrize("typed", ["{", "null", "7", "[1]", '{"items": 5, "customer": null}'])
def test_an_unreadable_draft_is_ignored(console: Console, vendor: RemoteShop, typed: str) -> None:
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


def test_sign_in_works_without_storage_until_the_page_is_closed(
    console: Console, vendor: RemoteShop
) -> None:
    for name in ("sessionStorage", "localStorage"):
        refused = "() => { throw new DOMException('no', 'SecurityError'); }"
        console.page.add_init_script(f"Object.defineProperty(window, '{name}', {{get: {refused}}})")

    sign_in_at(console, "products", vendor.key, "Products")
    console.page.get_by_role("link", name="Customers", exact=True).click()
    expect_heading(console, "Customers")
    console.button("Sign out").click()

    expect_sign_in(console)

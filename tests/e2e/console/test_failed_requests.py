"""Slow, failed and rejected requests: the console shows an error and loses no input."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from infra.local.stack import LocalStack
from infra.tools.browser import signed_in
from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, post
from tests.e2e.remote import RemoteShop

OF_P2 = re.compile(r"/license-templates/.*product=p2")
BUSY, BROKEN = 503, 500


def respond(route: Route, status: int) -> None:
    route.fulfill(status=status, json={"code": "x", "title": "x", "detail": f"It is {status}"})


def ignore(_: Route) -> None:
    pass


def order_a_bundle(page: Page) -> None:
    page.get_by_label("Product (required)").select_option("bnd")
    expect(page.get_by_label("Policy of p1")).to_be_enabled()


def test_the_first_page_takes_few_requests(
    browser: Browser, stack: LocalStack, vendor: RemoteShop
) -> None:
    """A new AWS account may run 10 functions at once; a new browser has nothing in its cache."""
    requests: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(signed_in(vendor.key, vendor.company))
        page.on("request", lambda request: requests.append(request.url))

        page.goto(f"{stack['console_url']}#/orders")

        expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
        page.wait_for_load_state("networkidle")
    files = [url for url in requests if "/console/" in url and "/later-" not in url]
    assert 3 < len(files) <= 5, files


@pytest.mark.parametrize("file", ["app", "chunk-*"])
def test_a_console_that_does_not_load_shows_how_to_try_again(
    browser: Browser, stack: LocalStack, file: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.route(f"**/{file}.js", lambda route: respond(route, BUSY))

        page.goto(stack["console_url"])

        expect(page.get_by_text("The console couldn’t be loaded")).to_be_visible()
        page.unroute(f"**/{file}.js")
        page.get_by_role("link", name="reload the page").click()
        expect(page.get_by_label("API key")).to_be_visible()


def test_policies_that_fail_to_load_show_an_error_at_their_field_and_can_be_retried(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("orders/new", vendor)
    page.route(OF_P2, lambda route: respond(route, BROKEN))
    order_a_bundle(page)
    policy = page.get_by_label("Policy of p2")
    expect(page.get_by_role("alert")).to_contain_text("Policies couldn’t be loaded. It is 500")
    expect(policy).to_be_disabled()
    expect(policy).to_contain_text("Not loaded")
    page.unroute(OF_P2)

    console.button("Try again").press("Enter")

    policy.select_option("pro")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(policy).to_be_focused()


def test_a_read_is_retried_if_the_service_is_busy_or_does_not_respond(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("orders/new", vendor)
    urls: list[str] = []

    def answer(route: Route) -> None:
        urls.append(route.request.url)
        if len(urls) == 1:
            respond(route, BUSY)
        elif len(urls) == 3:
            route.continue_()

    page.route(OF_P2, answer)
    page.clock.install()

    order_a_bundle(page)
    for _ in range(300):
        if len(urls) == 3:
            break
        page.clock.run_for(500)
        page.wait_for_timeout(20)

    page.get_by_label("Policy of p2").select_option("pro")
    assert len(urls) == 3


def test_a_write_without_a_response_times_out(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("customers/new", vendor)
    page.get_by_label("Email").fill("unanswered@acme.example")
    page.route("**/customers/", ignore)
    page.clock.install()

    with page.expect_request("**/customers/"):
        console.button("Create customer").click()
    page.clock.run_for(32_000)

    expect(page.get_by_role("alert")).to_contain_text("No response")
    expect(page.get_by_label("Email")).to_have_value("unanswered@acme.example")


def test_a_failed_download_shows_why(console: Console, vendor: RemoteShop) -> None:
    page = console.visit("imports/customers", vendor)
    page.route("**/import-templates/**", lambda route: respond(route, BROKEN))

    console.button("Download template").click()

    expect(page.get_by_role("alert")).to_contain_text("It is 500")
    page.unroute("**/import-templates/**")
    with page.expect_download():
        console.button("Download template").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_check_can_be_retried_if_the_rules_fail_to_load(
    console: Console, vendor: RemoteShop
) -> None:
    console.visit("imports/customers/new", vendor)
    console.context.route("**/rules.json", lambda route: route.abort())
    console.choose("people.csv", b"email\nrules@m.test\n")
    console.see("Couldn’t check this file")
    console.context.unroute("**/rules.json")

    console.button("Try again").click()

    console.see("1 row, no errors found")


def test_focus_moves_to_the_nearest_control_if_its_element_is_removed(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.visit("orders/new", vendor)
    page.get_by_label("Product (required)").select_option("up")
    console.button("Add user").press("Enter")

    console.button("Remove user 2").press("Enter")

    expect(page.get_by_label("Email of user 1")).to_be_focused()


def test_focus_returns_to_its_element_when_a_dialog_closes(
    console: Console, vendor: RemoteShop
) -> None:
    license = vendor.order_one()
    page = console.visit(f"licenses/{license['id']}", vendor)

    console.button("Disable license").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(console.button("Disable license")).to_be_focused()


def test_a_slow_page_does_not_steal_the_focus(console: Console, vendor: RemoteShop) -> None:
    number = post(vendor, "customers", b"email\nlate@m.test\n", name="late.csv")
    ended(vendor, number)
    page = console.visit("orders", vendor)
    page.wait_for_load_state("networkidle")
    console.slow()

    page.evaluate("location.hash = '#/imports/customers'")
    expect(page.get_by_role("heading", name="Imports")).to_be_focused()
    console.tab_to(console.button("Download template"))
    console.see("late.csv")

    expect(console.button("Download template")).to_be_focused()

"""A file on its way: how far it is, and a way to stop it."""

import re

from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import RemoteShop


def test_what_is_sent_can_be_stopped_by_the_keyboard_before_it_is_even_begun(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    console.visit("imports/customers/new", vendor)
    console.choose("stopped.csv", b"email\nstopped@m.test\n")
    held = console.hold("**/api/v1/imports/")

    with page.expect_request("**/api/v1/imports/"):
        console.button("Import 1 row").press("Enter")
    expect(console.button("Cancel")).to_be_focused()

    page.keyboard.press("Enter")
    expect(console.button("Import 1 row")).to_be_focused()
    with page.expect_response("**/cancel/"):
        held[0].continue_()

    [job] = vendor.get("/imports/", "kind=customers&status__iexact=error&limit=1").json()["results"]
    assert (job["file_name"], job["state"]) == ("stopped.csv", "cancelled")


def test_the_bar_moves_while_a_file_is_sent(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    console.visit("imports/customers/new", vendor)
    console.choose("large.csv", b"email\n" + b"a@large.test\n" * 10_000)
    console.see("no fault found")
    console.slow(answers=0, times=1, upload=50_000)

    console.button("Import 10,000 rows").click()

    bar = page.get_by_role("progressbar", name="Sending the file")
    expect(page.get_by_text(re.compile(r"^[1-9]\d? %$"))).to_be_visible()
    assert 0 < bar.evaluate("bar => bar.value") < 1
    console.slow(answers=0, times=1)
    expect(page.get_by_role("heading", level=1)).to_have_text("large.csv")
    [job] = vendor.get("/imports/", "kind=customers&limit=1").json()["results"]
    assert job["file_name"] == "large.csv"
    vendor.post(f"/imports/{job['id']}/cancel/", {})

"""Nothing that one reads jumps, and nothing moves for those who want no motion."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.ops.stack import LocalStack
from tests.e2e.console.pages import STEADY, Console
from tests.e2e.importing import begun, send, table
from tests.e2e.remote import RemoteShop

NARROW, WIDE = 360, 1280
MOVES = """async () => {
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
    return document.getAnimations().length > 0;
}"""
type Motion = Literal["no-preference", "reduce"]
MOTIONS: tuple[Motion, ...] = ("no-preference", "reduce")
FAULTY = table(("email", "first_name"), ("a@steady.test", "Ana"), ("nobody", "Bo"))


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_an_import_ends_while_one_reads_its_page_and_nothing_jumps(
    console: Console, vendor: RemoteShop, width: int
) -> None:
    page = console.page
    console.watch()
    console.visit("nowhere", vendor)
    page.set_viewport_size({"width": width, "height": 860})
    job = begun(vendor, "customers", FAULTY)
    console.moved(f"imports/customers/{job['id']}")
    console.see("Waiting for upload")
    about = page.get_by_text("About this import")
    about.click()
    read = about.bounding_box()

    send(vendor, job, FAULTY)
    expect(page.get_by_label("Row 2, email")).to_be_visible()

    assert console.moved() <= STEADY
    assert about.bounding_box() == read


def test_a_file_is_checked_and_nothing_jumps(console: Console, vendor: RemoteShop) -> None:
    many = FAULTY + b"a@steady.test,Ana\n" * 20_000
    console.watch()
    console.visit("imports/customers/new", vendor)
    console.slow(answers=0, times=4)

    for width in (NARROW, WIDE):
        console.page.set_viewport_size({"width": width, "height": 860})
        console.moved()
        console.choose(f"{width}.csv", many)
        expect(console.button("Import 20,001 rows, skip 1")).to_be_visible()

        assert console.moved() <= STEADY


def test_for_those_who_want_no_motion_nothing_moves(console: Console, vendor: RemoteShop) -> None:
    """Neither while something is read nor while an import waits; for others something does."""
    page = console.page
    job = begun(vendor, "customers", FAULTY)
    held = console.hold(f"**/imports/{job['id']}/")
    console.visit(f"imports/customers/{job['id']}", vendor)

    expect(page.locator(".loading")).to_be_visible()
    assert moving(page) == {"no-preference": True, "reduce": False}
    held[0].continue_()
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert moving(page) == {"no-preference": True, "reduce": False}


def moving(page: Page) -> dict[Motion, bool]:
    """Whether anything does, by what is preferred."""
    found: dict[Motion, bool] = {}
    for motion in MOTIONS:
        page.emulate_media(reduced_motion=motion)
        found[motion] = page.evaluate(MOVES)
    return found


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_console_that_is_slow_to_come_does_not_say_yet_that_it_has_not(
    browser: Browser, stack: LocalStack, motion: Motion
) -> None:
    with browser.new_context(reduced_motion=motion) as context:
        page = context.new_page()
        page.route("**/app.js", lambda _: None)
        page.goto(stack["console_url"], wait_until="commit")
        said = page.locator("#starting")

        expect(said).to_have_css("text-align", "center")
        expect(said).to_be_hidden(timeout=1)

"""Layout stability and reduced motion."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.local.stack import LocalStack
from tests.e2e.console.pages import MAX_SHIFT, Console
from tests.e2e.importing import request_import, send, table
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
def test_nothing_shifts_when_an_import_ends(
    console: Console, vendor: RemoteShop, width: int
) -> None:
    page = console.page
    console.watch_layout()
    console.visit("nowhere", vendor)
    page.set_viewport_size({"width": width, "height": 860})
    job = request_import(vendor, "customers", FAULTY)
    console.layout_shift(f"imports/customers/{job['id']}")
    console.see("Waiting for upload")
    about = page.get_by_text("About this import")
    about.click()
    console.layout_shift()  # Opening moves what is below, on a busy machine long after the click.
    read = about.bounding_box()

    send(vendor, job, FAULTY)
    expect(page.get_by_label("Row 2, email")).to_be_visible()

    assert console.layout_shift() <= MAX_SHIFT
    assert about.bounding_box() == read


def test_nothing_shifts_when_a_file_is_checked(console: Console, vendor: RemoteShop) -> None:
    many = FAULTY + b"a@steady.test,Ana\n" * 20_000
    console.watch_layout()
    console.visit("imports/customers/new", vendor)
    console.slow(answers=0, times=4)

    for width in (NARROW, WIDE):
        console.page.set_viewport_size({"width": width, "height": 860})
        console.layout_shift()
        console.choose(f"{width}.csv", many)
        expect(console.button("Import 20,001 rows, skip 1")).to_be_visible()

        assert console.layout_shift() <= MAX_SHIFT


def test_nothing_is_animated_if_reduced_motion_is_preferred(
    console: Console, vendor: RemoteShop
) -> None:
    """Neither a loading page nor a waiting import; without the preference, both are animated."""
    page = console.page
    job = request_import(vendor, "customers", FAULTY)
    routes = console.hold(f"**/imports/{job['id']}/")
    console.visit(f"imports/customers/{job['id']}", vendor)

    expect(page.locator(".loading")).to_be_visible()
    assert moving(page) == {"no-preference": True, "reduce": False}
    routes[0].continue_()
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert moving(page) == {"no-preference": True, "reduce": False}


def moving(page: Page) -> dict[Motion, bool]:
    """Return whether anything is animated, by preference."""
    found: dict[Motion, bool] = {}
    for motion in MOTIONS:
        page.emulate_media(reduced_motion=motion)
        found[motion] = page.evaluate(MOVES)
    return found


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_slow_console_does_not_show_the_loading_error_at_once(
    browser: Browser, stack: LocalStack, motion: Motion
) -> None:
    with browser.new_context(reduced_motion=motion) as context:
        page = context.new_page()
        page.route("**/app.js", lambda _: None)
        page.goto(stack["console_url"], wait_until="commit")
        error = page.locator("#starting")

        expect(error).to_have_css("text-align", "center")
        expect(error).to_be_hidden(timeout=1)

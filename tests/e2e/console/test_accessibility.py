"""Every page of imports by axe, narrow and wide, light and dark; and none scrolls sideways."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.console.pages import Console
from tests.e2e.importing import ended, post, table
from tests.e2e.remote import RemoteShop

type Show = Callable[[Console], None]
FAULTY = table(("email", "first_name"), ("a@b.test", "Ana"), ("nobody", "Bo"))


@pytest.fixture(scope="module")
def job(vendor: RemoteShop) -> int:
    """An import with a faulty row."""
    number = post(vendor, "customers", FAULTY, name="people.csv")
    ended(vendor, number)
    return number


@pytest.fixture
def pages(console: Console, vendor: RemoteShop, job: int) -> Iterator[tuple[str, Show]]:
    def checked(console: Console) -> None:
        console.choose("people.csv", FAULTY)
        console.see("1 row of 2 is faulty")

    def edited(console: Console) -> None:
        console.button("All cells of row 2").click()
        console.page.get_by_label("Row 2, email").fill("still wrong")
        console.see("Row 2 is still faulty")

    def menu(console: Console) -> None:
        if console.button("Menu").is_visible():
            console.button("Menu").click()
        expect(console.page.get_by_role("link", name="License imports")).to_be_visible()

    shown = [
        ("imports/customers", lambda console: console.see("people.csv")),
        ("imports/license-features", lambda console: console.see("Nothing has been")),
        ("imports/customers?status=running", menu),
        ("imports/customers/new", checked),
        (f"imports/customers/{job}", edited),
        ("nowhere", lambda console: console.see("no such page")),
    ]
    return iter(shown)


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
def test_axe_finds_nothing(
    console: Console,
    vendor: RemoteShop,
    pages: Iterator[tuple[str, Show]],
    scheme: str,
    width: int,
) -> None:
    console.page.set_viewport_size({"width": width, "height": 800})
    console.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    console.open("imports/licenses")
    found = {"the gate": console.violations()}

    console.sign_in(vendor.key)
    for path, show in pages:
        console.open(path)
        show(console)
        found[path] = console.violations()
        wide = console.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} scrolls sideways"

    assert not {path: each for path, each in found.items() if each}

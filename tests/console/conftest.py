"""A browser, for tests that use the console as a person does."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from infra.ops.stack import LocalStack
from tests.e2e.conftest import http, keys, other_shop, shop, stack
from tests.e2e.remote import RemoteShop

__all__ = ["http", "keys", "other_shop", "shop", "stack"]

PATIENCE = 40_000
expect.set_options(timeout=PATIENCE)

type Visit = Callable[[RemoteShop, str], Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def chromium() -> Iterator[BrowserContext]:
    """One browser for all tests, so that it loads the console's files once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE)
        yield context
        browser.close()


@pytest.fixture
def visit(chromium: BrowserContext, stack: LocalStack) -> Iterator[Visit]:
    """Opens a page of the console, signed in as a shop; no page may have an error of its own."""
    pages: list[Page] = []
    wrong: list[str] = []

    def opened(who: RemoteShop, route: str) -> Page:
        page = chromium.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.add_init_script(f"sessionStorage.setItem('keywright-key', '{who.key}')")
        page.goto(f"{stack['console_url']}#/{route}")
        return page

    yield opened
    for page in pages:
        page.close()
    assert not wrong

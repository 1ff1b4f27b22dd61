"""One browser for all tests of the console; each has a window and a company of its own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from infra.ops.stack import LocalStack
from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop, opened

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, which `make browser` installs; CHROMIUM says where it is."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail("There is no Chromium. `make browser` installs it; or say CHROMIUM=/path")
    with sync_playwright() as playwright:
        # Root may not use Chromium's sandbox, and the pages are ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def vendor(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company with products, for tests that need no other."""
    return opened(http, keys, "vendor", stocked=True)


@pytest.fixture(scope="session")
def seller(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company with products that sells by the console."""
    return opened(http, keys, "seller", stocked=True)


@pytest.fixture
def console(browser: Browser, stack: LocalStack, tmp_path: Path) -> Iterator[Console]:
    """A new tab; it must end without an error that nobody expected."""
    console = Console(browser, stack["console_url"], desk=tmp_path)
    yield console
    console.close()

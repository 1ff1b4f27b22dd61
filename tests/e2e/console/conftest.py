"""One browser for all console tests; each test has its own tab."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from infra.local.stack import LocalStack
from infra.tools.browser import chromium
from tests.e2e.console.pages import Console
from tests.e2e.remote import Operate, RemoteShop, opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        # All tabs share a context, whose first page stays: a new window takes a second of CPU.
        browser.new_context().new_page()
        yield browser


@pytest.fixture(scope="session")
def vendor(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company with products, for tests that share one."""
    return opened(http, keys, "vendor", stocked=True)


@pytest.fixture(scope="session")
def seller(http: httpx.Client, keys: Operate) -> RemoteShop:
    """A company with products that places orders in the console."""
    return opened(http, keys, "seller", stocked=True)


@pytest.fixture
def console(browser: Browser, stack: LocalStack, tmp_path: Path) -> Iterator[Console]:
    """A new tab; the test fails if it reported an unexpected error."""
    console = Console(browser, stack["console_url"], folder=tmp_path)
    yield console
    console.close()

"""One browser for all tests of the console; each has a window and a company of its own."""

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
        yield browser


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

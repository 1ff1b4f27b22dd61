"""This machine's Chromium, for tests and screenshots of the console."""

import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from infra.local.steps import OpsError
from shared.access import ORDINARY_SCOPES

_SESSION = "sessionStorage.setItem('keywright-session', JSON.stringify({...%s, since: Date.now()}))"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium from CHROMIUM or the PATH; `make browser` installs it. Raises OpsError."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise OpsError(
            "Chromium not found. Install it with make browser, or set CHROMIUM=/path/to/chromium"
        )
    with sync_playwright() as playwright:
        # Chromium refuses to run as root with its sandbox; the pages are trusted.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def signed_in(
    key: str, company: str, scopes: Collection[str] = ORDINARY_SCOPES, *, name: str = ""
) -> str:
    """Return a script that signs in to the console before a page loads."""
    return _SESSION % json.dumps(
        {"key": key, "name": name, "company": company, "stage": "local", "scopes": sorted(scopes)}
    )

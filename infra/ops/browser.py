"""The machine's Chromium, in which the console is tested and has its pictures taken."""

import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from infra.ops.steps import OpsError
from shared.access import ORDINARY_SCOPES

_HELD = "sessionStorage.setItem('keywright-session', JSON.stringify({...%s, since: Date.now()}))"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running one; `make browser` installs it, and CHROMIUM says where else it is."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise OpsError("There is no Chromium. `make browser` installs it; or say CHROMIUM=/path")
    with sync_playwright() as playwright:
        # Root may not use Chromium's sandbox, and the pages are ours.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def signed_in(key: str, company: str, scopes: Collection[str] = ORDINARY_SCOPES) -> str:
    """A script for a page of the console to begin with, as of someone who has signed in."""
    return _HELD % json.dumps({"key": key, "company": company, "scopes": sorted(scopes)})

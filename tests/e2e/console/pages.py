"""Operate the console like a user."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect

from infra.stamp import ROOT
from infra.tools.browser import signed_in
from tests.e2e.remote import RemoteShop

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLORS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
WIDTHS = (320, 360, 768, 1280)
SIDEWAYS = """[...document.querySelectorAll(
        ":root, .scroll:not([aria-label^=First]), dialog > article"
    )].some(part => part.scrollWidth > part.clientWidth)"""
"""Only the preview of a file may scroll sideways: it has as many columns as the file."""

WATCH = """
    const shifts = [], send = fetch;
    const observer = new PerformanceObserver(list => shifts.push(...list.getEntries()));
    observer.observe({type: "layout-shift", buffered: true});
    window.watched = {pending: 0, shifts, observer};
    window.fetch = (...args) => {
        watched.pending += 1;
        return send(...args).finally(() => watched.pending -= 1);
    };
"""
MAX_SHIFT = 0.005
"""Allowed cumulative layout shift; up to 0.1 is rated good."""
LAYOUT_SHIFT = """async path => {
    const frame = () => new Promise(requestAnimationFrame);
    const {shifts, observer} = watched;
    if (path) [shifts.length, location.hash] = [0, path];
    for (let quiet = 0; quiet < 5; quiet += 1, await frame())
        if (watched.pending || document.querySelector(".loading")) quiet = 0;
    shifts.push(...observer.takeRecords());
    const counted = shifts.splice(0).filter(shift => !shift.hadRecentInput);
    return counted.reduce((sum, {value}) => sum + value, 0);
}"""
"""The sum of all shifts; cumulative layout shift only counts windows of 5 seconds."""

TIMEOUT = 40_000
"""Timeout in milliseconds, for a machine under load."""
expect.set_options(timeout=TIMEOUT)


class Console:
    """A tab of the browser, and the errors it reported."""

    def __init__(self, browser: Browser, url: str, *, folder: Path) -> None:
        """Write files to import into `folder`."""
        self.url = url
        self.folder = folder
        self.context = browser.contexts[0]
        self.page = self.context.new_page()
        self.page.set_viewport_size({"width": 1280, "height": 860})
        self.page.set_default_timeout(TIMEOUT)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._record)

    def _record(self, message: ConsoleMessage) -> None:
        """Record errors, except failed requests, which the page must handle."""
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def open(self, path: str = "") -> None:
        """Open a page."""
        self.page.goto(f"{self.url}#/{path}")
        self.page.wait_for_selector("h1")

    def visit(self, path: str, shop: RemoteShop) -> Page:
        """Open a page, signed in as the company."""
        self.page.add_init_script(signed_in(shop.key, shop.company))
        self.open(path)
        return self.page

    def sign_in(self, key: str) -> None:
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()

    def choose(self, name: str, data: bytes) -> None:
        """Choose a file to import."""
        path = self.folder / name
        path.write_bytes(data)
        self.page.set_input_files("#file", path)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def tab_to(self, wanted: Locator, *, back: bool = False) -> None:
        """Press Tab until an element has the focus."""
        expect(wanted).to_be_visible()
        for _ in range(60):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"Tab does not come to {wanted}")

    def slow(self, *, answers: int = 150, times: int = 3, upload: int = -1) -> None:
        """Delay each response by `answers` ms, and slow down the CPU by the factor `times`.

        `upload` limits the bytes per second that are sent; -1 is no limit.
        """
        network = {"offline": False, "downloadThroughput": -1, "uploadThroughput": upload}
        tools = self.context.new_cdp_session(self.page)
        tools.send("Network.emulateNetworkConditions", network | {"latency": answers})
        tools.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def watch_layout(self) -> None:
        """Record layout shifts from the next page load on."""
        self.page.add_init_script(WATCH)

    def layout_shift(self, path: str = "") -> float:
        """Return the layout shift since the last call, or while a page loads."""
        return float(self.page.evaluate(LAYOUT_SHIFT, path and f"#/{path}"))

    def hold(self, url: str) -> list[Route]:
        """Hold requests to a URL; the test continues them."""
        routes: list[Route] = []

        def hold(route: Route) -> None:
            routes.append(route)

        self.page.route(url, hold)
        return routes

    def see(self, text: str) -> None:
        """Wait until the page contains a text."""
        expect(self.page.locator("main")).to_contain_text(text)

    def violations(self, rules: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """Return axe's violations, ignoring errors of axe under the security policy.

        A table that is reloaded is pale; its contrast counts when it is shown again.
        """
        expect(self.page.locator("table[aria-busy=true]")).to_have_count(0)
        before = len(self.errors)
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        only = rules or {"type": "tag", "values": WCAG}
        found = self.page.evaluate(
            "runOnly => axe.run({runOnly, resultTypes: ['violations'], preload: false})", only
        )
        del self.errors[before:]
        return [
            {"rule": each["id"], "at": [node["html"][:200] for node in each["nodes"]]}
            for each in found["violations"]
        ]

    def faults(self) -> Iterator[str]:
        """Yield axe's violations in light and dark, and widths with sideways scrolling.

        In dark, only the colors are checked, because nothing else differs.
        """
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        yield from map(str, self.violations())
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        yield from (f"dark: {each}" for each in self.violations(COLORS))
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 860})
            if self.page.evaluate(SIDEWAYS):
                yield f"scrolls sideways at {width}"

    def close(self) -> None:
        self.context.set_offline(False)
        self.page.close()
        assert not self.errors, self.errors


def revoked_key(route: Route) -> None:
    """Send an unknown key to the API, as if the key had been revoked."""
    headers = route.request.headers | {"authorization": f"Api-Key {'x' * 8}.{'y' * 40}"}
    route.continue_(headers=headers)

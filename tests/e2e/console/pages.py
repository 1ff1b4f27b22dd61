"""The console as a person uses it."""

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
SIDEWAYS = """[...document.querySelectorAll(":root, .scroll:not([aria-label^=First])")]
    .some(part => part.scrollWidth > part.clientWidth)"""
"""Only the first rows of a file may be wider than the page: they have as many columns as it has."""

WATCH = """
    const shifts = [], ask = fetch;
    const observer = new PerformanceObserver(list => shifts.push(...list.getEntries()));
    observer.observe({type: "layout-shift", buffered: true});
    window.watched = {asked: 0, shifts, observer};
    window.fetch = (...what) => {
        watched.asked += 1;
        return ask(...what).finally(() => watched.asked -= 1);
    };
"""
STEADY = 0.005
"""Of cumulative layout shift, which is called good up to 0.1."""
MOVED = """async path => {
    const frame = () => new Promise(requestAnimationFrame);
    const {shifts, observer} = watched;
    if (path) [shifts.length, location.hash] = [0, path];
    for (let quiet = 0; quiet < 5; quiet += 1, await frame())
        if (watched.asked || document.querySelector(".loading")) quiet = 0;
    shifts.push(...observer.takeRecords());
    const counted = shifts.splice(0).filter(shift => !shift.hadRecentInput);
    return counted.reduce((sum, {value}) => sum + value, 0);
}"""
"""The sum is no less than what is called cumulative layout shift, which forgets after 5 seconds."""

PATIENCE = 40_000
"""Milliseconds, on a machine that does much else."""
expect.set_options(timeout=PATIENCE)


class Console:
    """A tab of the browser, and what went wrong in it; tabs share nothing but fetched files."""

    def __init__(self, browser: Browser, url: str, *, desk: Path) -> None:
        """`desk` is where its files lie that are chosen to be imported."""
        self.url = url
        self.desk = desk
        self.context = browser.contexts[0] if browser.contexts else browser.new_context()
        self.page = self.context.new_page()
        self.page.set_viewport_size({"width": 1280, "height": 860})
        self.page.set_default_timeout(PATIENCE)
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        """The browser tells of every refused request as an error; those the page must handle."""
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.wrong.append(message.text)

    def open(self, path: str = "") -> None:
        """A page."""
        self.page.goto(f"{self.url}#/{path}")
        self.page.wait_for_selector("h1")

    def visit(self, path: str, shop: RemoteShop) -> Page:
        """A page, as someone of the company who has signed in."""
        self.page.add_init_script(signed_in(shop.key, shop.company))
        self.open(path)
        return self.page

    def sign_in(self, key: str) -> None:
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()

    def choose(self, name: str, data: bytes) -> None:
        """Choose a file to import."""
        path = self.desk / name
        path.write_bytes(data)
        self.page.set_input_files("#file", path)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def tab_to(self, wanted: Locator, *, back: bool = False) -> None:
        """Press Tab until it is the one that has the focus."""
        expect(wanted).to_be_visible()
        for _ in range(60):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"Tab does not come to {wanted}")

    def slow(self, *, answers: int = 150, times: int = 3, upload: int = -1) -> None:
        """Let every answer take so many milliseconds more, and the page be slower by so much.

        And send no more than so many bytes in a second; -1 is no limit.
        """
        network = {"offline": False, "downloadThroughput": -1, "uploadThroughput": upload}
        tools = self.context.new_cdp_session(self.page)
        tools.send("Network.emulateNetworkConditions", network | {"latency": answers})
        tools.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def watch(self) -> None:
        """From the next page that is loaded on, see what moves by itself."""
        self.page.add_init_script(WATCH)

    def moved(self, path: str = "") -> float:
        """How much has moved since this was asked last, or while a page comes."""
        return float(self.page.evaluate(MOVED, path and f"#/{path}"))

    def hold(self, url: str) -> list[Route]:
        """What is asked at such an address from now on, and waits to be let through."""
        held: list[Route] = []

        def keep(route: Route) -> None:
            held.append(route)

        self.page.route(url, keep)
        return held

    def see(self, text: str) -> None:
        """Wait until a text is on the page, wherever."""
        expect(self.page.locator("main")).to_contain_text(text)

    def seen(self) -> str:
        return self.page.locator("main").inner_text()

    def violations(self, rules: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """What axe finds, by rule and place; what the page's policy refuses to axe is not told."""
        before = len(self.wrong)
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        only = rules or {"type": "tag", "values": WCAG}
        found = self.page.evaluate(
            "runOnly => axe.run({runOnly, resultTypes: ['violations'], preload: false})", only
        )
        del self.wrong[before:]
        return [
            {"rule": each["id"], "at": [node["html"][:200] for node in each["nodes"]]}
            for each in found["violations"]
        ]

    def faults(self) -> Iterator[str]:
        """What axe finds in light and in dark, and where the page or a table scrolls sideways.

        The two schemes differ in nothing but their colors.
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
        assert not self.wrong, self.wrong


def ended_key(route: Route) -> None:
    """The service is told a key that it does not know, as if this one had been revoked."""
    headers = route.request.headers | {"authorization": f"Api-Key {'x' * 8}.{'y' * 40}"}
    route.continue_(headers=headers)

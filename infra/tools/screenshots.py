"""Screenshots of every view of the console, at three widths, light and dark: `make screenshots`.

They show a separate company with a realistic catalog, orders and imports. Those of the
documentation are also written to docs/console/, as small WebP files.
"""

import base64
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect

from infra.cli.stages import LOCAL_STACK
from infra.client.client import Client
from infra.local.stack import LocalStack
from infra.local.steps import OpsError, console, step
from infra.stamp import ROOT
from infra.tools.browser import chromium, signed_in
from infra.tools.sample_shop import SampleShop
from infra.tools.views import DOCUMENTED, SIGN_IN, View, views
from shared.access import SCOPES

COMPANY = "pictures"
WIDTHS = (1280, 768, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 800
PATIENCE = 90_000
IN_DOCS = ROOT / "docs" / "console"
WEBP = """async png => {
    const image = await createImageBitmap(await (await fetch(png)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({type: "image/webp", quality: 0.7});
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""


def take(stack: LocalStack, key: str, folder: Path) -> None:
    """Write NAME-WIDTH-SCHEME.png for every view, and the documented ones to docs/console/."""
    with Client(stack["api_url"], key) as client, chromium() as browser:
        with step("Create sample records"):
            shop = SampleShop(client, folder)
        shown = [*views(client, shop)]
        for width, scheme in product(WIDTHS, SCHEMES):
            with step(f"Take screenshots {width} px wide, {scheme}") as report:
                context = browser.new_context(
                    viewport={"width": width, "height": HEIGHT},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                context.set_default_timeout(PATIENCE)
                page = context.new_page()
                for view in (SIGN_IN, *shown):
                    report(view.name)
                    open_view(page, stack["console_url"], view)
                    path = folder / f"{view.name}-{width}-{scheme}.png"
                    page.screenshot(path=path, full_page=True)
                    if view.name in DOCUMENTED and (width, scheme) == (1280, "light"):
                        small = to_webp(browser, page.screenshot())
                        (IN_DOCS / f"{view.name}.webp").write_bytes(small)
                    if view is SIGN_IN:
                        page.add_init_script(signed_in(key, COMPANY, SCOPES, name="pictures"))
                context.close()


def open_view(page: Page, url: str, view: View) -> None:
    """Open the page of a view, and bring it into the state that is shown."""
    page.goto("about:blank")
    page.goto(f"{url}#/{view.path}")
    settle(page)
    view.act(page)
    settle(page)
    page.evaluate("scrollTo(0, 0)")


def settle(page: Page) -> None:
    """Wait until the page has loaded its data."""
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".loading")).to_have_count(0, timeout=PATIENCE)


def to_webp(browser: Browser, png: bytes) -> bytes:
    """Convert a picture to WebP, which is a third of its size, by the browser's encoder."""
    with browser.new_page() as page:
        return base64.b64decode(
            page.evaluate(WEBP, f"data:image/png;base64,{base64.b64encode(png).decode()}")
        )


def main() -> None:
    """Take all screenshots on the local stack."""
    folder = ROOT / ".screenshots"
    folder.mkdir(exist_ok=True)
    try:
        stack = json.loads(LOCAL_STACK.read_text())
        create = ["-m", "infra.cli.main", "keys", "create", "--json", "--stage", "local"]
        scopes = ["--scopes", ",".join(sorted(SCOPES))]
        created = subprocess.run(
            [sys.executable, *create, "--company", COMPANY, "--name", "pictures", *scopes],
            stdout=subprocess.PIPE,
            check=True,
        )
        take(stack, json.loads(created.stdout)["api_key"], folder)
    except OpsError as error:
        sys.exit(f"\n{error}")
    console.print(f"The screenshots are in {folder}")


if __name__ == "__main__":
    main()

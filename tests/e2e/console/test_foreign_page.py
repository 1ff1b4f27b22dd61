"""A page of another port on this machine gets no access to the local stack."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from playwright.sync_api import Browser, Response

from infra.local.stack import LocalStack
from tests.e2e.remote import behind

STOLEN = "stolen-by-a-page-elsewhere"
PAGE = """<!doctype html><script>
const ask = (path, request) => fetch(AWS + path, request).then(
    async answer => [answer.type, answer.status, await answer.text()], () => ["blocked"]);
const image = path => new Promise(done => {
    const shown = new Image();
    shown.onload = shown.onerror = done;
    shown.src = AWS + path;
});
const attack = async () => [
    await ask("/", {method: "POST", headers: {"X-Amz-Target": "DynamoDB_20120810.ListTables"}}),
    await ask("/_ministack/health"),
    await ask(TOPIC, {mode: "no-cors"}),
    await image(TOPIC).then(() => ["shown"]),
];
</script>"""


@pytest.fixture
def elsewhere(stack: LocalStack) -> Iterator[str]:
    """The address of a page on another port of this machine."""
    names = {"AWS": stack["aws_endpoint_url"], "TOPIC": f"/?Action=CreateTopic&Name={STOLEN}"}
    constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in names.items())
    page = f"<script>{constants}</script>{PAGE}".encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_page_on_another_port_can_neither_read_nor_write(
    browser: Browser, stack: LocalStack, elsewhere: str
) -> None:
    statuses: set[int] = set()

    def record(answer: Response) -> None:
        if answer.url.startswith(stack["aws_endpoint_url"]):
            statuses.add(answer.status)

    with closing(browser.new_page()) as page:
        page.on("response", record)
        page.goto(elsewhere)
        outcomes = page.evaluate("attack()")

    assert outcomes == [["blocked"], ["blocked"], ["opaque", 0, ""], ["shown"]]
    assert statuses == {403}
    topics: Any = boto3.client("sns", **behind(stack)).list_topics()
    assert STOLEN not in json.dumps(topics["Topics"])

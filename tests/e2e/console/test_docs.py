"""The API documents: Swagger UI under the strict Content-Security-Policy, used as a person does."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from infra.local.stack import LocalStack
from tests.e2e.remote import RemoteShop

ORDER = '{"id": "%s", "items": [{"product_code": "kp", "licenses": [{}]}]}'


@pytest.fixture(scope="module")
def loaded(browser: Browser, stack: LocalStack) -> Iterator[tuple[Page, list[str]]]:
    """The page in a new browser, and what it did wrong: requests to another host, and errors.

    It is loaded once: showing all operations takes Chromium 10 seconds of CPU.
    """
    wrong: list[str] = []

    def request(url: str) -> None:
        if url.startswith("http") and not url.startswith(stack["api_url"]):
            wrong.append(url)

    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda sent: request(sent.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda message: wrong.append(message.text) if message.type == "error" else None,
        )
        page.goto(f"{stack['api_url']}/docs")
        yield page, wrong


@pytest.fixture
def docs(loaded: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page without a key; it must make no request to another host, and log no error."""
    page, wrong = loaded
    yield page
    if page.locator(".scheme-container .locked").count():
        forget_key(page)
    refused = "Failed to load resource"  # how Chromium logs an answer of 4xx
    found = [each for each in wrong if not each.startswith(refused)]
    wrong.clear()
    assert not found


def authorize(page: Page, key: str) -> None:
    page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_label("Value:").fill(key)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").click()


def forget_key(page: Page) -> None:
    page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_role("button", name="Remove authorization").click()
    expect(dialog.get_by_label("Value:")).to_have_value("")
    dialog.get_by_role("button", name="Close").click()


def operation(page: Page, name: str) -> Locator:
    """An operation, opened and ready to be tried."""
    block = page.locator(f"[id$='-{name}'].opblock")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def execute(block: Locator) -> dict[str, Any]:
    """Execute an operation and return the JSON that the API answers."""
    page = block.page
    with page.expect_response(lambda answer: "/api/v1/" in answer.url) as answered:
        block.get_by_role("button", name="Execute").click()
    status = str(answered.value.status)
    expect(block.locator(".live-responses-table .response-col_status").nth(1)).to_contain_text(
        status
    )
    body: dict[str, Any] = answered.value.json()
    return body


def test_try_it_out_places_an_order_behind_a_base_path(
    docs: Page, stack: LocalStack, vendor: RemoteShop
) -> None:
    assert urlsplit(stack["api_url"]).path.strip("/"), "this stack has no base path"
    authorize(docs, vendor.key)
    block = operation(docs, "create_order")
    block.locator("textarea.body-param__text").fill(ORDER % "docs-1")

    order = execute(block)

    (license_key,) = order["license_keys"]
    expect(block.locator(".live-responses-table")).to_contain_text(license_key)
    assert vendor.get("/orders/", "store_id=docs-1").json()["count"] == 1


def test_an_api_key_may_be_entered_with_its_scheme_and_without(
    docs: Page, vendor: RemoteShop
) -> None:
    block = operation(docs, "show_api_key")
    authorize(docs, f"Api-Key {vendor.key}")
    assert execute(block)["company"] == vendor.company
    forget_key(docs)

    authorize(docs, vendor.key)

    assert execute(block)["company"] == vendor.company


def test_without_a_key_the_answer_is_the_error_of_the_api(docs: Page) -> None:
    assert execute(operation(docs, "list_orders"))["code"] == "not_authenticated"


def test_a_file_is_uploaded_by_try_it_out(docs: Page, vendor: RemoteShop) -> None:
    authorize(docs, vendor.key)
    block = operation(docs, "import_customers")
    block.locator("input[type=file]").set_input_files(
        {"name": "docs.csv", "mimeType": "text/csv", "buffer": b"email\ndocs@x.test\n"}
    )

    number = execute(block)["job_id"]

    assert vendor.get(f"/imports/{number}/").json()["file_name"] == "docs.csv"


def test_the_type_of_an_error_links_to_its_explanation(docs: Page, vendor: RemoteShop) -> None:
    problem = vendor.get("/orders/1/").json()

    docs.goto("about:blank")
    docs.goto(problem["type"])

    row = docs.locator("tr:target")
    expect(row).to_contain_text(problem["code"])
    expect(row).to_be_in_viewport()

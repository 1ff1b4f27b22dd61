"""Uploads: progress, cancellation, and retries of parts."""

import re

from playwright.sync_api import Route, expect

from tests.e2e.console.pages import Console
from tests.e2e.remote import RemoteShop


def test_an_upload_can_be_cancelled_by_keyboard_before_the_import_is_created(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    console.visit("imports/customers/new", vendor)
    console.choose("stopped.csv", b"email\nstopped@m.test\n")
    routes = console.hold("**/api/v1/imports/")

    with page.expect_request("**/api/v1/imports/"):
        console.button("Import 1 row").press("Enter")
    expect(console.button("Cancel upload")).to_be_focused()

    page.keyboard.press("Enter")
    expect(console.button("Import 1 row")).to_be_focused()
    with page.expect_response("**/cancel/"):
        routes[0].continue_()

    [job] = vendor.get("/imports/", "kind=customers&status__iexact=error&limit=1").json()["results"]
    assert (job["file_name"], job["state"]) == ("stopped.csv", "cancelled")


def test_the_progress_bar_moves_during_an_upload(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    console.visit("imports/customers/new", vendor)
    console.choose("large.csv", b"email\n" + b"a@large.test\n" * 10_000)
    console.see("no errors found")
    console.slow(answers=0, times=1, upload=50_000)

    console.button("Import 10,000 rows").click()

    bar = page.get_by_role("progressbar", name="Uploading the file")
    expect(page.get_by_text(re.compile(r"^[1-9]\d? %$"))).to_be_visible()
    assert 0 < bar.evaluate("bar => bar.value") < 1
    console.slow(answers=0, times=1)
    expect(page.get_by_role("heading", level=1)).to_have_text("large.csv")
    [job] = vendor.get("/imports/", "kind=customers&limit=1").json()["results"]
    assert job["file_name"] == "large.csv"
    vendor.post(f"/imports/{job['id']}/cancel/", {})


PARTS = b"email,notes\n" + b"".join(b"p%d@parts.test,%s\n" % (n, b"x" * 60_000) for n in range(300))
"""18 MB: two parts."""


WHOLE = "100*1024**2"
"""The size above which a file is uploaded in parts, as in the bundle."""


def send_in_parts(console: Console, vendor: RemoteShop) -> None:
    """Choose a file, with a lower limit for multipart uploads."""

    def small(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        assert text.count(WHOLE) == 1
        route.fulfill(response=answer, body=text.replace(WHOLE, "1024"))

    console.page.route("**/later-*.js", small)
    console.visit("imports/customers/new", vendor)
    console.choose("parts.csv", PARTS)
    console.see("no errors found")


def test_each_part_of_a_multipart_upload_is_retried(console: Console, vendor: RemoteShop) -> None:
    page = console.page
    send_in_parts(console, vendor)
    refusals = [
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
        "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>",
    ]
    methods: list[str] = []

    def refuse(route: Route) -> None:
        methods.append(route.request.method)
        if route.request.method == "PUT" and refusals:
            route.fulfill(status=403 if len(refusals) == 2 else 503, body=refusals.pop(0))
        else:
            route.continue_()

    page.route("**/*uploadId=*", refuse)
    console.button("Import 300 rows").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("parts.csv")
    console.see("All 300 rows imported")
    assert methods == ["PUT", "PUT", "PUT", "PUT", "POST"]
    [job] = vendor.get("/imports/", "kind=customers&limit=1").json()["results"]
    assert (job["size"], job["counts"]["created_customers_count"]) == (len(PARTS), 300)


def test_an_error_in_a_200_response_of_s3_fails_the_upload(
    console: Console, vendor: RemoteShop
) -> None:
    page = console.page
    send_in_parts(console, vendor)
    error = "<Error><Code>InvalidPart</Code><Message>A part is missing</Message></Error>"

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=200, body=error)
        else:
            route.continue_()

    page.route("**/*uploadId=*", refuse)
    console.button("Import 300 rows").click()

    console.see("S3 responded with 200 InvalidPart: A part is missing")
    [job] = vendor.get("/imports/", "kind=customers&limit=1").json()["results"]
    assert job["state"] == "awaiting_upload"
    vendor.post(f"/imports/{job['id']}/cancel/", {})

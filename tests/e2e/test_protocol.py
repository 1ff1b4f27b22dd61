"""What every client relies on: keys, slashes, lists, and errors of one shape."""

from typing import Any

import httpx
import pytest

from tests.e2e.remote import Operate, RemoteShop, opened

ONE = [{"product_code": "kp", "licenses": [{}]}]
ORDERS = "/api/v1/orders/create_order/"
UNKNOWN = "zzzzzzzz." + "z" * 40
SHAPE = {"type", "title", "status", "code", "message", "detail", "errors", "request_id"}


def problem(response: httpx.Response) -> dict[str, Any]:
    """The body of a refusal, which always has the one shape."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem.keys() == SHAPE
    assert problem["status"] == response.status_code
    assert isinstance(problem["message"], str)
    assert problem["message"] == problem["detail"] != ""
    return problem


def test_without_credentials_the_answer_is_the_published_one(http: httpx.Client) -> None:
    refused = problem(http.post(ORDERS, json={}))

    assert refused["status"] == 403
    assert refused["detail"] == "Authentication credentials were not provided."


@pytest.mark.parametrize(
    "given", ["Bearer {key}", "Api-Key {prefix}." + "x" * 40, f"Api-Key {UNKNOWN}", "Api-Key x", ""]
)
def test_wrong_credentials_are_refused(shop: RemoteShop, http: httpx.Client, given: str) -> None:
    header = given.format(key=shop.key, prefix=shop.key.partition(".")[0])

    refused = problem(http.get("/api/v1/products/", headers={"Authorization": header}))

    assert refused["status"] == 403


def test_an_order_is_answered_the_same_with_and_without_its_slash(shop: RemoteShop) -> None:
    bare = shop.post("/orders/create_order", {"id": "slash", "items": ONE})
    slashed = shop.post("/orders/create_order/", {"id": "slash", "items": ONE})

    assert bare.status == slashed.status == 200, bare.text
    assert bare.json() == slashed.json()


def test_a_list_has_the_published_shape_and_its_links_lead_on(
    http: httpx.Client, keys: Operate
) -> None:
    """`next` is followed as it is, from the first page to the end."""
    shop = opened(http, keys, "paging")
    made = {shop.make("/customers/", email=f"c{n}@paging.test")["id"] for n in range(23)}

    page = shop.get("/customers/").json()
    pages = [page]
    while page["next"]:
        headers = {"Authorization": f"Api-Key {shop.key}"}
        page = http.get(page["next"], headers=headers).json()
        pages.append(page)

    assert pages[0].keys() == {"count", "limit", "next", "previous", "cursor", "results"}
    assert [len(page["results"]) for page in pages] == [20, len(made) - 20]
    assert {each["id"] for page in pages for each in page["results"]} == made
    assert all(page["count"] == len(made) for page in pages)
    back = http.get(pages[1]["previous"], headers={"Authorization": f"Api-Key {shop.key}"})
    assert back.json()["results"] == pages[0]["results"]


def test_limit_and_offset_choose_a_part_of_a_list(shop: RemoteShop) -> None:
    whole = shop.get("/products/").json()["results"]

    page = shop.get("/products/", "limit=1&offset=1").json()

    assert page["results"] == [whole[1]]
    assert page["previous"] is not None


def test_a_page_says_the_limit_that_it_has(shop: RemoteShop) -> None:
    page = shop.get("/licenses/", "limit=1000")

    assert (page.status, page.json()["limit"]) == (200, 100)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", ORDERS, "{", 400, "invalid_json"),
        ("POST", ORDERS, "", 400, "invalid_json"),
        ("POST", ORDERS, b"\xff\xfe{}", 400, "invalid_json"),
        ("POST", ORDERS, '{"id": "\\ud800", "items": []}', 400, "invalid_json"),
        ("POST", ORDERS, '{"id": NaN}', 400, "invalid_json"),
        ("POST", ORDERS, '{"id": "a", "id": "b"}', 400, "invalid_json"),
        ("POST", ORDERS, "[" * 100_000, 400, "invalid_json"),
        ("POST", ORDERS, "[]", 400, "validation_error"),
        ("POST", ORDERS, '{"items": [], "colour": 1}', 400, "validation_error"),
        ("POST", ORDERS, '{"id": "' + "x" * 1_100_000 + '"}', 413, "body_too_large"),
        ("GET", "/api/v1/licenses/?colour=red", None, 400, "validation_error"),
        ("GET", "/api/v1/licenses/?offset=10001", None, 400, "validation_error"),
        ("GET", "/api/v1/orders/none/", None, 404, "not_found"),
        ("GET", "/api/v1/orders/1234567890123456/", None, 404, "not_found"),
        ("GET", "/api/v1/orders/" + "9" * 39, None, 404, "not_found"),
        ("GET", "/api/v1/nowhere/", None, 404, "not_found"),
        ("GET", "/nowhere", None, 404, "not_found"),
        ("PUT", ORDERS, "{}", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/orders/", None, 405, "method_not_allowed"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_done_is_refused_in_the_one_shape(
    shop: RemoteShop,
    http: httpx.Client,
    method: str,
    path: str,
    body: str | bytes | None,
    status: int,
    code: str,
) -> None:
    headers = {"Authorization": f"Api-Key {shop.key}", "Content-Type": "application/json"}

    response = http.request(method, path, content=body, headers=headers)

    refused = problem(response)
    assert (response.status_code, refused["code"]) == (status, code)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream"])
def test_a_body_is_read_as_json_whatever_it_is_called(shop: RemoteShop, content_type: str) -> None:
    body = b'\xef\xbb\xbf{"items": [{"product_code": "kp", "licenses": [{"note": "\xc3\xa9"}]}]}'

    answer = shop.post("/orders/create_order/", body, headers={"Content-Type": content_type}).ok()

    assert answer["order_items"][0]["licenses"][0]["note"] == "é"


def test_a_key_opens_what_its_scopes_say(shop: RemoteShop, keys: Operate) -> None:
    made = keys("create", "--company", shop.company, "--scopes", "records:read")
    reader = RemoteShop(shop.company, made["api_key"], shop.http)

    refused = reader.order(items=ONE)

    assert reader.get("/orders/").status == 200
    assert (refused.status, refused.json()["code"]) == (403, "permission_denied")
    assert "orders:write" in refused.json()["message"]


def test_a_revoked_key_opens_nothing(shop: RemoteShop, keys: Operate) -> None:
    """The function that served it may remember it for a minute; no other one may learn it."""
    made = keys("create", "--company", shop.company)
    revoked = RemoteShop(shop.company, made["api_key"], shop.http)
    assert revoked.get("/products/").status == 200

    keys("revoke", made["prefix"])

    assert revoked.get("/orders/").json()["code"] == "invalid_api_key"
    assert revoked.order(items=ONE).json()["code"] == "invalid_api_key"
    states = {key["prefix"]: key["state"] for key in keys("list", "--company", shop.company)}
    assert states[made["prefix"]] == "revoked"
    assert states[shop.key.partition(".")[0]] == "live"

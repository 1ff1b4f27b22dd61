"""Orders on a deployed stack: their licenses are in DynamoDB, completely and once."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.remote import RemoteShop, Tables
from tests.http_event import Reply

ONE = [{"product_code": "kp", "licenses": [{}]}]
KINDS: dict[str, dict[str, Any]] = {
    "key-based": {
        "items": [{"product_code": "kp", "licenses": [{"policy_code": "policy_A"}, {}]}],
        "customer": {"email": "ana@acme.example", "company_name": "Acme"},
        "metadata": '{ "po": "4711" }',
    },
    "user-based": {
        "items": [
            {"product_code": "up", "licenses": [{"users": [{"email": "u1@x.test"}]}]},
        ],
    },
    "consumption": {
        "items": [
            {
                "product_code": "cp",
                "licenses": [{"allow_overages": True, "max_overages": 5}],
            }
        ],
    },
    "trial": {
        "items": [{"product_code": "kp", "licenses": [{"is_trial": True, "trial_days": 14}]}],
    },
    "bundle": {
        "is_bundle": True,
        "items": [
            {
                "product_code": "bnd",
                "licenses": [
                    {"product_code": "p1", "policy_code": "std"},
                    {"product_code": "p2", "policy_code": "pro"},
                ],
            }
        ],
    },
}


def at_once(count: int, act: Callable[[int], Reply]) -> list[Reply]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def licenses_of(answer: Any) -> list[dict[str, Any]]:
    return [lic for item in answer["order_items"] for lic in item["licenses"]]


def numbers(value: Any) -> Iterator[int]:
    match value:
        case dict():
            yield from (number for part in value.values() for number in numbers(part))
        case list():
            yield from (number for part in value for number in numbers(part))
        case int():
            yield value


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_issues_licenses_that_are_in_the_table(
    shop: RemoteShop, tables: Tables, kind: str
) -> None:
    answer = shop.order(id=f"kind-{kind}", **KINDS[kind]).ok()
    issued = licenses_of(answer)
    assert issued
    for shown in issued:
        stored = tables.license(shop.company, shown["id"])
        assert stored.get("license_key") == shown["license_key"]
        assert stored["license_type"] == shown["license_type"]
        assert stored["order_store_id"] == f"kind-{kind}"
    assert shop.get(f"/orders/{answer['id']}/").json()["store_id"] == f"kind-{kind}"
    assert max(numbers(answer)) < 2**53


def test_twenty_equal_requests_at_once_are_one_order_and_twenty_equal_answers(
    shop: RemoteShop, tables: Tables
) -> None:
    items = [{"product_code": "up", "licenses": [{"users": [{"email": "twenty@x.test"}]}]}, *ONE]

    replies = at_once(20, lambda _: shop.order(id="twenty", items=items))

    assert Counter(reply.status for reply in replies) == {200: 20}
    assert [without_passwords(reply) for reply in replies] == [without_passwords(replies[0])] * 20
    new = [reply for reply in replies if "idempotent-replayed" not in reply.headers]
    assert [len(reply.json()["new_passwords"]) for reply in new] == [1]
    stored = [lic for lic in tables.rows("licenses", shop.company) if named(lic, "twenty")]
    assert sorted(lic["id"] for lic in stored) == sorted(
        lic["id"] for lic in licenses_of(replies[0].json())
    )


def test_of_twenty_orders_at_once_for_one_key_one_wins(shop: RemoteShop, tables: Tables) -> None:
    licenses: list[dict[str, Any]] = [{"key": "ONLY-ONE"}, {}]
    items = [{"product_code": "kp", "licenses": licenses}]

    replies = at_once(20, lambda n: shop.order(id=f"rival-{n}", items=items))

    assert Counter(reply.status for reply in replies) == {200: 1, 409: 19}
    codes = {reply.json()["code"] for reply in replies if reply.status == 409}
    assert codes == {"license_key_exists"}
    orders = [row for row in tables.rows("orders", shop.company) if named(row, "rival-")]
    stored = [lic for lic in tables.rows("licenses", shop.company) if named(lic, "rival-")]
    (winner,) = (reply.json() for reply in replies if reply.status == 200)
    assert [row["id"] for row in orders] == [winner["id"]]
    assert {lic["id"] for lic in stored} == {lic["id"] for lic in licenses_of(winner)}


def test_a_thousand_licenses_become_visible_at_once(shop: RemoteShop, tables: Tables) -> None:
    items = [{"product_code": "kp", "licenses": [{}] * 1000}]
    with ThreadPoolExecutor(1) as pool:
        placing = pool.submit(shop.order, id="thousand", items=items)
        seen = []
        while not placing.done():
            seen.append(shop.get("/licenses/", "order_store_id=thousand&limit=1").json()["count"])
            time.sleep(0.1)
        reply = placing.result()

    assert reply.status == 200, reply.text
    keys = set(reply.json()["license_keys"])
    assert len(keys) == 1000
    assert set(seen) <= {0, 1000}
    assert 0 in seen
    listed = shop.get("/licenses/", "order_store_id=thousand&limit=1").json()
    assert listed["count"] == 1000
    stored = [lic for lic in tables.rows("licenses", shop.company) if named(lic, "thousand")]
    assert {lic["license_key"] for lic in stored} == keys
    assert shop.order(id="thousand", items=items).json() == reply.json()


def test_two_companies_with_the_same_ids_and_keys_never_meet(
    shop: RemoteShop, other_shop: RemoteShop
) -> None:
    items = [{"product_code": "kp", "licenses": [{"key": "SAME-KEY"}]}]
    customer = {"email": "same@x.test"}
    ours = shop.order(id="same", items=items, customer=customer).json()

    theirs = other_shop.order(id="same", items=items, customer=customer).json()

    assert theirs["license_keys"] == ours["license_keys"] == ["SAME-KEY"]
    assert not set(ids(ours)) & set(ids(theirs))
    (license,) = licenses_of(ours)
    product = license["product"]["id"]
    for method, path in (
        ("GET", f"/orders/{ours['id']}/"),
        ("GET", f"/orders/{ours['id']}/export/"),
        ("GET", f"/licenses/{license['id']}/"),
        ("POST", f"/licenses/{license['id']}/disable/"),
        ("GET", f"/customers/{ours['customer']['id']}/"),
        ("PATCH", f"/customers/{ours['customer']['id']}/"),
        ("GET", f"/products/{product}/"),
        ("PATCH", f"/products/{product}/"),
        ("GET", f"/license-templates/{license['license_template']}/"),
    ):
        body: dict[str, Any] | None = {} if method == "PATCH" else None
        assert other_shop.send(method, path, body=body).status == 404, path
    for query in ("", "order_store_id=same", "license_key=SAME-KEY", "customer_email=same@x.test"):
        listed = other_shop.get("/licenses/", query).json()["results"]
        assert license["id"] not in [lic["id"] for lic in listed]
    assert shop.get(f"/licenses/{license['id']}/").json()["enabled"] is True


def test_a_client_that_lost_the_answer_asks_again_and_gets_it(
    shop: RemoteShop, tables: Tables
) -> None:
    """The connection is gone before the answer comes; whether the order is placed is unknown."""
    body = '{"id": "lost", "items": [{"product_code": "kp", "licenses": [{}]}]}'
    url = urlsplit(f"{shop.http.base_url}api/v1/orders/create_order/")
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Api-Key {shop.key}"
    with socket.create_connection((str(url.hostname), url.port or 80)) as line:
        line.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    replies = [shop.post("/orders/create_order/", body) for _ in range(2)]

    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].json() == replies[1].json()
    stored = [lic for lic in tables.rows("licenses", shop.company) if named(lic, "lost")]
    assert len(stored) == 1


def named(row: dict[str, Any], store_id: str) -> bool:
    """Whether a stored order, license or part of one is of the orders whose ids begin so."""
    name: str = row.get("order_store_id") or row.get("store_id") or ""
    return name.startswith(store_id)


def without_passwords(reply: Reply) -> Any:
    answer = reply.json()
    users = [
        *answer["license_users"],
        *(s for lic in licenses_of(answer) for s in lic["license_users"]),
    ]
    users += [lic["license_user"] for lic in licenses_of(answer) if lic["license_user"]]
    for user in users:
        user["initial_password"] = None
    return answer | {"new_passwords": []}


def ids(answer: dict[str, Any]) -> list[int]:
    """The ids of an order, its customer and its licenses."""
    return [answer["id"], answer["customer"]["id"], *(lic["id"] for lic in licenses_of(answer))]

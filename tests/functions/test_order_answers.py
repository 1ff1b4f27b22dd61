"""Responses to orders contain everything that was issued, within Lambda's limit."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import create_order, order_answers
from functions.web import api
from functions.web.request import MAX_BODY
from functions.web.response_size import MOST_BYTES
from shared.catalog_changes import NewProduct, new_product
from shared.contract.records import Related, placed_order_view
from shared.licenses import License
from shared.orders import Order, OrderItem, first_licenses
from shared.store import dynamo
from shared.values import record_id
from tests.functions import sample_api
from tests.functions.shop import Shop
from tests.http_event import http_event, send
from tests.wiretap import tapped

ROW, ROWS = 5_000, 6


def order_of(count: int, **more: Any) -> dict[str, Any]:
    return {"id": "o-1", "items": [{"product_code": "kp", "licenses": [{}] * count}], **more}


def licenses_of(order: Any) -> list[Any]:
    return [lic for item in order["order_items"] for lic in item["licenses"]]


@pytest.mark.parametrize(
    "name", ["許可証" * 28, '"' * 250, "x" * 250], ids=["CJK", "quoted", "plain"]
)
def test_an_order_of_a_thousand_long_names_answers_with_all_that_it_issued(name: str) -> None:
    now = datetime.now(UTC)
    named = {"order_id": 1, "order_item_id": 1, "order_store_id": name[:200]}
    sold = {"product_id": 1, "product_code": name[:100], "policy_id": 1, "policy_code": "std"}
    issued = [
        License(
            id=10**15 + n,
            license_key=f"{n:04}{name}",
            license_type="perpetual",
            note="許可証" * 300,
            created_at=now,
            updated_at=now,
            **named,
            **sold,
        )
        for n in range(1000)
    ]
    item = OrderItem(id=1, product_id=1, product_code="kp", license_ids=[lic.id for lic in issued])
    order = Order(id=1, store_id=name[:200], items=(item,), created_at=now, updated_at=now)
    product = new_product("acme", NewProduct(product_name="P", short_code="p"), {}, now=now)
    related = Related("acme", "https://api.test", now.date(), {1: product}, {}, {})

    answer = order_answers.answer_that_fits(
        lambda most: placed_order_view(first_licenses(order, most), related, issued),
        issued,
        related,
    )

    assert isinstance(answer.body, str)
    shown = json.loads(answer.body)
    assert len(json.dumps(answer.body, ensure_ascii=False).encode()) <= MOST_BYTES
    assert shown["license_keys"] == [lic.license_key for lic in issued]
    assert len(shown["order_licenses"]) == shown["licenses_count"] == 1000
    assert len(licenses_of(shown)) == (250 if name.startswith('"') else 1000)


def test_an_order_is_shown_in_brief_where_it_would_not_fit_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_answers, "PAGE_BYTES", 12_000)

    placed = shop.order(**order_of(12)).json()
    shown = shop.get(f"/orders/{placed['id']}/").json()

    for order in (placed, shown):
        assert len(licenses_of(order)) == 12
        assert {*licenses_of(order)[0]} == {
            "id", "order", "order_store_id", "license_key", "product_code"
        }  # fmt: skip


def test_an_order_shows_fewer_licenses_where_not_even_brief_ones_fit(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_answers, "PAGE_BYTES", 6_000)

    placed = shop.order(**order_of(12)).json()
    shown = shop.get(f"/orders/{placed['id']}/").json()

    assert len(placed["license_keys"]) == placed["licenses_count"] == 12
    assert (len(licenses_of(shown)), shown["licenses_count"]) == (12, 12)
    assert len(licenses_of(placed)) < 12


def test_an_order_whose_keys_do_not_fit_an_answer_is_refused_and_not_placed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_order, "PAGE_BYTES", 20_000)

    reply = shop.order(**order_of(201))

    assert (reply.status, reply.json()["code"]) == (400, "order_too_large")
    assert "place it as several" in reply.json()["message"]
    assert shop.get("/orders/").json()["count"] == 0
    assert shop.get("/licenses/").json()["count"] == 0


@pytest.fixture
def grown(shop: Shop) -> Shop:
    """The order o-1 has 30,001 licenses, most of them from an import."""
    placed = shop.order(**order_of(1)).json()
    for n in range(ROWS):
        part = f"rows#1#{n * ROW:010}"
        ids = [record_id("acme", "license", part, at) for at in range(ROW)]
        item = {"id": 1, "product_id": 1, "product_code": "kp", "license_ids": ids}
        row = {"pk": f"acme#{placed['id']}", "sk": part, "id": placed["id"], "part": part}
        times = {"created_at": placed["created_at"], "updated_at": placed["created_at"]}
        dynamo.client().put_item(
            TableName=dynamo.table("ORDERS_TABLE"),
            Item=dynamo.to_item({**row, "store_id": "o-1", "items": [item], **times}),
        )
    return shop


def test_an_append_reads_and_answers_what_was_appended_alone(grown: Shop) -> None:
    sent = {"headers": {"Idempotency-Key": "k"}}
    body = order_of(2, append=True)

    with tapped() as tap:
        first = grown.post("/orders/create_order/", body, **sent)
    with tapped() as tap_again:
        again = grown.post("/orders/create_order/", body, **sent)

    assert [name for name, _ in tap.calls] == ["BatchGetItem", "TransactWriteItems"]
    assert [name for name, _ in tap_again.calls] == ["BatchGetItem", "BatchGetItem"]
    order = first.json()
    assert again.json() == order
    assert len(licenses_of(order)) == len(order["license_keys"]) == order["licenses_count"] == 2
    assert len(first.text) < 10_000


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", None, "ask for fewer records"),
        ("POST", {"parts": [{"name": "lid"}]}, "it was carried out"),
    ],
)
def test_what_no_route_has_bounded_is_refused_in_our_words(
    api_key: str, monkeypatch: pytest.MonkeyPatch, method: str, body: Any, expected: str
) -> None:
    monkeypatch.setattr(api, "MOST_BYTES", 10)

    reply = send(sample_api.handler, method, "/api/v1/things/", body=body, key=api_key)

    assert (reply.status, reply.json()["code"]) == (413, "answer_too_large")
    assert expected in reply.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"items": [{f"{n:05}": 1 for n in range(60_000)}]},
        {"x" * 1_000_000: 1},
        {'"' * 400_000: 1},
        {"items": [{"product_code": "kp", "licenses": [{'"' * 400: 1} for _ in range(1000)]}]},
    ],
    ids=["many faults", "a long name", "a name to escape", "many long names"],
)
def test_a_refusal_fits_however_much_is_wrong(shop: Shop, body: Any) -> None:
    text = json.dumps(body)
    assert len(text) < MAX_BODY
    event = http_event("POST", "/api/v1/orders/create_order/", body=text, key=shop.key)

    answer = create_order.api.answer(event, None)  # type: ignore[arg-type]  # it is not looked at

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (400, "validation_error")
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= MOST_BYTES
    assert len(problem["errors"]) <= 501

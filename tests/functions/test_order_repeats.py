"""Retried orders are replayed, refused or appended to."""

import json
from typing import Any

import pytest

from tests.functions.shop import Shop, fault_codes

ITEMS = [{"product_code": "kp", "licenses": [{}]}]


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


def without_passwords(answer: Any) -> Any:
    """An order's answer as a replay may tell it."""
    if isinstance(answer, list):
        return [without_passwords(part) for part in answer]
    if isinstance(answer, dict):
        hidden: dict[str, Any] = {"initial_password": None, "new_passwords": []}
        return {name: hidden.get(name, without_passwords(part)) for name, part in answer.items()}
    return answer


def test_the_same_order_again_is_answered_again_and_made_once(shop: Shop) -> None:
    order = {"id": "o-1", "customer": {"email": "c@x.test"}, "items": ITEMS}

    first, second = shop.order(**order), shop.order(**order)

    assert "idempotent-replayed" not in first.headers
    assert (second.status, second.headers["idempotent-replayed"]) == (200, "true")
    assert second.json() == first.json()
    assert shop.get("/licenses/").json()["count"] == 1


def test_a_replay_shows_no_password_again(shop: Shop) -> None:
    users = [{"email": "u1@x.test"}, {"email": "u2@x.test", "is_manager": True}]
    order = {"id": "o-1", "items": [{"product_code": "up", "licenses": [{"users": users}]}]}

    first, second = shop.order(**order), shop.order(**order)

    assert len(first.json()["new_passwords"]) == 2
    assert second.json() == without_passwords(first.json())
    assert second.json()["new_passwords"] == []


def test_another_body_under_the_same_id_is_refused_with_what_differs(shop: Shop) -> None:
    shop.order(id="o-1", reference="r", metadata={"po": "1"}, items=ITEMS)

    reply = shop.order(
        id="o-1",
        metadata={"po": "2"},
        items=[{"product_code": "kp", "licenses": [{"max_activations": 2}]}],
    )

    problem = reply.json()
    assert (reply.status, problem["code"]) == (409, "order_id_exists")
    assert problem["message"] == "Order with this ID already exists"
    assert fault_codes(problem) == {
        "/reference": "differs",
        "/metadata/po": "differs",
        "/items/0/licenses/0/max_activations": "differs",
    }


@pytest.mark.parametrize(("first", "second"), [(1, True), (0, False), ([True], [1])])
def test_true_and_1_differ(shop: Shop, first: Any, second: Any) -> None:
    shop.order(id="o-1", metadata={"a": first}, items=ITEMS)

    problem = shop.order(id="o-1", metadata={"a": second}, items=ITEMS).refused(409)

    assert list(fault_codes(problem).values()) == ["differs"]


def test_another_number_of_licenses_differs_as_a_whole(shop: Shop) -> None:
    shop.order(id="o-1", items=ITEMS)

    reply = shop.order(id="o-1", items=[{"product_code": "kp", "licenses": [{}, {}]}])

    assert fault_codes(reply.json()) == {"/items/0/licenses": "differs"}


def test_a_refused_repetition_changes_nothing(shop: Shop) -> None:
    first = shop.order(id="o-1", items=ITEMS).json()
    before = shop.get(f"/orders/{first['id']}/").text

    shop.order(id="o-1", customer={"email": "c@x.test"}, items=[*ITEMS, *ITEMS])

    assert shop.get(f"/orders/{first['id']}/").text == before
    assert shop.get("/customers/").json()["count"] == 0
    assert shop.get("/licenses/").json()["count"] == 1


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"metadata": '{ "a": 1, "b": 2 }'}, {"metadata": {"b": 2, "a": 1}}),
        ({"customer": {"email": "C@X.test"}}, {"customer": {"email": " c@x.test"}}),
        (
            {"customer": {"email": "c@x.test", "company": "Acme"}},
            {"customer": {"company_name": "Acme", "email": "c@x.test"}},
        ),
        (
            {"customer": {"email": "c@x.test"}},
            {"customer": {"email": "c@x.test", "id": 7}},
        ),
        ({"created": "2021-08-24 07:22:27"}, {"created": "2021-08-24T09:22:27+02:00"}),
        ({"is_trial": "true"}, {"is_trial": True}),
        ({"is_trial": 1, "is_test": "false"}, {"is_trial": True}),
        ({"prevent_vm": None, "reference": "", "customer": {}}, {"metadata": {}}),
        ({"customer": {"email": "c@x.test", "is_manager": 0}}, {"customer": {"email": "c@x.test"}}),
        ({"metadata": "", "created": "", "order_type": ""}, {"customer": None}),
    ],
)
def test_orders_that_mean_the_same_are_the_same(
    shop: Shop, sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    shop.order(id="o-1", items=ITEMS, **sent)

    reply = shop.order(id="o-1", items=ITEMS, **meant)

    assert reply.headers.get("idempotent-replayed") == "true", reply.text


@pytest.mark.parametrize(
    ("product", "sent", "meant"),
    [
        ("kp", {"license_template_code": "policy_A"}, {"policy_code": "policy_A"}),
        ("kp", {"key": " K-1"}, {"key": "K-1"}),
        ("up", {"user": {"email": "U@x.test"}}, {"users": [{"email": "u@x.test"}]}),
        ("up", {"users": {"email": "u@x.test"}}, {"users": [{"email": "u@x.test"}]}),
        ("cp", {"consumption_period": "week"}, {"consumption_period": "weekly"}),
        (
            "kp",
            {"enable_maintenance_duration": True},
            {"enable_maintenance_period": True},
        ),
        ("kp", {"validity_period": "2030-01-1"}, {"validity_period": "2030-01-01 00:00:00"}),
        ("kp", {"is_trial": "false"}, {"is_trial": False}),
        ("kp", {"is_floating": "true", "is_trial": 0}, {"is_floating": 1}),
        ("kp", {"can_borrow": None, "max_activations": None, "note": ""}, {"metadata": {}}),
        ("kp", {"custom_fields": [], "users": None, "key": ""}, {}),
        (
            "kp",
            {"custom_fields": [{"name": "a", "value": None}]},
            {"custom_fields": [{"name": "a"}]},
        ),
        (
            "kp",
            {"product_features": [{"code": "f1", "metadata": {}, "allow_overages": None}]},
            {"product_features": [{"code": "f1"}]},
        ),
        (
            "kp",
            {"license_type": "time-limited", "valid_duration": "2w"},
            {"license_type": "time-limited", "valid_duration": "14d"},
        ),
    ],
)
def test_licenses_that_mean_the_same_are_the_same(
    shop: Shop, product: str, sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    shop.order(id="o-1", items=[{"product_code": product, "licenses": [sent]}])

    reply = shop.order(id="o-1", items=[{"product_code": product, "licenses": [meant]}])

    assert reply.headers.get("idempotent-replayed") == "true", reply.text


@pytest.mark.parametrize(
    ("stored", "sent", "place"),
    [
        ({"metadata": {"a": 1}}, {"metadata": {"a": True}}, "/metadata/a"),
        ({"metadata": {"a": ""}}, {"metadata": {"a": None}}, "/metadata/a"),
        ({"metadata": {"a": []}}, {"metadata": {"a": {}}}, "/metadata/a"),
        ({"metadata": {"a": [0]}}, {"metadata": {"a": [False]}}, "/metadata/a/0"),
    ],
)
def test_what_python_would_take_for_equal_is_named(
    shop: Shop, stored: dict[str, Any], sent: dict[str, Any], place: str
) -> None:
    shop.order(id="o-1", items=ITEMS, **stored)

    reply = shop.order(id="o-1", items=ITEMS, **sent)

    assert (reply.status, fault_codes(reply.json())) == (409, {place: "differs"})


def test_the_order_of_names_and_spaces_in_a_body_mean_nothing(shop: Shop) -> None:
    body = {"id": "o-1", "reference": "r", "items": ITEMS}
    shop.post("/orders/create_order/", json.dumps(body))

    turned = json.dumps(dict(reversed(body.items())), indent=4)
    reply = shop.post("/orders/create_order/", turned)

    assert reply.headers.get("idempotent-replayed") == "true", reply.text


def test_a_replay_is_answered_after_the_product_was_archived(shop: Shop) -> None:
    first = shop.order(id="o-1", items=ITEMS)
    (product,) = shop.get("/products/", "short_code=kp").json()["results"]
    shop.patch(f"/products/{product['id']}/", {"is_archived": True})

    body = shop.order(id="o-1", items=ITEMS).ok()

    assert body == first.json()


def licenses_of(order: Any) -> list[Any]:
    return [lic for item in order["order_items"] for lic in item["licenses"]]


def test_where_duplicates_are_strict_the_same_order_again_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRICT_DUPLICATE_ORDERS", "true")

    first, second = (shop.order(id="o-1", items=ITEMS) for _ in range(2))

    assert first.status == 200
    assert (second.status, second.json()["code"]) == (409, "order_id_exists")
    assert fault_codes(second.json()) == {"/id": "order_id_exists"}
    assert shop.get("/licenses/").json()["count"] == 1


@pytest.mark.parametrize("order", [{}, {"id": "o-1", "append": True}])
def test_a_repeated_idempotency_key_is_answered_again_where_duplicates_are_strict(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, order: dict[str, Any]
) -> None:
    monkeypatch.setenv("STRICT_DUPLICATE_ORDERS", "true")
    body = {"items": ITEMS, **order}

    first, second = (shop.post("/orders/create_order/", body, **keyed("k")) for _ in range(2))

    assert second.status == 200, second.text
    assert second.json() == first.json()


def test_what_is_appended_is_answered_by_itself_and_added_to_the_order(shop: Shop) -> None:
    first = shop.order(id="o-1", items=ITEMS, metadata={"po": "4711"}).json()

    second = shop.order(id="o-1", append=True, items=ITEMS)

    answer = second.json()
    shown = shop.get(f"/orders/{first['id']}/").json()
    assert second.status == 200
    assert answer["order_id"] == first["order_id"]
    assert answer["metadata"] == {"po": "4711"}
    assert (len(answer["order_items"]), len(answer["license_keys"])) == (1, 1)
    assert answer["licenses_count"] == 1
    assert answer["licenses_url"] == first["licenses_url"] == shown["licenses_url"]
    assert licenses_of(shown) == licenses_of(first) + licenses_of(answer)
    assert shown["licenses_count"] == 2


def test_what_is_appended_does_not_change_the_answer_to_the_order(shop: Shop) -> None:
    first = shop.order(id="o-1", items=ITEMS).json()

    shop.order(id="o-1", append=True, items=ITEMS)

    assert shop.order(id="o-1", items=ITEMS).json() == first


def test_without_an_idempotency_key_it_is_appended_each_time(shop: Shop) -> None:
    shop.order(id="o-1", items=ITEMS)

    shop.order(id="o-1", append=True, items=ITEMS)
    answer = shop.order(id="o-1", append=True, items=ITEMS).json()

    shown = shop.get(f"/orders/{answer['id']}/").json()
    assert len({item["id"] for item in shown["order_items"]}) == 3
    assert shop.get("/licenses/").json()["count"] == 3


def test_with_an_idempotency_key_it_is_appended_once(shop: Shop) -> None:
    shop.order(id="o-1", items=ITEMS)
    body = {"id": "o-1", "append": True, "items": ITEMS}

    first, second = (shop.post("/orders/create_order/", body, **keyed("k")) for _ in range(2))

    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json()
    shown = shop.get(f"/orders/{first.json()['id']}/").json()
    assert (len(second.json()["order_items"]), len(shown["order_items"])) == (1, 2)


def test_another_idempotency_key_appends_again(shop: Shop) -> None:
    shop.order(id="o-1", items=ITEMS)
    body = {"id": "o-1", "append": True, "items": ITEMS}

    shop.post("/orders/create_order/", body, **keyed("k"))
    answer = shop.post("/orders/create_order/", body, **keyed("l")).json()

    assert shop.get(f"/orders/{answer['id']}/").json()["licenses_count"] == 3


@pytest.mark.parametrize("created_with", ["k", "other"])
def test_an_idempotency_key_is_good_for_one_body(shop: Shop, created_with: str) -> None:
    body = {"id": "o-1", "append": True, "items": ITEMS}
    shop.post("/orders/create_order/", body, **keyed(created_with))
    shop.post("/orders/create_order/", body, **keyed("k"))

    other = {**body, "items": [{"product_code": "cp", "licenses": [{}]}]}
    reply = shop.post("/orders/create_order/", other, **keyed("k"))

    assert (reply.status, reply.json()["code"]) == (409, "idempotency_key_reused")
    assert fault_codes(reply.json()) == {"/items/0/product_code": "differs"}


@pytest.mark.parametrize("more", [{}, keyed("k")])
def test_what_is_appended_to_an_unknown_id_is_an_order(shop: Shop, more: dict[str, Any]) -> None:
    body = {"id": "new", "append": True, "items": ITEMS}

    answer = shop.post("/orders/create_order/", body, **more).ok()

    assert answer["store_id"] == "new"
    assert len(answer["order_items"]) == 1


def test_an_order_without_an_id_is_repeatable_by_idempotency_key(shop: Shop) -> None:
    first, second = (
        shop.post("/orders/create_order/", {"items": ITEMS}, **keyed("k")) for _ in range(2)
    )

    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json()
    assert shop.get("/licenses/").json()["count"] == 1


def test_another_order_without_an_id_under_the_same_idempotency_key_is_refused(
    shop: Shop,
) -> None:
    shop.post("/orders/create_order/", {"items": ITEMS}, **keyed("k"))

    reply = shop.post("/orders/create_order/", {"items": ITEMS, "is_test": True}, **keyed("k"))

    assert (reply.status, reply.json()["code"]) == (409, "idempotency_key_reused")
    assert fault_codes(reply.json()) == {"/is_test": "differs"}


def test_the_order_itself_is_still_repeatable_when_more_was_appended(shop: Shop) -> None:
    first = shop.order(id="o-1", items=ITEMS).json()
    shop.order(id="o-1", append=True, items=ITEMS)

    again = shop.order(id="o-1", items=ITEMS)

    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["license_keys"] == first["license_keys"]


def test_an_appended_key_that_is_taken_is_refused_and_nothing_is_appended(shop: Shop) -> None:
    first = shop.order(
        id="o-1", items=[{"product_code": "kp", "licenses": [{"key": "K-1"}]}]
    ).json()

    items = [{"product_code": "kp", "licenses": [{}, {"key": "K-1"}]}]
    reply = shop.order(id="o-1", append=True, items=items)

    assert (reply.status, reply.json()["code"]) == (409, "license_key_exists")
    assert len(shop.get(f"/orders/{first['id']}/").json()["order_items"]) == 1


SAME: list[dict[str, Any]] = [
    {"language": None},
    {"language": ""},
    {"is_test": False, "is_trial": None, "prevent_vm": None, "order_type": "normal"},
    {"customer": {}, "metadata": {}},
    {"items": [{**ITEMS[0], "note": "", "users": None}]},
    {"items": [{**ITEMS[0], "note": " "}]},
    {"items": [{**ITEMS[0], "licenses": [{"note": "\u200b"}]}]},
    {"items": [{**ITEMS[0], "licenses": [{"max_activations": None, "enabled": True}]}]},
    {"items": [{**ITEMS[0], "licenses": [{"users": [], "custom_fields": [], "metadata": {}}]}]},
]


@pytest.mark.parametrize("more", SAME)
def test_what_says_nothing_makes_no_other_order(shop: Shop, more: dict[str, Any]) -> None:
    items = [{**ITEMS[0], "licenses": [{}]}]
    first = shop.order(id="o-1", items=items)
    assert first.status == 200, first.text

    again = shop.order(**{"id": "o-1", "items": items, **more})

    assert again.status == 200, again.text
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("lic", [{"valid_duration": None}, {"product_features": []}])
def test_a_null_that_closes_a_term_is_another_order(shop: Shop, lic: dict[str, Any]) -> None:
    shop.order(id="o-1", items=[{**ITEMS[0], "licenses": [{}]}])

    again = shop.order(id="o-1", items=[{**ITEMS[0], "licenses": [lic]}])

    assert (again.status, again.json()["code"]) == (409, "order_id_exists")
    assert again.json()["errors"]


def test_an_append_with_the_key_of_the_creation_is_refused(shop: Shop) -> None:
    body = {"id": "o-1", "items": ITEMS}
    key = {"Idempotency-Key": "k-1"}
    assert shop.post("/orders/create_order/", body, headers=key).status == 200

    reply = shop.post("/orders/create_order/", {**body, "append": True}, headers=key)

    assert (reply.status, reply.json()["code"]) == (409, "idempotency_key_reused")
    assert [fault["field"] for fault in reply.json()["errors"]] == ["append"]

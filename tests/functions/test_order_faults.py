"""Orders under faults: lost responses, concurrent requests, catalog changes, killed processes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSPreparedRequest

from functions import sweep
from shared.store import dynamo, retry
from shared.workflows import order_writes, pending_orders
from tests.emulated import carry_out
from tests.functions.log_lines import Out
from tests.functions.shop import Shop
from tests.wiretap import (
    Fault,
    Killed,
    answer_lost,
    conflict,
    failed,
    killed_after,
    killed_before,
    meanwhile,
    tapped,
    throttled,
)

WRITE = "TransactWriteItems"
ONE = [{"product_code": "kp", "licenses": [{}]}]
MANY: list[dict[str, Any]] = [{"product_code": "kp", "licenses": [{}] * 110}]
SMALL_LARGE: list[dict[str, Any]] = [{"product_code": "kp", "licenses": [{}] * 7}]
"""Written in four transactions as MANY is, where six operations are the most."""


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The executions that orders and the sweeper wait for here have been killed."""
    monkeypatch.setattr(retry, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(pending_orders, "LEFT_ALONE", timedelta(0))


def license_count(shop: Shop, query: str = "") -> int:
    return int(shop.get("/licenses/", query).json()["count"])


def body_of(reply: Any) -> dict[str, Any]:
    assert reply.status == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
def test_an_order_is_placed_once_whatever_happens_to_its_write(shop: Shop, fault: Fault) -> None:
    with tapped(WRITE, fault):
        first = body_of(shop.order(id="o-1", items=ONE))

    again = shop.order(id="o-1", items=ONE)

    assert body_of(again) == first
    assert again.headers["idempotent-replayed"] == "true"
    assert license_count(shop) == 1


def test_a_write_whose_answer_is_lost_still_shows_the_new_passwords(shop: Shop) -> None:
    items = [{"product_code": "up", "licenses": [{"users": [{"email": "u1@x.test"}]}]}]

    with tapped(WRITE, answer_lost):
        reply = shop.order(id="o-1", items=items)

    assert [p["email"] for p in body_of(reply)["new_passwords"]] == ["u1@x.test"]
    assert "idempotent-replayed" not in reply.headers


def test_an_append_whose_answer_is_lost_is_appended_once(shop: Shop) -> None:
    shop.order(id="o-1", items=ONE)

    with tapped(WRITE, answer_lost):
        body_of(shop.order(id="o-1", append=True, items=ONE))

    assert license_count(shop) == 2


@pytest.mark.parametrize("fault", [killed_before, killed_after])
def test_a_killed_order_is_there_or_not_and_the_retry_tells(shop: Shop, fault: Fault) -> None:
    with tapped(WRITE, fault), pytest.raises(Killed):
        shop.order(id="o-1", items=ONE)

    body_of(shop.order(id="o-1", items=ONE))

    assert license_count(shop) == 1


def test_two_equal_orders_at_once_are_one_with_two_equal_answers(shop: Shop) -> None:
    answers = []

    with tapped(WRITE, meanwhile(lambda: answers.append(shop.order(id="o-1", items=ONE)))):
        answers.append(shop.order(id="o-1", items=ONE))

    assert body_of(answers[0]) == body_of(answers[1])
    assert license_count(shop) == 1


def test_of_two_orders_for_one_key_the_second_writes_nothing(shop: Shop) -> None:
    items = [{"product_code": "kp", "licenses": [{"key": "ONLY-ONE"}, {}]}]

    with tapped(WRITE, meanwhile(lambda: body_of(shop.order(id="winner", items=items)))):
        reply = shop.order(id="loser", items=items)

    assert (reply.status, reply.json()["code"]) == (409, "license_key_exists")
    assert reply.json()["errors"][0]["pointer"] == "/items/0/licenses/0/key"
    assert shop.get("/orders/", "store_id=loser").json()["count"] == 0
    assert license_count(shop) == 2


def test_a_product_archived_meanwhile_is_not_sold(shop: Shop) -> None:
    product = shop.get("/products/", "short_code=kp").json()["results"][0]["id"]

    with tapped(
        WRITE, meanwhile(lambda: shop.patch(f"/products/{product}/", {"is_archived": True}))
    ):
        reply = shop.order(id="o-1", items=ONE)

    assert reply.json()["code"] == "archived_product"
    assert license_count(shop) == 0


def test_a_policy_changed_meanwhile_is_sold_as_changed(shop: Shop) -> None:
    policy = shop.get("/license-templates/", "product=kp&code=policy_A").json()["results"][0]["id"]
    change = meanwhile(lambda: shop.patch(f"/license-templates/{policy}/", {"max_activations": 6}))

    with tapped(WRITE, change):
        license = shop.order_one(license={"policy_code": "policy_A"})

    assert license["max_activations"] == 6


def test_two_orders_that_make_one_customer_share_it(shop: Shop) -> None:
    customer = {"email": "ana@acme.example"}

    with tapped(WRITE, meanwhile(lambda: shop.order(id="o-1", items=ONE, customer=customer))):
        body_of(shop.order(id="o-2", items=ONE, customer=customer))

    assert shop.get("/customers/").json()["count"] == 1
    assert shop.get("/orders/", "customer_email=ana@acme.example").json()["count"] == 2


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six operations are the most, so that an order of a few licenses is a large one."""
    for module in (order_writes, pending_orders):
        monkeypatch.setattr(module, "OPERATIONS", 6)


def killed_and_retried(shop: Shop, items: list[Any], fault: Fault, nth: int) -> None:
    """An order that is killed at a write is invisible, and whole when it is sent again."""
    licenses = len(items[0]["licenses"])
    with tapped(WRITE, fault, nth=nth), pytest.raises(Killed):
        shop.order(id="big", items=items)
    settled = (fault, nth) == (killed_after, 4)
    assert license_count(shop) == license_count(shop, "order_store_id=big") == licenses * settled
    assert shop.get("/orders/").json()["count"] == settled

    answer = body_of(shop.order(id="big", items=items))

    assert len(set(answer["license_keys"])) == licenses
    assert license_count(shop) == license_count(shop, "order_store_id=big") == licenses
    assert body_of(shop.order(id="big", items=items)) == answer


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("fault", [killed_before, killed_after])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_large_order_killed_anywhere_is_invisible_and_then_whole(
    shop: Shop, fault: Fault, nth: int
) -> None:
    killed_and_retried(shop, SMALL_LARGE, fault, nth)


def test_an_order_beyond_the_limit_of_dynamodb_killed_midway_is_invisible_and_then_whole(
    shop: Shop,
) -> None:
    killed_and_retried(shop, MANY, killed_after, 3)


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("fault", [answer_lost, failed, throttled, conflict])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_large_order_is_placed_once_whatever_happens_to_a_write(
    shop: Shop, fault: Fault, nth: int
) -> None:
    with tapped(WRITE, fault, nth=nth):
        answer = body_of(shop.order(id="big", items=SMALL_LARGE))

    assert body_of(shop.order(id="big", items=SMALL_LARGE)) == answer
    assert license_count(shop) == len(SMALL_LARGE[0]["licenses"])


def test_a_large_order_that_meets_a_taken_key_leaves_nothing_behind(shop: Shop) -> None:
    shop.order_one(license={"key": "TAKEN"})
    licenses = [*MANY[0]["licenses"], {"key": "TAKEN"}]

    reply = shop.order(id="big", items=[{"product_code": "kp", "licenses": licenses}])

    assert (reply.status, reply.json()["code"]) == (409, "license_key_exists")
    assert license_count(shop) == 1
    body_of(shop.order(id="big", items=ONE))


def test_an_abandoned_pending_order_is_rolled_back(shop: Shop) -> None:
    users = [{"users": [{"email": f"u{n}@x.test"}]} for n in range(120)]
    licenses = [{"key": "WANTED"}, *MANY[0]["licenses"]]
    items = [
        {"product_code": "kp", "licenses": licenses},
        {"product_code": "up", "licenses": users},
    ]
    with tapped(WRITE, killed_before, nth=4), pytest.raises(Killed):
        shop.order(id="big", items=items)

    swept = sweep.handler({}, LambdaContext())["undone"]

    assert swept == 1
    assert sweep.handler({}, LambdaContext())["undone"] == 0
    assert shop.order_one(license={"key": "WANTED"})["license_key"] == "WANTED"
    body = body_of(shop.order(id="again", items=[{"product_code": "up", "licenses": users}]))
    assert len(body["new_passwords"]) == 120


def test_another_order_with_the_id_of_a_pending_order_has_to_wait(shop: Shop) -> None:
    with tapped(WRITE, killed_after, nth=2), pytest.raises(Killed):
        shop.order(id="big", items=MANY)

    reply = shop.order(id="big", items=[{"product_code": "kp", "licenses": [{}] * 109}])

    assert (reply.status, reply.json()["code"]) == (409, "order_in_progress")
    assert reply.headers["retry-after"] == "1"


def test_a_rollback_that_another_process_took_over_is_not_counted(shop: Shop, out: Out) -> None:
    with tapped(WRITE, killed_after, nth=2), pytest.raises(Killed):
        shop.order(id="big", items=MANY)

    def take() -> None:
        ((company, order_id, part, owner),) = pending_orders.pending_orders(datetime.now(UTC))
        assert pending_orders.take_lease(company, order_id, part, owner, token="another")

    with tapped(WRITE, meanwhile(take), nth=2):
        undone = sweep.handler({}, LambdaContext())["undone"]

    assert undone == 0
    assert not [line for line in out() if line.get("message") == "order_undone"]


def test_passwords_of_users_made_by_a_killed_order_are_shown_when_it_is_finished(
    shop: Shop,
) -> None:
    users = [{"users": [{"email": f"u{n}@x.test"}]} for n in range(80)]
    items = [{"product_code": "up", "licenses": users}]
    with tapped(WRITE, killed_before, nth=4), pytest.raises(Killed):
        shop.order(id="big", items=items)

    body = body_of(shop.order(id="big", items=items))

    assert len(body["new_passwords"]) == 80


def users(count: int, first: int = 0) -> list[dict[str, Any]]:
    licenses = [{"users": [{"email": f"u{n}@x.test"}]} for n in range(first, first + count)]
    return [{"product_code": "up", "licenses": licenses}]


def interrupt_order(shop: Shop, nth: int, **order: Any) -> None:
    """Place a large order whose process is killed before its nth write."""
    with tapped(WRITE, killed_before, nth=nth), pytest.raises(Killed):
        shop.order(**order)


def test_users_of_a_pending_order_are_not_shared_with_another(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "POLL_SECONDS", 0)
    interrupt_order(shop, 4, id="big", items=users(80))

    answer = body_of(shop.order(id="small", items=users(1)))

    assert [shown["email"] for shown in answer["new_passwords"]] == ["u0@x.test"]
    assert sweep.handler({}, LambdaContext())["undone"] == 0
    assert len(body_of(shop.order(id="big", items=users(80)))["new_passwords"]) == 79


def test_a_pending_order_is_rolled_back_though_another_created_its_users(shop: Shop) -> None:
    interrupt_order(shop, 2, id="big", items=users(120))
    body_of(shop.order(id="small", items=users(1)))

    assert sweep.handler({}, LambdaContext())["undone"] == 1

    again = body_of(shop.order(id="again", items=users(2)))
    assert [shown["email"] for shown in again["new_passwords"]] == ["u1@x.test"]


def test_users_of_an_order_that_was_rolled_back_are_deleted(shop: Shop) -> None:
    interrupt_order(shop, 3, id="big", items=users(80))

    assert sweep.handler({}, LambdaContext())["undone"] == 1

    left = dynamo.client().scan(TableName=dynamo.table("CUSTOMERS_TABLE"))
    assert left["Items"] == []


@pytest.mark.usefixtures("small_transactions")
def test_a_large_order_does_not_take_the_users_of_another_body_under_its_id(shop: Shop) -> None:
    large: list[str] = []
    small_write: list[AWSPreparedRequest] = []

    def come_between(request: AWSPreparedRequest) -> None:
        small_write.append(request)
        large.append(shop.order(id="o-1", items=[*ONE, *users(4)]).json()["code"])

    with tapped(WRITE, come_between) as tap:
        # The small order's write arrives when the large one has begun.
        tap.on(WRITE, meanwhile(lambda: carry_out(small_write[0])), nth=3)
        small = body_of(shop.order(id="o-1", items=users(1)))

    assert large == ["order_id_exists"]
    assert [shown["email"] for shown in small["new_passwords"]] == ["u0@x.test"]
    assert body_of(shop.order(id="o-2", items=users(1)))["new_passwords"] == []


@pytest.mark.usefixtures("small_transactions")
def test_a_pending_order_is_completed_though_it_is_small_once_others_created_its_users(
    shop: Shop,
) -> None:
    interrupt_order(shop, 3, id="big", items=users(4))
    body_of(shop.order(id="small-1", items=users(2)))
    body_of(shop.order(id="small-2", items=users(2, 2)))

    body = body_of(shop.order(id="big", items=users(4)))

    assert body["new_passwords"] == []
    assert license_count(shop) == 8

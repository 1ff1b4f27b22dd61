"""Events on a deployed stack: from the tables' streams to the log and to a rule on the bus."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from infra.local.stack import LocalStack
from tests.e2e.importing import drop, dropped, licenses
from tests.e2e.remote import Operate, RemoteShop, behind, opened

ONE = [{"product_code": "kp", "licenses": [{}]}]


@pytest.fixture(scope="module")
def seller(http: Any, keys: Operate) -> RemoteShop:
    """A company that only these tests use."""
    return opened(http, keys, "events", stocked=True)


@pytest.fixture
def received(stack: LocalStack, seller: RemoteShop) -> Iterator[Callable[[], list[Any]]]:
    """The events of the company that a rule sends to a queue from now on."""
    sqs, rules = (boto3.client(name, **behind(stack)) for name in ("sqs", "events"))
    (bus,) = (
        each["Name"] for each in rules.list_event_buses()["EventBuses"] if each["Name"] != "default"
    )
    queue = sqs.create_queue(QueueName="events-of-a-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["keywright"], "detail": {"company": [seller.company]}}
    rules.put_rule(Name="test", EventBusName=bus, EventPattern=json.dumps(pattern))
    rules.put_targets(Rule="test", EventBusName=bus, Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])

    def receive() -> list[Any]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in found]

    yield receive
    rules.remove_targets(Rule="test", EventBusName=bus, Ids=["q"])
    rules.delete_rule(Name="test", EventBusName=bus)
    sqs.delete_queue(QueueUrl=queue)


def awaited(receive: Callable[[], list[Any]], count: int) -> list[Any]:
    """So many events, or those of a minute."""
    found: list[Any] = []
    deadline = time.monotonic() + 60
    while len(found) < count and time.monotonic() < deadline:
        found += receive()
        time.sleep(0.2)
    return found


def test_changes_reach_the_log_and_a_rule_on_the_bus(
    seller: RemoteShop, received: Callable[[], list[Any]]
) -> None:
    email = {"email": "ana@acme.example"}
    placed = seller.order(id="web-1", customer=email, items=ONE).json()
    (lic,) = placed["order_items"][0]["licenses"]
    assert seller.post(f"/licenses/{lic['id']}/disable/").status == 200
    assert seller.order(id="web-1", append=True, items=ONE).status == 200

    found = awaited(received, 4)

    types = sorted(each["detail-type"] for each in found)
    assert types == ["customer.created", "license.updated", "order.appended", "order.created"]
    assert {each["source"] for each in found} == {"keywright"}
    logged = {each["id"]: each for each in seller.get("/events/").json()["results"]}
    assert {each["detail"]["id"]: each["detail"] for each in found} == logged
    assert lic["license_key"] not in json.dumps(found)


def test_an_import_has_two_events_whatever_it_writes(
    stack: LocalStack, seller: RemoteShop, received: Callable[[], list[Any]]
) -> None:
    rows = licenses((f"EVEN-T{n:03}", "kp", f"o{n}", f"b{n}@acme.example") for n in range(60))

    drop(stack, f"{seller.company}/licenses/a.csv", rows)
    dropped(seller, "licenses")

    found = awaited(received, 2)
    time.sleep(2)
    found += received()
    assert [each["detail-type"] for each in found] == ["import.started", "import.succeeded"]
    assert found[1]["detail"]["data"]["counts"]["created_licenses_count"] == 60
    assert found[1]["detail"]["actor"]["kind"] == "s3"

"""Moto, patched to be quick, is as strict as it was."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.store.dynamo import client, table


@pytest.fixture
def home(tables: None) -> str:
    return table("ORDERS_TABLE")


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "order"}}


def stored(home: str) -> list[dict[str, Any]]:
    return client().scan(TableName=home)["Items"]


def test_of_a_transaction_that_fails_nothing_is_left(home: str) -> None:
    """Neither of what it put nor of what it changed, in whatever order."""
    before = {**key("a"), "n": {"N": "1"}}
    client().put_item(TableName=home, Item=before)
    failing: Any = {
        "TableName": home,
        "Key": key("b"),
        "ConditionExpression": "attribute_exists(pk)",
    }
    change: Any = {
        "TableName": home,
        "Key": key("a"),
        "UpdateExpression": "SET n = n + :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    put: Any = {"TableName": home, "Item": key("c")}

    with pytest.raises(ClientError, match="TransactionCanceled"):
        client().transact_write_items(
            TransactItems=[{"Update": change}, {"Put": put}, {"ConditionCheck": failing}]
        )

    assert stored(home) == [before]
    client().transact_write_items(TransactItems=[{"Update": change}, {"Put": put}])
    assert {item["pk"]["S"]: item.get("n") for item in stored(home)} == {"a": {"N": "2"}, "c": None}


def test_an_item_may_not_be_larger_than_dynamodb_takes(home: str) -> None:
    halves = {"x": {"S": "x" * 203_000}, "y": {"S": "y" * 203_000}}

    with pytest.raises(ClientError, match="Item size has exceeded"):
        client().put_item(TableName=home, Item={**key("a"), **halves})

    assert stored(home) == []

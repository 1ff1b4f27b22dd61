"""Moto refuses the queries that DynamoDB refuses."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.store.dynamo import client, table

CREATED = "listed = :shelf AND created BETWEEN :first AND :last"


def queried(condition: str, values: dict[str, str], **more: Any) -> Any:
    return client().query(
        TableName=table("ORDERS_TABLE"),
        IndexName="by_created",
        KeyConditionExpression=condition,
        ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
        **more,
    )


def start(**keys: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in keys.items()}


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        ({"shelf": "a", "first": "2", "last": "1"}, {}, "BETWEEN operator requires upper bound"),
        ({"shelf": "", "first": "1", "last": "2"}, {}, "empty string value"),
        (
            {"shelf": "a", "first": "1", "last": "2"},
            {"ExclusiveStartKey": start(pk="p", sk="s")},
            "starting key is invalid",
        ),
        (
            {"shelf": "a", "first": "1", "last": "2"},
            {"ExclusiveStartKey": start(pk="p", sk="s", listed="b", created="1")},
            "does not match",
        ),
        (
            {"shelf": "a", "first": "1", "last": "2"},
            {"ExclusiveStartKey": start(pk="p", sk="s", listed="a", created="3")},
            "does not match",
        ),
    ],
)
def test_a_query_that_dynamodb_refuses_is_refused(
    values: dict[str, str], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match="ValidationException") as refused:
        queried(CREATED, values, **more)

    assert message in str(refused.value)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("last", ["1", "2"])
def test_a_query_that_dynamodb_answers_is_answered(last: str) -> None:
    begun = start(pk="p", sk="s", listed="a", created="1")

    found = queried(CREATED, {"shelf": "a", "first": "1", "last": last}, ExclusiveStartKey=begun)

    assert found["Items"] == []

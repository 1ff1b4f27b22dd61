"""The real store over moto, and a key to come in with."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from moto import mock_aws

from functions.callers import forget_keys
from shared.access import new_api_key
from shared.store.access import add_api_key
from shared.store.dynamo import client


@pytest.fixture
def access_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty Access table, and a world in which no key has been seen yet."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("ACCESS_TABLE", "Access")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    client.cache_clear()
    forget_keys()
    with mock_aws():
        client().create_table(
            TableName="Access",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "company", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_company",
                    "KeySchema": [
                        {"AttributeName": "company", "KeyType": "HASH"},
                        {"AttributeName": "pk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        yield "Access"
    client.cache_clear()
    forget_keys()


@pytest.fixture
def api_key(access_table: str) -> str:
    """An ordinary key of the company acme, as its owner sends it."""
    key, presented = new_api_key("acme", now=datetime.now(UTC))
    add_api_key(key)
    return presented

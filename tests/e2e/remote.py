"""A vendor's shop over HTTP, and direct access to the stack's tables."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx

from infra.local.stack import LocalStack
from shared.store.dynamo import from_item, to_item
from tests.functions.shop import Shop, stock
from tests.http_event import Reply

type Operate = Callable[..., Any]
"""Runs `keywright keys` with arguments, and gives what it prints."""


@dataclass(frozen=True)
class RemoteShop(Shop):
    """Call the API as one company, over HTTP."""

    http: httpx.Client

    def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Reply:
        """Sends what is text or bytes as it is, and anything else as JSON."""
        raw = isinstance(body, str | bytes)
        response = self.http.request(
            method,
            f"/api/v1{path}{'?' if query else ''}{query}",
            content=body if raw else None,
            json=None if raw else body,
            headers={"Authorization": f"Api-Key {self.key}", **(headers or {})},
        )
        return Reply(response.status_code, dict(response.headers), response.text)


def opened(http: httpx.Client, keys: Operate, name: str, *, stocked: bool = False) -> RemoteShop:
    """A company that nobody else has, with a key by the operators' command."""
    company = f"{name}-{secrets.token_hex(4)}"
    shop = RemoteShop(company, keys("create", "--company", company)["api_key"], http)
    if stocked:
        stock(shop)
    return shop


def behind(stack: LocalStack) -> dict[str, Any]:
    """What a boto3 client needs to read the stack's tables without the API."""
    return {
        "endpoint_url": stack["aws_endpoint_url"],
        "region_name": stack["region"],
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }


class Tables:
    """DynamoDB, read without the API."""

    def __init__(self, stack: LocalStack) -> None:
        self._names = stack["tables"]
        self._client = boto3.client("dynamodb", **behind(stack))

    def license(self, company: str, id: int) -> dict[str, Any]:
        """One license as it is stored."""
        key = {"pk": {"S": f"{company}#{id}"}}
        found = self._client.get_item(
            TableName=self._names["licenses"], Key=key, ConsistentRead=True
        )
        return from_item(found["Item"])

    def rows(self, table: str, company: str) -> list[dict[str, Any]]:
        """Everything that a company has in a table; for tests, however slow."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._names[table],
            FilterExpression="begins_with(pk, :home) OR pk = :company",
            ExpressionAttributeValues={":home": {"S": f"{company}#"}, ":company": {"S": company}},
            ConsistentRead=True,
        )
        return [from_item(item) for page in pages for item in page["Items"]]

    def copy_product(self, company: str, count: int) -> None:
        """Write copies of a company's one product, which can be listed and not more."""
        table = self._names["catalog"]
        (first,) = (
            row for row in self.rows("catalog", company) if row["sk"].startswith("product#")
        )
        for start in range(0, count, 25):
            copies = [
                first | {"id": 10**15 + n, "sk": f"product#{10**15 + n}", "short_code": f"copy-{n}"}
                for n in range(start, min(start + 25, count))
            ]
            puts: Any = [{"PutRequest": {"Item": to_item(each)}} for each in copies]
            self._client.batch_write_item(RequestItems={table: puts})

    def import_was_heard_of(self, company: str, number: int, *, ago: timedelta) -> None:
        """Let time pass for an import."""
        then = datetime.now(UTC) - ago
        self._client.update_item(
            TableName=self._names["imports"],
            Key={"pk": {"S": company}, "sk": {"S": f"job#{number:010}"}},
            UpdateExpression="SET heartbeat_at = :then",
            ExpressionAttributeValues={":then": {"S": then.isoformat()}},
        )

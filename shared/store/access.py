"""API keys in the Access table: one item per key, found by its prefix."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from shared.access import ApiKey
from shared.errors import Conflict, NotFound
from shared.store.dynamo import client, from_item, table, to_item

TOUCH_EVERY = timedelta(hours=1)


def get_api_key(prefix: str) -> ApiKey | None:
    """Read a key consistently, so that a revocation takes effect immediately."""
    got = client().get_item(
        TableName=table("ACCESS_TABLE"), Key={"pk": {"S": prefix}}, ConsistentRead=True
    )
    return _key(got["Item"]) if "Item" in got else None


def add_api_key(key: ApiKey) -> None:
    """Store a new key. Raises Conflict if the prefix exists."""
    dynamo = client()
    try:
        dynamo.put_item(
            TableName=table("ACCESS_TABLE"),
            Item=to_item(_record(key)),
            ConditionExpression="attribute_not_exists(pk)",
        )
    except dynamo.exceptions.ConditionalCheckFailedException:
        raise Conflict("api_key_exists", f"An API key {key.prefix} exists.") from None


def list_api_keys(company: str | None = None) -> Iterator[ApiKey]:
    """The keys of a company, or of all, oldest first, including revoked and expired keys."""
    name = table("ACCESS_TABLE")
    pages = (
        client().get_paginator("scan").paginate(TableName=name)
        if company is None
        else client()
        .get_paginator("query")
        .paginate(
            TableName=name,
            IndexName="by_company",
            KeyConditionExpression="company = :company",
            ExpressionAttributeValues={":company": {"S": company}},
        )
    )
    keys = [_key(item) for page in pages for item in page["Items"]]
    yield from sorted(keys, key=lambda key: (key.created_at, key.prefix))


def has_api_key(company: str) -> bool:
    """Whether a company ever had a key, including revoked and expired keys.

    A key of the last second can be missing, because the index is eventually consistent.
    """
    found = client().query(
        TableName=table("ACCESS_TABLE"),
        IndexName="by_company",
        KeyConditionExpression="company = :company",
        ExpressionAttributeValues={":company": {"S": company}},
        Limit=1,
    )
    return bool(found["Items"])


def revoke_api_key(prefix: str, now: datetime) -> ApiKey:
    """Revoke a key; a repeated revocation keeps the first time. Raises NotFound."""
    return _end_api_key(prefix, "SET revoked_at = if_not_exists(revoked_at, :moment)", now)


def expire_api_key(prefix: str, moment: datetime) -> ApiKey:
    """Set when a key expires, replacing an earlier expiry. Raises NotFound."""
    return _end_api_key(prefix, "SET expires_at = :moment", moment)


def _end_api_key(prefix: str, change: str, moment: datetime) -> ApiKey:
    dynamo = client()
    try:
        got = dynamo.update_item(
            TableName=table("ACCESS_TABLE"),
            Key={"pk": {"S": prefix}},
            UpdateExpression=change,
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":moment": {"S": _stamp(moment)}},
            ReturnValues="ALL_NEW",
        )
    except dynamo.exceptions.ConditionalCheckFailedException:
        raise NotFound(f"There is no API key {prefix}.") from None
    return _key(got["Attributes"])


def touch_api_key(key: ApiKey, now: datetime) -> ApiKey:
    """Record that a key is in use, at most once an hour across all functions."""
    if key.last_used_at is not None and now - key.last_used_at < TOUCH_EVERY:
        return key
    dynamo = client()
    with suppress(dynamo.exceptions.ConditionalCheckFailedException):
        dynamo.update_item(
            TableName=table("ACCESS_TABLE"),
            Key={"pk": {"S": key.prefix}},
            UpdateExpression="SET last_used_at = :now",
            ConditionExpression=(
                "attribute_exists(pk) AND"
                " (attribute_not_exists(last_used_at) OR last_used_at <= :hour_ago)"
            ),
            ExpressionAttributeValues={
                ":now": {"S": _stamp(now)},
                ":hour_ago": {"S": _stamp(now - TOUCH_EVERY)},
            },
        )
    return key.model_copy(update={"last_used_at": now})


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _record(key: ApiKey) -> dict[str, Any]:
    record = key.model_dump(mode="json") | {"scopes": sorted(key.scopes)}
    return {"pk": record.pop("prefix")} | record


def _key(item: Any) -> ApiKey:
    record = from_item(item)
    return ApiKey.model_validate(record | {"prefix": record["pk"]})

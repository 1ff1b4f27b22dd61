"""How records become DynamoDB items, and the one client."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Busy(Exception):
    """The store did not get to it in time; nothing was written, and it may be asked again."""


@cache
def client() -> "DynamoDBClient":
    """The low-level client, made on first use: boto3 on top of it costs import time for nothing."""
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    session = botocore.session.get_session()
    return cast("DynamoDBClient", session.create_client("dynamodb", config=config))


def table(env_name: str) -> str:
    """The name of a table, which the stack puts into the environment."""
    return os.environ[env_name]


def to_item(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a DynamoDB item; None and empty values are left out, at every depth of maps."""
    return {name: _to_value(value) for name, value in record.items() if _kept(value)}


def from_item(item: dict[str, Any]) -> dict[str, Any]:
    """What `to_item` was given, without the values that it left out."""
    return {name: _from_value(value) for name, value in item.items()}


def _kept(value: object) -> bool:
    return value is not None and value != "" and value != [] and value != {} and value != b""


def _to_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}
        case dict():
            return {"M": to_item(value)}
        case list() | tuple():
            return {"L": [_to_value(part) for part in value]}
    raise TypeError(f"{type(value).__name__} has no place in an item")


def _from_value(value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return int(held)
        case "NULL":
            return None
        case "M":
            return from_item(held)
        case "L":
            return [_from_value(part) for part in held]
    return held

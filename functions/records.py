"""Temporary: says what arrived."""

from typing import Any

import orjson
import pydantic
from aws_lambda_powertools import Logger


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Echo."""
    told = {"module": "records", "event": event, "with": [pydantic.VERSION, Logger.__name__]}
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": orjson.dumps(told).decode()}

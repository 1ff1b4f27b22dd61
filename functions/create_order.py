"""Temporary: says what arrived."""

import json, os, sys
from aws_lambda_powertools import Logger
import boto3
import pydantic, orjson


def handler(event, context):
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(
            {
                "module": "create_order",
                "event": event,
                "env": {
                    k: v
                    for k, v in os.environ.items()
                    if k.endswith("_TABLE") or k.startswith(("POWER", "AWS_", "STRICT"))
                },
                "file": __file__,
                "powertools": Logger.__module__,
                "pydantic": pydantic.__file__,
                "exe": sys.executable,
            }
        ),
    }

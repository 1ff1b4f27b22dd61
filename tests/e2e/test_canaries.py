"""Logs of the deployed functions and inputs of Step Functions contain no secret."""

import json
from typing import Any

import boto3

from infra.local.stack import LocalStack
from tests.e2e.importing import ended, post, table
from tests.e2e.remote import RemoteShop

KEY, EMAIL = "CANARY-KEY-E2E", "canary-e2e@x.test"


def client(stack: LocalStack, service: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=stack["aws_endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def logged(stack: LocalStack) -> str:
    """All lines of all groups."""
    logs = client(stack, "logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return "\n".join(
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    )


def executed(stack: LocalStack) -> str:
    """Input, output and history of every execution."""
    steps = client(stack, "stepfunctions")
    arns = [
        each["executionArn"]
        for machine in steps.list_state_machines()["stateMachines"]
        for each in steps.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    ]
    history = steps.get_paginator("get_execution_history")
    steps_taken = [
        page["events"]
        for arn in arns
        for page in history.paginate(executionArn=arn, includeExecutionData=True)
    ]
    executions = [steps.describe_execution(executionArn=arn) for arn in arns]
    return json.dumps([executions, steps_taken], default=str)


def test_nothing_that_the_deployed_stack_keeps_of_requests_holds_a_secret(
    stack: LocalStack, shop: RemoteShop
) -> None:
    placed = shop.order(
        customer={"email": EMAIL},
        items=[
            {"product_code": "kp", "licenses": [{"key": KEY}, {}]},
            {"product_code": "up", "licenses": [{"users": [{"email": EMAIL}]}]},
        ],
    ).json()
    assert shop.order(items=[{"product_code": KEY, "licenses": [{"key": EMAIL}]}]).status == 400
    header = ("license__license_key", "product__short_code", "customer__email", "filler")
    rows = [(f"{KEY}-{n}", "kp" if n % 9 else KEY, EMAIL, "x" * 20_000) for n in range(150)]
    job = ended(shop, post(shop, "licenses", table(header, *rows)))
    assert job["state"] == "completed_with_errors"
    assert shop.get("/licenses/", f"license_key={KEY}-1").json()["count"] == 1

    lines, executions = logged(stack), executed(stack)

    assert f'"company":"{shop.company}"' in lines
    assert shop.company in executions, "a file of 3 MB is one for the state machine"
    (user,) = placed["new_passwords"]
    secrets = [
        KEY,
        EMAIL,
        user["new_password"],
        shop.key.partition(".")[2],
        *placed["license_keys"],
    ]
    assert [secret for secret in secrets if secret in lines + executions] == []

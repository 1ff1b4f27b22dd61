"""`keywright doctor`, as an operator runs it."""

from typing import Any

import boto3
import httpx
import pytest

from infra.ops.stages import open_client
from shared.store import uploads
from tests.functions.import_desk import Desk
from tests.infra.served import Keywright, Served, deploy

QUEUE = {"Failed": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "failed"}}}


@pytest.fixture
def healthy(keywright: Keywright) -> Keywright:
    """A stage whose bucket tells of its files, and which has a queue for failures."""
    boto3.client("cloudformation").delete_stack(StackName="Keywright-test")
    deploy(resources=QUEUE)
    target = "arn:aws:lambda:us-east-1:123456789012:function:import-csv"
    uploads.client().put_bucket_notification_configuration(
        Bucket=uploads.bucket(),
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": target, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
        SkipDestinationValidation=True,
    )
    return keywright


def ill(keywright: Keywright) -> list[dict[str, Any]]:
    """What the doctor finds wrong."""
    told = keywright.told("doctor", status=1)
    assert told["well"] is False
    return [finding for finding in told["findings"] if not finding["well"]]


def test_a_healthy_stage_is_said_to_be_well(healthy: Keywright) -> None:
    told = healthy.told("doctor")
    shown = healthy.run("doctor")

    assert told["well"] is True
    assert {finding["about"] for finding in told["findings"]} == {
        "API",
        "API key",
        "tables",
        "bucket",
        "failures",
        "imports",
        "alarms",
    }
    assert shown.count("✓") == len(told["findings"])


def test_a_message_in_a_queue_of_failures_is_found(healthy: Keywright) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="failed")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")

    (finding,) = ill(healthy)

    assert finding["about"] == "failures"
    assert "failed has 1 messages" in finding["told"]
    assert "docs/operations.md" in finding["advice"]


def test_a_key_that_opens_nothing_is_found(
    healthy: Keywright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYWRIGHT_API_KEY", f"nobodyss.{'x' * 40}")

    about = [finding["about"] for finding in ill(healthy)]

    assert about == ["API key", "imports"]


def test_a_missing_key_leaves_the_rest_to_be_looked_at(
    healthy: Keywright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYWRIGHT_API_KEY")

    findings = ill(healthy)

    assert {finding["about"] for finding in findings} == {"API", "API key", "imports"}
    assert all("KEYWRIGHT_API_KEY" in finding["told"] for finding in findings)


def test_a_service_that_does_not_answer_is_found(healthy: Keywright, served: Served) -> None:
    served.instead = [httpx.ConnectError("no route") for _ in range(8)]

    (finding,) = ill(healthy)

    assert (finding["about"], finding["told"]) == ("API", "api.test: no route (unreachable)")


def test_a_bucket_that_tells_nobody_is_found(healthy: Keywright) -> None:
    uploads.client().put_bucket_notification_configuration(
        Bucket=uploads.bucket(), NotificationConfiguration={}
    )

    (finding,) = ill(healthy)

    assert finding["told"] == "uploads tells of new files: no"


def test_an_import_that_failed_is_found_with_what_to_do(healthy: Keywright, desk: Desk) -> None:
    number = open_client("test").imports.start("late.csv", "licenses", size=10).id
    desk.move(number, "failed")

    (finding,) = ill(healthy)

    assert finding["told"] == f"import {number} of late.csv failed"
    assert finding["advice"] == f"keywright jobs retry {number}"


def test_an_alarm_that_rings_is_found(healthy: Keywright) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="Keywright-test-Crashes",
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        MetricName="Crash",
        Namespace="Keywright",
        Period=60,
        Threshold=1,
        Statistic="Sum",
    )
    cloudwatch.set_alarm_state(
        AlarmName="Keywright-test-Crashes", StateValue="ALARM", StateReason="2 crashes"
    )

    (finding,) = ill(healthy)

    assert finding["told"] == "Keywright-test-Crashes rings"
    assert finding["advice"] == "2 crashes"

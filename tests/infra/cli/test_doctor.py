"""`keywright doctor`, as an operator runs it."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import time_machine
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import import_csv, sweep
from infra.cli import doctor, health, stages
from infra.cli.stages import find_deployment, open_client
from shared.import_job import ImportJob
from shared.store import uploads
from shared.workflows import lost_files, stuck_imports
from tests.engine import Engine
from tests.functions.import_files import Context
from tests.functions.importer import Importer
from tests.infra.aws_account import AwsAccount, refusal
from tests.infra.served import Keywright, Served, deploy

QUEUE = {"Failed": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "failed"}}}


@pytest.fixture
def healthy(keywright: Keywright, aws: AwsAccount) -> Keywright:
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
    printed = keywright.run_json("doctor", status=1)
    assert printed["healthy"] is False
    return [finding for finding in printed["findings"] if not finding["passed"]]


def test_a_healthy_stage_passes(healthy: Keywright) -> None:
    printed = healthy.run_json("doctor")
    shown = healthy.run("doctor")

    assert printed["healthy"] is True
    assert {finding["about"] for finding in printed["findings"]} == {
        "API",
        "API key",
        "routes",
        "tables",
        "bucket",
        "failures",
        "imports",
        "quota",
        "protection",
        "alarms",
    }
    assert shown.count("✓") == len(printed["findings"])


def test_a_message_in_a_queue_of_failures_is_found(healthy: Keywright) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="failed")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")

    (finding,) = ill(healthy)

    assert finding["about"] == "failures"
    assert "failed has 1 messages" in finding["message"]
    assert "docs/runbook.md" in finding["advice"]


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

    assert {finding["about"] for finding in findings} == {"API", "API key", "routes", "imports"}
    assert all("KEYWRIGHT_API_KEY" in finding["message"] for finding in findings)


def test_a_service_that_does_not_answer_is_found(healthy: Keywright, served: Served) -> None:
    served.instead = [httpx.ConnectError("no route") for _ in range(8)]

    (finding,) = ill(healthy)

    assert (finding["about"], finding["message"]) == ("API", "api.test: no route (unreachable)")


def test_a_bucket_without_notifications_is_found(healthy: Keywright) -> None:
    uploads.client().put_bucket_notification_configuration(
        Bucket=uploads.bucket(), NotificationConfiguration={}
    )

    (finding,) = ill(healthy)

    assert finding["message"] == "uploads notifies of new files: no"


def test_an_import_that_stopped_again_and_again_is_found_with_what_to_do(
    healthy: Keywright, importer: Importer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the sweeper ends it: with a refusal, which the service is the reason of."""
    monkeypatch.setattr(stuck_imports, "LEFT_ALONE", timedelta(seconds=-2))
    monkeypatch.setattr(lost_files, "EVENT_TAKES", timedelta(seconds=-2))
    importer.dropped()
    with redirect_stdout(io.StringIO()):
        for _ in range(4):
            sweep.handler({}, LambdaContext())
    assert importer.job(1).state == "failed"

    (finding,) = ill(healthy)

    assert finding["message"] == (
        "import 1 of a.csv failed: The import stopped 3 times before its end (no_progress)"
    )
    assert finding["advice"] == "keywright jobs retry 1 --stage test"


def test_an_import_whose_execution_failed_is_found(
    healthy: Keywright, importer: Importer, engine: Engine
) -> None:
    failed_execution(importer, importer.dropped())

    (finding,) = ill(healthy)

    assert "import 1 of a.csv failed: The import stopped (FAILED)" in finding["message"]


def test_an_import_that_failed_days_ago_is_no_news(
    healthy: Keywright, importer: Importer, engine: Engine
) -> None:
    failed_execution(importer, importer.dropped())

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert healthy.run_json("doctor")["healthy"] is True


def test_imports_that_failed_for_their_file_or_were_ended_by_a_person_are_well(
    healthy: Keywright, importer: Importer, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("colour\nred\n")
    client = open_client("test")
    refused = client.imports.send(bad, "licenses").id
    cancelled = client.imports.start("late.csv", "licenses", size=10).id
    client.imports.cancel(cancelled)
    states = [client.imports.show(number).state for number in (refused, cancelled)]
    assert states == ["failed", "cancelled"]

    assert healthy.run_json("doctor")["healthy"] is True


def test_an_import_that_waits_for_its_turn_is_found(
    healthy: Keywright, importer: Importer, engine: Engine
) -> None:
    importer.dropped()

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        (finding,) = ill(healthy)

    assert finding["message"] == "import 1 of a.csv is still queued"
    assert finding["advice"] == "keywright jobs retry 1 --stage test"


def failed_execution(importer: Importer, job: ImportJob) -> None:
    """Step Functions tells that it gave the import up."""
    state_input = json.dumps({"company": importer.company, "number": job.number})
    detail = {"status": "FAILED", "executionArn": "arn:started", "input": state_input}
    with redirect_stdout(io.StringIO()):
        import_csv.handler({"detail": detail}, Context())
    assert importer.job(job.number).state == "failed"


def test_how_paths_are_served_is_reported(healthy: Keywright, served: Served) -> None:
    printed = [each for each in healthy.run_json("doctor")["findings"] if each["about"] == "routes"]

    assert [each["message"] for each in printed] == [
        "GET /api/v1/orders/?limit=1 is served directly",
        "GET /api/v1/orders?limit=1 is served directly",
        "POST /api/v1/orders/create_order/ is served directly",
        "POST /api/v1/orders/create_order is served directly",
    ]
    assert [*open_client("test").orders.list()] == []


@pytest.mark.parametrize(
    ("status", "well", "way"),
    [
        (308, True, "served by a redirect (308) to the path without the slash"),
        (404, False, "not served: the API returned 404"),
        (405, False, "not served: the API returned 405"),
        (500, False, "not served: the API returned 500"),
    ],
)
def test_a_path_that_is_redirected_is_well_and_one_that_is_not_served_is_found(
    healthy: Keywright, served: Served, status: int, well: bool, way: str
) -> None:
    answer = httpx.Response(status, headers={"Location": "/api/v1/orders?limit=1"}, json={})
    served.later = {("GET", "/api/v1/orders/"): [answer, None]}

    printed = healthy.run_json("doctor", status=0 if well else 1)

    (finding,) = [
        each for each in printed["findings"] if each["message"].startswith("GET /api/v1/orders/?")
    ]
    assert (finding["passed"], finding["message"].partition(" is ")[2]) == (well, way)


def test_a_small_quota_of_lambda_is_found_and_where_to_request_more(
    healthy: Keywright, aws: AwsAccount
) -> None:
    aws.concurrency(10)

    (finding,) = ill(healthy)

    assert "L-B99A9384) in us-east-1 is 10: large imports" in finding["message"]
    assert "/servicequotas/home/services/lambda/quotas/L-B99A9384" in finding["message"]


@pytest.fixture
def kept(healthy: Keywright, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Keywright:
    """The same stage, which retains its data."""
    settings = {"retain": True, "order_reserved": 100, "import_reserved": 40}
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"stages": {"test": settings}}}))
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    return healthy


def test_a_stage_that_should_be_protected_and_is_not_is_found(
    kept: Keywright, aws: AwsAccount
) -> None:
    about = [(finding["about"], finding["message"]) for finding in ill(kept)]

    assert {name for name, _ in about} == {"protection"}
    assert about[0][1] == "termination protection of Keywright-test: off"
    assert len(about) == 9


def test_a_quota_that_is_too_small_for_the_next_deploy_is_found(
    kept: Keywright, aws: AwsAccount
) -> None:
    aws.concurrency(200)

    quota = [finding for finding in ill(kept) if finding["about"] == "quota"]

    assert "request 240 at" in quota[0]["message"]


def test_a_call_that_the_emulator_does_not_have_is_not_checked_and_not_ill(
    healthy: Keywright, aws: AwsAccount
) -> None:
    aws.answers["GetAccountSettings"] = refusal("InvalidAction", "Unknown", "GetAccountSettings")
    on_aws = find_deployment("test")

    (local,) = doctor.examine("quota", health.check_quota, replace(on_aws, name="local"))
    (ill_on_aws,) = doctor.examine("quota", health.check_quota, on_aws)

    assert (local.passed, local.checked) == (True, False)
    assert local.message.startswith("not checked: the emulator returned")
    assert not ill_on_aws.passed


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

    assert finding["message"] == "Keywright-test-Crashes is in ALARM"
    assert finding["advice"] == "2 crashes"

"""`keywright preflight`: each problem is one sentence, before anything is created."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from infra.cli.account import BOOTSTRAP_PARAMETER
from infra.cli.main import main
from tests.infra.aws_account import AwsAccount, refusal

DOMAIN = "licenses.example.com"
ARN = "arn:aws:acm:us-east-1:123456789012:certificate/one"


@pytest.fixture
def preflight(aws: AwsAccount, capsys: pytest.CaptureFixture[str]) -> "Preflight":
    return Preflight(aws, capsys)


class Preflight:
    """The command, as an operator runs it on prod."""

    def __init__(self, aws: AwsAccount, out: pytest.CaptureFixture[str]) -> None:
        self.aws = aws
        self._out = out

    def found(self, *settings: str, ready: bool, stage: str = "prod") -> dict[str, list[Any]]:
        """The findings by what they are about."""
        words = [word for setting in settings for word in ("--set", setting)]
        status = main(["preflight", "--stage", stage, "--json", *words])
        printed = json.loads(self._out.readouterr().out)
        assert (status == 0, printed["ready"]) == (ready, ready), printed
        found: dict[str, list[Any]] = {}
        for each in printed["findings"]:
            found.setdefault(each["about"], []).append(each)
        return found

    def refused(self, *settings: str, stage: str = "prod") -> str:
        """The one sentence that says what is not ready."""
        findings = self.found(*settings, ready=False, stage=stage).values()
        refused = [each for found in findings for each in found if each["outcome"] == "refused"]
        (sentence,) = (each["message"] for each in refused)
        assert sentence.endswith(".")
        return str(sentence)


def test_an_account_that_is_ready_passes_and_nothing_is_changed(preflight: Preflight) -> None:
    described(preflight, [DOMAIN], "ISSUED")
    preflight.aws.calls.clear()

    found = preflight.found(f"domain_name={DOMAIN}", f"certificate_arn={ARN}", ready=True)

    assert found.keys() == {
        "account",
        "bootstrap",
        "concurrency",
        "throughput",
        "stack",
        "leftovers",
        "certificate",
        "alarms",
    }
    assert "reserves 140 of the 900 that it may" in found["concurrency"][0]["message"]
    reads = ("Get", "Describe", "List", "AssumeRole")
    assert all(operation.startswith(reads) for operation in preflight.aws.calls)


def test_a_new_account_gets_lambda_s_quota_and_the_setting_that_needs_less(
    preflight: Preflight,
) -> None:
    preflight.aws.concurrency(10)

    sentence = preflight.refused()

    assert sentence == (
        "Lambda's quota “Concurrent executions” (L-B99A9384) in us-east-1 is 10, of which 0 can be"
        " reserved, but the stage prod reserves 140 (order_reserved=100, import_reserved=40):"
        " request 240 at"
        " https://us-east-1.console.aws.amazon.com/servicequotas/home/services/lambda/quotas/"
        "L-B99A9384, or deploy with"
        ' SET="order_reserved=0 import_reserved=0".'
    )
    assert preflight.found("order_reserved=0", "import_reserved=0", ready=True)


@pytest.mark.parametrize(("limit", "ready"), [(239, False), (240, True)])
def test_the_quota_that_it_names_is_the_one_that_is_enough(
    preflight: Preflight, limit: int, ready: bool
) -> None:
    preflight.aws.concurrency(limit)

    assert preflight.found(ready=ready)


def test_warm_throughput_above_the_default_quota_is_noted(preflight: Preflight) -> None:
    (found,) = preflight.found("warm_throughput=40000", ready=True)["throughput"]
    assert "pre-warmed for 40,000 write units per second" in found["message"]

    (found,) = preflight.found("warm_throughput=80000", ready=True)["throughput"]
    assert "quota “Table-level write throughput limit” is 40,000" in found["message"]


def test_warm_throughput_that_would_be_lowered_is_refused(preflight: Preflight) -> None:
    preflight.aws.stack("UPDATE_COMPLETE")
    table = {"ResourceType": "AWS::DynamoDB::Table"}
    preflight.aws.resources(
        {**table, "LogicalResourceId": "DataOrders1A", "PhysicalResourceId": "orders"},
        {**table, "LogicalResourceId": "DataAccess2B", "PhysicalResourceId": "access"},
    )
    warm = {"WriteUnitsPerSecond": 50_000}
    preflight.aws.answers["DescribeTable"] = {
        "Table": {
            "WarmThroughput": {"WriteUnitsPerSecond": 4_000},
            "GlobalSecondaryIndexes": [{"IndexName": "by_created", "WarmThroughput": warm}],
        }
    }

    assert "orders/by_created has 50,000. Set it to 50000 or more." in preflight.refused(
        "warm_throughput=40000"
    )
    assert preflight.found("warm_throughput=50000", ready=True)
    assert preflight.found(ready=True)


def test_a_request_that_is_pending_is_mentioned(preflight: Preflight) -> None:
    preflight.aws.concurrency(10)
    preflight.aws.answers["ListRequestedServiceQuotaChangeHistoryByQuota"] = {
        "RequestedQuotas": [{"DesiredValue": 1000.0}]
    }

    assert "(a request for 1000 is pending)" in preflight.refused()


def test_what_the_stack_has_reserved_already_is_not_needed_again(preflight: Preflight) -> None:
    preflight.aws.concurrency(240, unreserved=100)
    preflight.aws.stack("UPDATE_COMPLETE")
    preflight.aws.resources(
        {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "a"},
        {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": "q"},
        {"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": "b"},
    )
    reserved = {"a": {"ReservedConcurrentExecutions": 100}, "b": {}}
    answers = preflight.aws.answers
    answers["GetFunctionConcurrency"] = lambda request: reserved[request["FunctionName"]]

    assert "of which 100 can be reserved" in preflight.refused()
    reserved["b"] = {"ReservedConcurrentExecutions": 40}
    assert preflight.found(ready=True)


def test_no_credentials_are_named(preflight: Preflight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    assert "no AWS credentials: set AWS_PROFILE" in preflight.refused()


def test_no_region_is_named(preflight: Preflight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    assert "No AWS region is set: set AWS_REGION" in preflight.refused()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refusal("ExpiredToken", "it is late", "GetCallerIdentity"), "ExpiredToken"),
        (refusal("InvalidClientTokenId", "who?", "GetCallerIdentity"), "InvalidClientTokenId"),
        (EndpointConnectionError(endpoint_url="https://sts.nowhere"), "https://sts.nowhere"),
    ],
)
def test_credentials_that_aws_does_not_accept_are_named(
    preflight: Preflight, error: Exception, reason: str
) -> None:
    preflight.aws.answers["GetCallerIdentity"] = error

    sentence = preflight.refused()

    assert "does not accept these credentials in us-east-1" in sentence
    assert reason in sentence


def test_an_account_without_the_cdk_s_bootstrap_gets_the_command(preflight: Preflight) -> None:
    boto3.client("ssm").delete_parameter(Name=BOOTSTRAP_PARAMETER)

    assert "run node_modules/.bin/cdk bootstrap aws://123456789012/us-east-1." in (
        preflight.refused()
    )


def test_an_old_bootstrap_has_to_be_updated(preflight: Preflight) -> None:
    boto3.client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="5", Overwrite=True)

    assert "has version 5, and 6 is required" in preflight.refused()


@pytest.mark.parametrize(
    ("status", "protected", "message"),
    [
        ("UPDATE_IN_PROGRESS", True, "is UPDATE_IN_PROGRESS: wait"),
        ("DELETE_IN_PROGRESS", False, "is DELETE_IN_PROGRESS: wait"),
        ("ROLLBACK_COMPLETE", True, "--no-enable-termination-protection --stack-name"),
        ("ROLLBACK_FAILED", False, "delete these by hand, then: aws cloudformation delete-stack"),
        ("DELETE_FAILED", False, "AWS::S3::Bucket full: not empty"),
        ("UPDATE_ROLLBACK_FAILED", True, "aws cloudformation continue-update-rollback"),
        ("UPDATE_FAILED", True, "aws cloudformation rollback-stack"),
        ("IMPORT_ROLLBACK_FAILED", True, "fix it in the CloudFormation console"),
    ],
)
def test_a_stack_that_can_t_be_deployed_to_is_reported_with_what_to_do(
    preflight: Preflight, status: str, protected: bool, message: str
) -> None:
    preflight.aws.stack(status, protected=protected)
    preflight.aws.resources(
        {
            "ResourceType": "AWS::S3::Bucket",
            "PhysicalResourceId": "full",
            "ResourceStatus": "DELETE_FAILED",
            "ResourceStatusReason": "not empty.",
        }
    )

    assert message in preflight.refused()


@pytest.mark.parametrize(
    ("status", "protected"),
    [
        ("REVIEW_IN_PROGRESS", False),
        ("ROLLBACK_COMPLETE", False),
        ("CREATE_COMPLETE", True),
        ("UPDATE_COMPLETE", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("IMPORT_COMPLETE", True),
    ],
)
def test_a_stack_that_can_be_deployed_to_passes(
    preflight: Preflight, status: str, protected: bool
) -> None:
    preflight.aws.stack(status, protected=protected)
    preflight.aws.resources()

    assert preflight.found(ready=True)


def test_a_name_that_a_new_stack_would_take_is_found_before_it_does(preflight: Preflight) -> None:
    boto3.client("cloudwatch").put_dashboard(
        DashboardName="Keywright-prod", DashboardBody='{"widgets": []}'
    )

    assert preflight.refused() == (
        "The CloudWatch dashboard Keywright-prod already exists outside of the stack"
        " Keywright-prod, which would create it: aws cloudwatch delete-dashboards --dashboard-names"
        " Keywright-prod, then deploy again."
    )


@pytest.mark.parametrize(
    ("operation", "answer", "what"),
    [
        (
            "DescribeAlarms",
            {"MetricAlarms": [{"AlarmName": "Keywright-prod-Crashes"}]},
            "alarm Keywright-prod-Crashes",
        ),
        (
            "ListStateMachines",
            {"stateMachines": [{"name": "Keywright-prod-Imports", "stateMachineArn": "arn:m"}]},
            "state machine Keywright-prod-Imports",
        ),
        (
            "ListAliases",
            {"Aliases": [{"AliasName": "alias/Keywright-prod"}]},
            "alias alias/Keywright-prod",
        ),
        ("GetDomainNames", {"Items": [{"DomainName": DOMAIN}]}, f"domain name {DOMAIN}"),
    ],
)
def test_every_fixed_name_is_looked_for(
    preflight: Preflight, operation: str, answer: dict[str, Any], what: str
) -> None:
    described(preflight, [DOMAIN], "ISSUED")
    preflight.aws.answers[operation] = answer

    sentence = preflight.refused(f"domain_name={DOMAIN}", f"certificate_arn={ARN}")

    assert f"{what} already exists" in sentence


def test_the_names_of_a_stack_that_is_there_are_its_own(preflight: Preflight) -> None:
    preflight.aws.stack("CREATE_COMPLETE")
    preflight.aws.resources()
    boto3.client("cloudwatch").put_dashboard(
        DashboardName="Keywright-prod", DashboardBody='{"widgets": []}'
    )

    assert preflight.found(ready=True)


def test_the_data_of_an_earlier_stack_is_mentioned(preflight: Preflight) -> None:
    boto3.client("s3").create_bucket(Bucket="keywright-prod-datauploads81d8-abc")
    boto3.client("dynamodb").create_table(
        TableName="Keywright-prod-DataOrders20A4E13F-ABC",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    (found,) = preflight.found(ready=True)["leftovers"]

    assert found["outcome"] == "note"
    assert "table Keywright-prod-DataOrders20A4E13F-ABC" in found["message"]
    assert "bucket keywright-prod-datauploads81d8-abc" in found["message"]


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("nonsense", "certificate_arn=nonsense is not the ARN of an ACM certificate"),
        ("arn:aws:acm:eu-west-1:123456789012:certificate/1", "is in eu-west-1, and the stack goes"),
        ("arn:aws:acm:us-east-1:123456789012:certificate/1", "There is no certificate arn:aws"),
    ],
)
def test_a_certificate_that_api_gateway_would_not_take_is_named(
    preflight: Preflight, arn: str, message: str
) -> None:
    assert message in preflight.refused(f"domain_name={DOMAIN}", f"certificate_arn={arn}")


@pytest.mark.parametrize(
    ("names", "status", "message"),
    [
        (["example.com"], "ISSUED", f"example.com and does not cover domain_name={DOMAIN}"),
        (["*.com", "a.b.example.com"], "ISSUED", "does not cover"),
        ([DOMAIN], "PENDING_VALIDATION", "is PENDING_VALIDATION, not ISSUED"),
        ([DOMAIN], "EXPIRED", "is EXPIRED, not ISSUED"),
    ],
)
def test_a_certificate_must_cover_the_domain_and_be_issued(
    preflight: Preflight, names: list[str], status: str, message: str
) -> None:
    described(preflight, names, status)

    assert message in preflight.refused(f"domain_name={DOMAIN}", f"certificate_arn={ARN}")


@pytest.mark.parametrize("name", [DOMAIN, "*.example.com", "LICENSES.example.com"])
def test_a_certificate_covers_its_names_and_one_label_of_a_wildcard(
    preflight: Preflight, name: str
) -> None:
    described(preflight, ["other.example", name], "ISSUED")

    assert preflight.found(f"domain_name={DOMAIN}", f"certificate_arn={ARN}", ready=True)


def test_a_prod_stage_without_an_address_for_alarms_gets_a_warning(preflight: Preflight) -> None:
    (found,) = preflight.found(ready=True)["alarms"]
    (set_,) = preflight.found("alarm_email=ops@example.com", ready=True)["alarms"]

    assert (found["outcome"], set_["outcome"]) == ("note", "ok")
    assert "alarm_email is empty" in found["message"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("alarm_email=ops", "alarm_email must be an e-mail address"),
        ("order_reserved=many", "order_reserved must be int"),
        ("ordr_reserved=1", "ordr_reserved"),
        ("keywright:first-deploy=true", "is not a setting of a stage"),
        ("stage=dev", "is not a setting of a stage"),
        ("retain", "is not a setting of a stage"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    preflight: Preflight, setting: str, message: str
) -> None:
    assert message in preflight.refused(setting)


def test_a_stage_that_is_not_there_is_named(preflight: Preflight) -> None:
    assert "'staging' is not in cdk.json" in preflight.refused(stage="staging")
    assert "make up" in preflight.refused(stage="local")


def test_a_right_that_is_missing_leaves_its_check_out_and_is_named(preflight: Preflight) -> None:
    preflight.aws.deny("GetAccountSettings", "lambda:GetAccountSettings")

    (found,) = preflight.found(ready=True)["concurrency"]

    assert found["outcome"] == "not_checked"
    assert "lacks lambda:GetAccountSettings" in found["message"]


def test_a_missing_right_to_read_the_stack_is_named(preflight: Preflight) -> None:
    preflight.aws.deny("DescribeStacks", "cloudformation:DescribeStacks")

    assert "grant it cloudformation:DescribeStacks" in preflight.refused()


def test_who_may_not_assume_the_lookup_role_reads_with_what_there_is(preflight: Preflight) -> None:
    preflight.aws.deny("AssumeRole", "sts:AssumeRole")

    found = preflight.found(ready=True)

    assert found["bootstrap"][0]["outcome"] == "note"
    assert (
        "role/cdk-hnb659fds-deploy-role-123456789012-us-east-1 (sts:AssumeRole)"
        in (found["bootstrap"][0]["message"])
    )
    assert "may not assume" not in str(found["concurrency"])


def described(preflight: Preflight, names: list[str], status: str) -> None:
    certificate = {"DomainName": names[0], "SubjectAlternativeNames": names, "Status": status}
    preflight.aws.answers["DescribeCertificate"] = {"Certificate": certificate}

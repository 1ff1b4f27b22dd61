"""A stage stays within the account's quotas, and its names collide with no others."""

import json
import re
from collections.abc import Callable

import aws_cdk as cdk
import pytest

from infra.asset import build_asset
from infra.stage import Stage, read_stage
from infra.stamp import ROOT
from tests.infra.reading import Template, all_states, flat, resources, statements_of

STAGES = ("local", "dev", "prod")
FIXED_NAMES = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::EventBus": "Name",
    "AWS::KMS::Alias": "AliasName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
"""Everything that has a name of ours. CloudFormation names the rest, at random."""
NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::CodeDeploy::Application": "ApplicationName",
    "AWS::CodeDeploy::DeploymentGroup": "DeploymentGroupName",
}


def settings(stage: str) -> Stage:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return read_stage(cdk.App(context=context | {"stage": stage}).node)


def reserved(template: Template) -> list[int]:
    return [
        function["Properties"]["ReservedConcurrentExecutions"]
        for function in resources(template, "AWS::Lambda::Function").values()
        if "ReservedConcurrentExecutions" in function["Properties"]
    ]


def reserved_concurrency(stage: Stage) -> int:
    return stage.order_reserved + stage.import_reserved


@pytest.mark.parametrize("stage_name", STAGES)
def test_the_reserved_concurrency_of_a_stage_is_what_its_functions_reserve(
    synthesize: Callable[[str], Template], stage_name: str
) -> None:
    stage = settings(stage_name)

    assert sum(reserved(synthesize(stage_name))) == reserved_concurrency(stage)


def test_the_operations_page_says_what_every_stage_reserves() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    heads, row = (
        re.search(rf"^\| {title}\|(.*)\|$", page, re.MULTILINE)
        for title in (r" *", "reserved concurrency ")
    )
    assert heads
    assert row
    stages = [head.strip(" `") for head in heads[1].split("|")]
    documented = [sum(map(int, re.findall(r"\d+", cell))) for cell in row[1].split("|")]

    assert dict(zip(stages, documented, strict=True)) == {
        name: reserved_concurrency(settings(name)) for name in STAGES
    }


def test_the_template_is_one_that_cloudformation_takes(template: Template) -> None:
    """CloudFormation quotas: 500 resources, 200 outputs, 1 MB."""
    assert len(template["Resources"]) <= 500
    assert len(template["Outputs"]) <= 200
    assert len(json.dumps(template)) <= 1_000_000


def test_every_role_has_policies_that_iam_takes(template: Template) -> None:
    """IAM: "You can't exceed 10,240 characters" in all inline policies of a role, blanks aside."""
    for role in resources(template, "AWS::IAM::Role"):
        text = json.dumps(statements_of(template, role), separators=(",", ":"))
        # What CloudFormation puts in the place of a reference is no longer than an ARN of ours.
        assert len(re.sub(r'\{"(Ref|Fn::GetAtt)":[^}]*\}', "x" * 130, text)) <= 10_240, role


def test_every_function_is_one_that_lambda_takes(template: Template) -> None:
    """Lambda quotas: 4 KB of variables, 250 MB of code; a new account has 3,008 MB of memory."""
    for name, function in resources(template, "AWS::Lambda::Function").items():
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        text = json.dumps({key: flat(value) for key, value in variables.items()})
        assert len(text) + 64 * len(variables) <= 4096, name
        assert function["Properties"].get("MemorySize", 128) <= 3008
        assert function["Properties"].get("Timeout", 3) <= 900


def test_the_package_is_one_that_lambda_takes() -> None:
    package = build_asset("aarch64-manylinux2014").path

    assert sum(file.stat().st_size for file in package.rglob("*") if file.is_file()) < 250_000_000


@pytest.mark.parametrize("stage_name", ["dev", "prod"])
def test_every_route_is_one_that_api_gateway_takes(
    synthesize: Callable[[str], Template], stage_name: str
) -> None:
    """At most 300; each once; a greedy variable is the last part, and no key ends in a slash."""
    routes = resources(synthesize(stage_name), "AWS::ApiGatewayV2::Route").values()
    keys = [route["Properties"]["RouteKey"] for route in routes]
    part = r"(?:[A-Za-z0-9._~-]+|\{[A-Za-z0-9_]+\})"
    known = rf"\$default|(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|ANY) /(?:{part}(?:/{part})*"
    pattern = rf"{known}(?:/\{{[A-Za-z0-9_]+\+\}})?|\{{[A-Za-z0-9_]+\+\}})?"

    assert len(keys) == len(set(keys)) <= 300
    assert [key for key in keys if not re.fullmatch(pattern, key)] == []


def test_maps_are_labelled_as_step_functions_wants(template: Template) -> None:
    """At most 40 characters, different in one machine, without blanks or wildcards."""
    labels = [state["Label"] for _, state in all_states(template) if state["Type"] == "Map"]

    assert len(labels) == len(set(labels))
    assert all(re.fullmatch(r"[A-Za-z0-9-]{1,40}", label) for label in labels)


def test_every_name_of_ours_is_the_stage_s_alone_and_free_again_when_the_stack_is_deleted(
    template: Template, stage: str
) -> None:
    """CloudFormation can't create what is there already, nor replace what has a fixed name."""
    for kind, name in FIXED_NAMES.items():
        for logical_id, resource in resources(template, kind).items():
            assert re.search(rf"\b{stage}\b", resource["Properties"][name]), logical_id
            assert resource.get("DeletionPolicy", "Delete") == "Delete", logical_id
    for kind, name in NAMES.items():
        for logical_id, resource in resources(template, kind).items():
            assert name not in resource.get("Properties", {}), logical_id
    unnamed = {
        resource["Type"]
        for resource in template["Resources"].values()
        for name in resource.get("Properties", {})
        if name.endswith("Name") and resource["Type"] not in FIXED_NAMES | NAMES
    }
    assert unnamed <= {
        "AWS::CloudFormation::CustomResource",
        "AWS::IAM::Policy",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::ApiGatewayV2::Stage",
        "Custom::S3AutoDeleteObjects",
        "Custom::S3BucketNotifications",
    }

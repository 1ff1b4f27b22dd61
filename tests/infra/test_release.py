"""Releases: calls go to an alias, which moves unless an alarm is raised."""

from collections.abc import Callable

import pytest

from tests.infra.reading import Template, flat, functions, live, resources


def test_the_local_stage_has_no_alias_for_the_emulator_has_nothing_to_move_it(
    synthesize: Callable[[str], Template],
) -> None:
    local = synthesize("local")

    assert not resources(local, "AWS::Lambda::Alias")
    assert not resources(local, "AWS::CodeDeploy::DeploymentGroup")


@pytest.mark.parametrize(
    ("stage_name", "how"),
    [
        ("dev", "CodeDeployDefault.LambdaAllAtOnce"),
        ("prod", "CodeDeployDefault.LambdaCanary10Percent5Minutes"),
    ],
)
def test_every_function_moves_as_the_stage_says_and_back_when_an_alarm_rings(
    synthesize: Callable[[str], Template], stage_name: str, how: str
) -> None:
    template = synthesize(stage_name)
    groups = resources(template, "AWS::CodeDeploy::DeploymentGroup")
    alarms = resources(template, "AWS::CloudWatch::Alarm")

    for module in functions(template):
        alias = template["Resources"][live(template, module)["Ref"]]
        update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[update["DeploymentGroupName"]["Ref"]]["Properties"]
        assert group["DeploymentConfigName"] == how
        assert group["AutoRollbackConfiguration"]["Events"] == [
            "DEPLOYMENT_FAILURE",
            "DEPLOYMENT_STOP_ON_ALARM",
        ]
        own, crashes = (
            alarms[each["Name"]["Ref"]]["Properties"]
            for each in group["AlarmConfiguration"]["Alarms"]
        )
        assert own["MetricName"] == "Errors"
        assert own["Dimensions"][0]["Value"] == alias["Properties"]["FunctionName"]
        assert crashes["MetricName"] == "Crash"
        assert {own["Period"], crashes["Period"]} == {60}


@pytest.mark.parametrize("stage_name", ["dev", "prod"])
def test_every_caller_uses_the_alias(
    synthesize: Callable[[str], Template], stage_name: str
) -> None:
    template = synthesize(stage_name)
    aliases = {live(template, module)["Ref"] for module in functions(template)}

    for permission in resources(template, "AWS::Lambda::Permission").values():
        assert permission["Properties"]["FunctionName"]["Ref"] in aliases


@pytest.mark.parametrize(
    ("stage_name", "policy"), [("dev", "Delete"), ("prod", "RetainExceptOnCreate")]
)
def test_prod_keeps_versions_to_go_back_to(
    synthesize: Callable[[str], Template], stage_name: str, policy: str
) -> None:
    """But none of a deploy that failed: Lambda would refuse to publish the same code again."""
    versions = resources(synthesize(stage_name), "AWS::Lambda::Version").values()

    assert {version.get("DeletionPolicy", "Delete") for version in versions} == {policy}


def test_who_moves_calls_may_do_so_for_these_functions_alone(prod: Template) -> None:
    (policy,) = (
        policy["Properties"]["PolicyDocument"]["Statement"]
        for name, policy in resources(prod, "AWS::IAM::Policy").items()
        if name.startswith("Release")
    )

    moves, looks = policy
    assert set(moves["Action"]) == {
        "lambda:GetAlias",
        "lambda:UpdateAlias",
        "lambda:GetProvisionedConcurrencyConfig",
    }
    assert len(moves["Resource"]) == 2 * len(functions(prod))
    assert looks["Action"] == "cloudwatch:DescribeAlarms"
    # A denial names "resource: arn:aws:cloudwatch:<region>:<account>:alarm:*", so grants for single
    # alarms could stop every deploy but the first one.
    assert flat(looks["Resource"]).endswith(":<AWS::AccountId>:alarm:*")

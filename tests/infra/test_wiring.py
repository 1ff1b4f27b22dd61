"""What AWS checks between the resources of a stage: logs, events, queues and alarms.

CloudFormation accepts a template in which a service may not write to its destination. Then the
first deploy fails, or an event or an alarm is lost in silence. `test_key.py` has the key.
"""

from collections.abc import Iterator
from typing import Any

from tests.infra.reading import (
    Template,
    as_list,
    flat,
    logical_id,
    resources,
    role_of,
    statements_of,
)

WRITE_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def resource_policy(template: Template, kind: str, logical_id: str) -> Iterator[dict[str, Any]]:
    """Statements of the queue's or topic's own policy that allow something."""
    for policy in resources(template, kind).values():
        named = policy["Properties"].get("Queues") or policy["Properties"]["Topics"]
        if {"Ref": logical_id} in named:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    yield statement


def asynchronous_calls(template: Template) -> set[str]:
    """What is invoked with nobody waiting: by a rule, by the bucket, or by one of our functions."""
    found = set()
    for rule in resources(template, "AWS::Events::Rule").values():
        found |= {logical_id(target["Arn"]) for target in rule["Properties"]["Targets"]}
    for each in resources(template, "Custom::S3BucketNotifications").values():
        configured = each["Properties"]["NotificationConfiguration"]["LambdaFunctionConfigurations"]
        found |= {logical_id(one["LambdaFunctionArn"]) for one in configured}
    for function in resources(template, "AWS::Lambda::Function").values():
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        if "IMPORT_FUNCTION" in variables:
            found.add(logical_id(variables["IMPORT_FUNCTION"]))
    return found


def function_behind(template: Template, called: str) -> str:
    """The function of an alias, or the function itself."""
    resource = template["Resources"][called]
    if resource["Type"] == "AWS::Lambda::Alias":
        return logical_id(resource["Properties"]["FunctionName"])
    return called


def invocation_config(template: Template, called: str) -> dict[str, Any]:
    """How Lambda treats asynchronous calls of this alias or function, by exactly this qualifier."""
    alias = called if template["Resources"][called]["Type"] == "AWS::Lambda::Alias" else None
    (found,) = (
        config["Properties"]
        for config in resources(template, "AWS::Lambda::EventInvokeConfig").values()
        if logical_id(config["Properties"]["FunctionName"]) == function_behind(template, called)
        and ("<" + (alias or "") + ">" in str(flat_select(config["Properties"]["Qualifier"])))
        is bool(alias)
    )
    properties: dict[str, Any] = found
    return properties


def flat_select(qualifier: Any) -> str:
    """`$LATEST`, or the alias out of whose ARN CloudFormation takes the last part."""
    if isinstance(qualifier, str):
        return qualifier
    index, split = qualifier["Fn::Select"]
    mark, whole = split["Fn::Split"]
    assert (int(index), mark) == (7, ":")
    return flat(whole)


def test_every_function_writes_to_a_log_group_of_its_own_and_to_no_other(
    template: Template,
) -> None:
    """Without `logs:CreateLogGroup` a group that was deleted with its stage stays deleted."""
    groups = []
    for name, function in resources(template, "AWS::Lambda::Function").items():
        group = logical_id(function["Properties"]["LoggingConfig"]["LogGroup"])
        groups.append(group)
        assert template["Resources"][group]["Type"] == "AWS::Logs::LogGroup"
        granted = [
            statement
            for statement in statements_of(template, role_of(function))
            if any(action.startswith("logs:") for action in as_list(statement["Action"]))
        ]
        assert {action for each in granted for action in as_list(each["Action"])} == WRITE_LOGS
        assert [each["Resource"] for each in granted] == [{"Fn::GetAtt": [group, "Arn"]}], name
    assert len(groups) == len(set(groups))


def test_a_function_waits_for_every_policy_of_its_role(template: Template) -> None:
    """Lambda refuses a destination as long as "The function's execution role does not have
    permissions to call SendMessage", and a custom resource runs as soon as its function exists.
    """
    kinds = ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine")
    for kind in kinds:
        for name, resource in resources(template, kind).items():
            role = role_of(resource)
            policies = {
                policy
                for policy, each in resources(template, "AWS::IAM::Policy").items()
                if {"Ref": role} in each["Properties"]["Roles"]
            }
            assert policies | {role} <= set(as_list(resource.get("DependsOn", []))), name


def test_the_bucket_notifies_only_after_lambda_allows_it(template: Template) -> None:
    """S3: "Unable to validate the following destination configurations", if not."""
    (notification,) = resources(template, "Custom::S3BucketNotifications").values()
    permissions = {
        name
        for name, permission in resources(template, "AWS::Lambda::Permission").items()
        if permission["Properties"]["Principal"] == "s3.amazonaws.com"
    }

    assert permissions
    assert permissions <= set(notification["DependsOn"])


def test_every_event_that_cannot_be_delivered_is_kept(template: Template) -> None:
    """EventBridge needs the queue's own policy: "aws:SourceArn" is the rule's."""
    for name, rule in resources(template, "AWS::Events::Rule").items():
        for target in rule["Properties"]["Targets"]:
            queue = logical_id(target["DeadLetterConfig"]["Arn"])
            allowed = [
                statement
                for statement in resource_policy(template, "AWS::SQS::QueuePolicy", queue)
                if statement["Principal"] == {"Service": "events.amazonaws.com"}
                and statement["Condition"]
                == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [name, "Arn"]}}}
            ]
            assert [each["Action"] for each in allowed] == ["sqs:SendMessage"], name
            assert [each["Resource"] for each in allowed] == [{"Fn::GetAtt": [queue, "Arn"]}]


def test_every_asynchronous_call_that_no_attempt_could_run_is_kept(template: Template) -> None:
    """Lambda uses the configuration of the alias that was called, and the function's own role."""
    called = asynchronous_calls(template)

    assert len(called) == 3
    for name in called:
        config = invocation_config(template, name)
        queue = logical_id(config["DestinationConfig"]["OnFailure"]["Destination"])
        assert template["Resources"][queue]["Type"] == "AWS::SQS::Queue"
        role = role_of(template["Resources"][function_behind(template, name)])
        assert any(
            "sqs:SendMessage" in as_list(statement["Action"])
            and statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
            for statement in statements_of(template, role)
        ), name


def test_every_caller_of_a_function_is_a_service_and_one_resource_of_the_stage(
    template: Template,
) -> None:
    for name, permission in resources(template, "AWS::Lambda::Permission").items():
        properties = permission["Properties"]
        assert properties["Principal"].endswith(".amazonaws.com"), name
        assert "<" in flat(properties["SourceArn"]), name
        if properties["Principal"] == "s3.amazonaws.com":  # a bucket's ARN names no account
            assert properties["SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_every_alarm_reaches_the_topic(template: Template) -> None:
    topics = resources(template, "AWS::SNS::Topic")
    for name, alarm in resources(template, "AWS::CloudWatch::Alarm").items():
        actions = alarm["Properties"]["AlarmActions"]
        assert {logical_id(action) for action in actions} == set(topics), name
    for topic in topics:
        (allowed,) = resource_policy(template, "AWS::SNS::TopicPolicy", topic)
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert allowed["Action"] == "sns:Publish"
        assert allowed["Resource"] == {"Ref": topic}

"""The import resources: bucket notification, state machine, dead-letter queues."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.data import KINDS
from infra.state_machine import TRACES
from shared.import_job import KINDS as IMPORTED
from tests.infra.reading import (
    Definition,
    Template,
    all_states,
    as_list,
    asynchronous,
    flat,
    functions,
    live,
    live_arn,
    machine_resource,
    resources,
    state_machine,
)

IMPORT = "functions.import_csv"


def maps(template: Template) -> dict[str, Definition]:
    return {name: state for name, state in all_states(template) if state["Type"] == "Map"}


def test_folders_of_the_bucket_are_the_kinds_of_import() -> None:
    assert KINDS == IMPORTED


def test_a_csv_file_that_appears_starts_the_import_function(template: Template) -> None:
    (notifications,) = resources(template, "Custom::S3BucketNotifications").values()

    configured = notifications["Properties"]["NotificationConfiguration"]
    assert configured.keys() == {"LambdaFunctionConfigurations"}
    started = configured["LambdaFunctionConfigurations"]
    for each in started:
        assert each["LambdaFunctionArn"] == live(template, IMPORT)
        assert each["Events"] == ["s3:ObjectCreated:*"]
    suffixes = [each["Filter"]["Key"]["FilterRules"] for each in started]
    assert suffixes == [[{"Name": "suffix", "Value": value}] for value in (".csv", ".CSV")]


def test_only_our_bucket_in_our_account_may_start_it(template: Template) -> None:
    (bucket,) = resources(template, "AWS::S3::Bucket")
    (allowed,) = (
        permission["Properties"]
        for permission in resources(template, "AWS::Lambda::Permission").values()
        if permission["Properties"]["Principal"] == "s3.amazonaws.com"
    )

    assert allowed["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert allowed["SourceArn"] == {"Fn::GetAtt": [bucket, "Arn"]}


def test_who_sets_the_notification_may_set_it_on_this_bucket_alone(template: Template) -> None:
    (notifications,) = resources(template, "Custom::S3BucketNotifications").values()
    handler = template["Resources"][notifications["Properties"]["ServiceToken"]["Fn::GetAtt"][0]]
    (role, _) = handler["Properties"]["Role"]["Fn::GetAtt"]
    policies = {
        name: policy
        for name, policy in resources(template, "AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    }

    assert "ManagedPolicyArns" not in template["Resources"][role]["Properties"]
    assert set(policies) <= set(handler["DependsOn"])
    allowed = {
        action
        for policy in policies.values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
    }
    assert allowed == {"s3:PutBucketNotification", "logs:CreateLogStream", "logs:PutLogEvents"}


def test_an_arrival_that_cannot_be_handled_is_tried_again_and_kept(template: Template) -> None:
    invocation = asynchronous(template, "functions.import_csv")

    assert invocation["MaximumRetryAttempts"] == 2
    (queue, _) = invocation["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
    assert template["Resources"][queue]["Type"] == "AWS::SQS::Queue"
    alarms = resources(template, "AWS::CloudWatch::Alarm").values()
    watched = [
        alarm["Properties"]["Dimensions"][0]["Value"]
        for alarm in alarms
        if alarm["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
    ]
    assert {"Fn::GetAtt": [queue, "QueueName"]} in watched


def test_the_job_of_a_failed_execution_is_marked_failed(template: Template) -> None:
    machine = machine_resource(template)
    (rule,) = (
        each["Properties"]
        for each in resources(template, "AWS::Events::Rule").values()
        if "-Imports" in json.dumps(each["Properties"].get("EventPattern", {}))
    )
    invocation = asynchronous(template, "functions.import_csv")

    pattern = rule["EventPattern"]
    (arn,) = pattern["detail"]["stateMachineArn"]
    assert flat(arn).endswith(f":stateMachine:{machine['Properties']['StateMachineName']}")
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (target,) = rule["Targets"]
    assert target["Arn"] == live(template, IMPORT)
    kept = invocation["DestinationConfig"]["OnFailure"]["Destination"]
    assert target["DeadLetterConfig"] == {"Arn": kept}


def test_no_map_and_no_task_catches_because_a_caught_one_cannot_be_redriven(
    template: Template,
) -> None:
    assert set(maps(template)) == {"Validate", "Write"}
    assert not [name for name, state in all_states(template) if "Catch" in state]


def test_maps_read_our_manifest_and_never_the_file(template: Template) -> None:
    for state in maps(template).values():
        reader = state["ItemReader"]
        assert reader["ReaderConfig"] == {"InputType": "JSON"}
        assert reader["Parameters"] == {"Bucket.$": "$.bucket", "Key.$": "$.manifest_key"}


def test_maps_keep_their_input_for_the_next_state(template: Template) -> None:
    for state in maps(template).values():
        assert state["ResultPath"] is None


def test_ranges_are_standard_executions_that_loop_until_they_are_done(template: Template) -> None:
    for state in maps(template).values():
        processor = state["ItemProcessor"]
        assert processor["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
        first = processor["States"][processor["StartAt"]]
        assert first["Parameters"]["Payload.$"] == "$"
        choice = processor["States"][first["Next"]]
        (again,) = choice["Choices"]
        assert again == {
            "Variable": "$.done",
            "BooleanEquals": False,
            "Next": processor["StartAt"],
        }
        assert processor["States"][choice["Default"]]["Type"] == "Succeed"


@pytest.mark.parametrize(("stage_name", "at_once"), [("local", 2), ("prod", 8)])
def test_the_stage_says_how_many_ranges_run_at_once(
    synthesize: Callable[[str], Template], stage_name: str, at_once: int
) -> None:
    for state in maps(synthesize(stage_name)).values():
        assert state["MaxConcurrency"] == at_once


def test_every_task_is_tried_again_at_a_time_of_its_own(template: Template) -> None:
    tasks = [state for _, state in all_states(template) if state["Type"] == "Task"]

    assert len(tasks) == 5
    for task in tasks:
        busy, anything = task["Retry"]
        assert "Lambda.TooManyRequestsException" in busy["ErrorEquals"]
        assert anything["ErrorEquals"] == ["States.ALL"]
        assert anything["MaxAttempts"] == 5
        assert {retry["JitterStrategy"] for retry in task["Retry"]} == {"FULL"}


def test_an_execution_ends_some_day(template: Template) -> None:
    machine = machine_resource(template)

    assert state_machine(template)["TimeoutSeconds"] == 86_400
    assert machine["Properties"].get("StateMachineType", "STANDARD") == "STANDARD"


def test_the_machine_may_run_itself_its_function_and_read_manifests(template: Template) -> None:
    machine = machine_resource(template)
    (role, _) = machine["Properties"]["RoleArn"]["Fn::GetAtt"]
    allowed = {
        (action, re.sub(r"^arn:.*:", "", flat(resource)))
        for policy in resources(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if not action.startswith("kms:")
    }

    (bucket,) = resources(template, "AWS::S3::Bucket")
    name = machine["Properties"]["StateMachineName"]
    assert allowed == {
        ("lambda:InvokeFunction", live_arn(template, IMPORT)),
        ("s3:GetObject", f"<{bucket}.Arn>/_results/*"),
        ("states:StartExecution", name),
        *((f"states:{verb}Execution", "*") for verb in ("Describe", "Stop", "Redrive")),
        *((action, "*") for action in (TRACES if traced(machine) else ())),
    }


@pytest.mark.parametrize(("stage_name", "on"), [("local", False), ("dev", False), ("prod", True)])
def test_the_machine_is_traced_where_the_stage_says(
    synthesize: Callable[[str], Template], stage_name: str, on: bool
) -> None:
    machine = machine_resource(synthesize(stage_name))

    assert traced(machine) == on


def traced(machine: dict[str, Any]) -> bool:
    enabled: bool = machine["Properties"]["TracingConfiguration"]["Enabled"]
    return enabled


@pytest.mark.parametrize(("stage_name", "reserved"), [("local", None), ("dev", None), ("prod", 40)])
def test_concurrency_is_reserved_where_the_account_has_enough(
    synthesize: Callable[[str], Template], stage_name: str, reserved: int | None
) -> None:
    function = functions(synthesize(stage_name))["functions.import_csv"]["Properties"]

    assert function.get("ReservedConcurrentExecutions") == reserved


def test_the_function_knows_which_files_are_large_and_the_state_machine(
    synthesize: Callable[[str], Template],
) -> None:
    environment = functions(synthesize("local"))["functions.import_csv"]["Properties"][
        "Environment"
    ]

    assert environment["Variables"]["IMPORT_INLINE_BYTES"] == str(2 * 1024 * 1024)
    assert environment["Variables"]["IMPORT_CHUNK_BYTES"] == str(512 * 1024)
    assert flat(environment["Variables"]["IMPORT_STATE_MACHINE"]).endswith(
        "Keywright-local-Imports"
    )


def test_an_import_never_takes_the_concurrency_of_orders(
    synthesize: Callable[[str], Template],
) -> None:
    """What a function has reserved is its own, and all that imports run in is one function."""
    template = synthesize("prod")
    reserved = {
        module: function["Properties"].get("ReservedConcurrentExecutions")
        for module, function in functions(template).items()
    }

    assert reserved["functions.create_order"] is not None
    assert reserved["functions.import_csv"] is not None
    for state in maps(template).values():
        assert state["MaxConcurrency"] < reserved["functions.import_csv"]

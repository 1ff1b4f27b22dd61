"""The state machine of exports: a loop of one task, and what happens when it fails."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.infra.reading import (
    Template,
    as_list,
    asynchronous,
    flat,
    live,
    live_arn,
    machine_resource,
    resources,
    state_machine,
)
from tests.infra.test_state_machine import PSEUDO_PARAMETERS, validate

MODULE = "functions.export_chunk"


def test_asl_validator_accepts_the_definition(
    synthesize: Callable[[str], Template], tmp_path: Path
) -> None:
    definitions = {}
    for stage in ("local", "dev", "prod"):
        text = json.dumps(state_machine(synthesize(stage), "Exports"))
        for name, value in PSEUDO_PARAMETERS.items():
            text = text.replace(name, value)
        arn = "arn:aws:lambda:eu-central-1:123456789012:function:ExportChunk:live"
        definitions[stage] = re.sub(r"<ExportChunk[A-Za-z0-9.]+>", arn, text)
        assert "<" not in definitions[stage]

    done = validate(definitions, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_machine_repeats_the_step_until_it_is_done(template: Template) -> None:
    machine = state_machine(template, "Exports")
    task = machine["States"]["ExportChunk"]
    more = machine["States"][task["Next"]]

    assert machine["States"][machine["StartAt"]]["Type"] == "Wait"
    assert task["Parameters"]["Payload.$"] == "$"
    assert [retry["MaxAttempts"] for retry in task["Retry"]] == [30, 5]
    (again,) = more["Choices"]
    assert again == {"Variable": "$.done", "BooleanEquals": False, "Next": "ExportChunk"}
    assert machine["States"][more["Default"]] == {"Type": "Succeed"}
    assert machine["TimeoutSeconds"] == 86_400


def test_a_day_of_steps_fits_into_the_history_of_an_execution(template: Template) -> None:
    """AWS: "a hard quota of 25,000 entries in the execution event history"."""
    events_of_a_pass, shortest_pass = 7, 13 * 60

    assert 86_400 / shortest_pass * events_of_a_pass < 25_000 / 10


def test_the_export_of_a_failed_execution_is_marked_failed(template: Template) -> None:
    (rule,) = (
        each["Properties"]
        for each in resources(template, "AWS::Events::Rule").values()
        if "-Exports" in json.dumps(each["Properties"].get("EventPattern", {}))
    )
    name = machine_resource(template, "Exports")["Properties"]["StateMachineName"]

    (arn,) = rule["EventPattern"]["detail"]["stateMachineArn"]
    assert flat(arn).endswith(f":stateMachine:{name}")
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (target,) = rule["Targets"]
    assert target["Arn"] == live(template, MODULE)
    kept = asynchronous(template, MODULE)["DestinationConfig"]["OnFailure"]["Destination"]
    assert target["DeadLetterConfig"] == {"Arn": kept}


def test_the_machine_may_invoke_its_function_and_nothing_else(template: Template) -> None:
    (role, _) = machine_resource(template, "Exports")["Properties"]["RoleArn"]["Fn::GetAtt"]
    allowed = {
        (action, flat(resource) if not isinstance(resource, str) else resource)
        for policy in resources(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }

    invoke = {each for each in allowed if not each[0].startswith("xray:")}
    assert invoke == {("lambda:InvokeFunction", live_arn(template, MODULE))}

"""The state machine that imports a large file: plan, a Distributed Map over its ranges, finish.

Every task is the same function. No map has a Catch: a caught one could not be redriven.
"""

import json
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.data import RESULTS, Data
from infra.function import Function
from infra.key import DECRYPT, through
from infra.nag import acknowledge, acknowledge_star
from infra.stage import Stage

LONGEST = Duration.hours(24)
"""How long an import of any size may take; what takes longer is stuck."""

BUSY = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
"""Errors of Lambda itself, not of our code: worth waiting for."""

TRACES = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
]
"""What Step Functions asks for before it traces an execution."""

NAMED_LATER = "an execution is named after its import, which a deploy can't know"
"""Why grants name executions by a pattern."""

Definition = dict[str, Any]


def machine_name(stack: Stack) -> str:
    """Known before the machine is made: the function that starts it is also what it runs."""
    return f"{stack.stack_name}-Imports"


def machine_arn(stack: Stack) -> str:
    return _arn(stack, "stateMachine", machine_name(stack))


def executions_arn(stack: Stack) -> str:
    """All executions that are imports, and none of the ranges within them."""
    return _arn(stack, "execution", f"{machine_name(stack)}:*")


class Machine(Construct):
    """Standard, and its children too, because a range may take longer than Express's 5 minutes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey | None,
        data: Data,
        function: Function,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        results, imports = data.uploads.arn_for_objects(RESULTS), executions_arn(stack)
        children = _arn(stack, "execution", f"{machine_name(stack)}/*:*")
        for actions, resource in (
            (["lambda:InvokeFunction"], function.live_arn),
            (["s3:GetObject"], results),
            (["states:StartExecution"], machine_arn(stack)),
            (["states:DescribeExecution", "states:StopExecution"], imports),
            (
                ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"],
                children,
            ),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        if key:
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=[*DECRYPT], resources=[key.key_arn], conditions=through(stack, "s3")
                )
            )
        if stage.tracing:
            role.add_to_policy(iam.PolicyStatement(actions=TRACES, resources=["*"]))
            acknowledge_star(self, "*", "X-Ray knows no resources to name")
        else:
            acknowledge(self, "SF2", "the stage traces nothing, and its logs tell the same")
        for pattern in (results, imports, children):
            acknowledge_star(self, pattern, NAMED_LATER)
        machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=machine_name(stack),
            role_arn=role.role_arn,
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(
                enabled=stage.tracing
            ),
            definition_string=json.dumps(
                definition(
                    function.live.function_arn,
                    partition=stack.partition,
                    concurrency=stage.import_concurrency,
                )
            ),
        )
        machine.node.add_dependency(role)
        acknowledge(self, "SF1", "AWS keeps the history of every execution for 90 days as it is")


def definition(function_arn: str, *, partition: str, concurrency: int) -> Definition:
    """In the Amazon States Language; `functions/import_csv.py` says what each step returns.

    State names differ between the two maps: "state names MUST be unique within the scope of the
    whole state machine" (Amazon States Language). A child execution ends with an empty output,
    because a Distributed Map gathers the output of every child even with `ResultPath: null`, and
    ends with `States.DataLimitExceeded` above 256 KiB (github.com/aws/aws-cdk/issues/24799).
    """
    invoke = _Invoke(function_arn, f"arn:{partition}:states:::lambda:invoke")
    reader = f"arn:{partition}:states:::s3:getObject"

    def map_over_ranges(which: str, then: str) -> Definition:
        chunk, more, done = f"Chunk to {which}", f"More to {which}", f"Done to {which}"
        return {
            "Type": "Map",
            "Label": which.capitalize(),
            "MaxConcurrency": concurrency,
            "ItemReader": {
                "Resource": reader,
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.manifest_key"},
            },
            "ItemSelector": {
                "step": "chunk",
                "pass": which,
                "company.$": "$.company",
                "number.$": "$.number",
                "chunk.$": "$$.Map.Item.Value",
                "done_rows": 0,
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": chunk,
                "States": {
                    chunk: invoke.as_it_is(more),
                    more: {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$.done", "BooleanEquals": False, "Next": chunk}],
                        "Default": done,
                    },
                    done: {"Type": "Succeed", "OutputPath": None},
                },
            },
            "ResultPath": None,
            "Next": then,
        }

    return {
        "StartAt": "Plan",
        "TimeoutSeconds": int(LONGEST.to_seconds()),
        "States": {
            "Plan": invoke.step("plan", "Passes"),
            "Passes": _choice(
                "$.passes[0]", {"validate": "Validate", "write": "Write"}, default="Finish"
            ),
            "Validate": map_over_ranges("validate", "Decide"),
            "Decide": invoke.step("decide", "Go")
            | {"OutputPath": "$", "ResultSelector": {"go.$": "$.Payload.go"}, "ResultPath": "$.to"},
            "Go": _choice("$.to.go", {"write": "Write"}, default="Finish"),
            "Write": map_over_ranges("write", "Finish"),
            "Finish": invoke.step("finish", None),
        },
    }


class _Invoke:
    """Tasks that call the function and pass on what it returns."""

    def __init__(self, function_arn: str, resource: str) -> None:
        self._function_arn = function_arn
        self._resource = resource

    def step(self, step: str, then: str | None) -> Definition:
        """Called with the job's names and the name of the step."""
        return self._task({"step": step, "company.$": "$.company", "number.$": "$.number"}, then)

    def as_it_is(self, then: str) -> Definition:
        """Called with the state's own input."""
        task = self._task({}, then)
        del task["Parameters"]["Payload"]
        task["Parameters"]["Payload.$"] = "$"
        return task

    def _task(self, payload: Definition, then: str | None) -> Definition:
        return {
            "Type": "Task",
            "Resource": self._resource,
            "Parameters": {"FunctionName": self._function_arn, "Payload": payload},
            "OutputPath": "$.Payload",
            "Retry": [_retry(BUSY, attempts=30), _retry(["States.ALL"], attempts=5)],
            **({"Next": then} if then else {"End": True}),
        }


def _retry(errors: list[str], *, attempts: int) -> Definition:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "MaxAttempts": attempts,
        "JitterStrategy": "FULL",
    }


def _choice(variable: str, ways: dict[str, str], *, default: str) -> Definition:
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": variable, "StringEquals": value, "Next": then}
            for value, then in ways.items()
        ],
        "Default": default,
    }


def _arn(stack: Stack, resource: str, name: str) -> str:
    arn: str = stack.format_arn(
        service="states",
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return arn

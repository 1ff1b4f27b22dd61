"""The state machine that imports a large file: plan, a Distributed Map over its chunks, finish.

Every task invokes the same function. The maps have no Catch: Step Functions can't redrive an
execution whose error was caught.
"""

import json
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.data import RESULTS, Data
from infra.function import Function
from infra.key import DECRYPT, via_service
from infra.nag import acknowledge, acknowledge_star
from infra.stage import Stage

MAX_DURATION = Duration.hours(24)
"""Timeout of an import of any size; an import that takes longer is stuck."""

LAMBDA_ERRORS = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
"""Errors of the Lambda service rather than of the function, which are retried more often."""

TRACES = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
]
"""Permissions that Step Functions requires to trace an execution."""

EXECUTION_NAMES = "executions are named after imports, which do not exist at deploy time"
"""The reason why grants refer to executions by a pattern."""

Definition = dict[str, Any]


def machine_name(stack: Stack) -> str:
    """Return a fixed name: the function needs it before the state machine can be created."""
    return f"{stack.stack_name}-Imports"


def machine_arn(stack: Stack) -> str:
    """Return the ARN of the state machine, from its fixed name."""
    return states_arn(stack, "stateMachine", machine_name(stack))


def executions_arn(stack: Stack) -> str:
    """Return the ARN pattern of executions of imports, without child executions of chunks."""
    return states_arn(stack, "execution", f"{machine_name(stack)}:*")


def invoke_on_failure(
    scope: Construct, function: Function, machine: str, failed: sqs.IQueue
) -> None:
    """Invoke a function when an execution fails, to fail its job: nothing else does.

    Events that can't be delivered go to the queue `failed`.
    """
    events.Rule(
        scope,
        "Ended badly",
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "stateMachineArn": [machine],
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
            },
        ),
        targets=[
            targets.LambdaFunction(
                function.live,
                dead_letter_queue=failed,
                max_event_age=Duration.hours(6),
                retry_attempts=10,
            )
        ],
    )


class Machine(Construct):
    """A Standard workflow with Standard children: a chunk may exceed Express's limit of 5 min."""

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
        children = states_arn(stack, "execution", f"{machine_name(stack)}/*:*")
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
                    actions=[*DECRYPT], resources=[key.key_arn], conditions=via_service(stack, "s3")
                )
            )
        for pattern in (results, imports, children):
            acknowledge_star(self, pattern, EXECUTION_NAMES)
        steps = definition(
            function.live.function_arn,
            partition=stack.partition,
            concurrency=stage.import_concurrency,
        )
        add_machine(self, machine_name(stack), steps, role, stage)


def add_machine(
    scope: Construct, name: str, steps: Definition, role: iam.Role, stage: Stage
) -> None:
    """Add a state machine that runs with this role, and is traced if the stage is."""
    if stage.tracing:
        role.add_to_policy(iam.PolicyStatement(actions=TRACES, resources=["*"]))
        acknowledge_star(scope, "*", "X-Ray has no resource-level permissions")
    else:
        acknowledge(
            scope, "SF2", "tracing is off in this stage; logs have the same correlation ids"
        )
    machine = stepfunctions.CfnStateMachine(
        scope,
        "Machine",
        state_machine_name=name,
        role_arn=role.role_arn,
        tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(
            enabled=stage.tracing
        ),
        definition_string=json.dumps(steps),
    )
    machine.node.add_dependency(role)
    acknowledge(scope, "SF1", "AWS keeps the history of every execution for 90 days")


def definition(function_arn: str, *, partition: str, concurrency: int) -> Definition:
    """Return the Amazon States Language; for what a step returns, see functions/import_csv.py.

    State names differ between the two maps, because "state names MUST be unique within the scope
    of the whole state machine" (Amazon States Language). A child execution has an empty output,
    because a Distributed Map collects the output of every child even with `ResultPath: null`, and
    fails with `States.DataLimitExceeded` above 256 KiB (github.com/aws/aws-cdk/issues/24799).
    """
    invoke = Invoke(function_arn, f"arn:{partition}:states:::lambda:invoke")
    reader = f"arn:{partition}:states:::s3:getObject"

    def map_over_chunks(import_pass: str, then: str) -> Definition:
        chunk, more, done = (f"{name} to {import_pass}" for name in ("Chunk", "More", "Done"))
        return {
            "Type": "Map",
            "Label": import_pass.capitalize(),
            "MaxConcurrency": concurrency,
            "ItemReader": {
                "Resource": reader,
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.manifest_key"},
            },
            "ItemSelector": {
                "step": "chunk",
                "pass": import_pass,
                "company.$": "$.company",
                "number.$": "$.number",
                "chunk.$": "$$.Map.Item.Value",
                "done_rows": 0,
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": chunk,
                "States": {
                    chunk: invoke.with_state_input(more),
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
        "TimeoutSeconds": int(MAX_DURATION.to_seconds()),
        "States": {
            "Plan": invoke.step("plan", "Passes"),
            "Passes": _choice(
                "$.passes[0]", {"validate": "Validate", "write": "Write"}, default="Finish"
            ),
            "Validate": map_over_chunks("validate", "Decide"),
            "Decide": invoke.step("decide", "Go")
            | {"OutputPath": "$", "ResultSelector": {"go.$": "$.Payload.go"}, "ResultPath": "$.to"},
            "Go": _choice("$.to.go", {"write": "Write"}, default="Finish"),
            "Write": map_over_chunks("write", "Finish"),
            "Finish": invoke.step("finish", None),
        },
    }


class Invoke:
    """Tasks that invoke the function and return its result."""

    def __init__(self, function_arn: str, resource: str) -> None:
        self._function_arn = function_arn
        self._resource = resource

    def step(self, step: str, then: str | None) -> Definition:
        """Return a task whose input is the step, and the company and number of the job."""
        return self._task({"step": step, "company.$": "$.company", "number.$": "$.number"}, then)

    def with_state_input(self, then: str) -> Definition:
        """Return a task whose input is that of its state."""
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
            "Retry": [_retry(LAMBDA_ERRORS, attempts=30), _retry(["States.ALL"], attempts=5)],
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


def _choice(variable: str, branches: dict[str, str], *, default: str) -> Definition:
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": variable, "StringEquals": value, "Next": then}
            for value, then in branches.items()
        ],
        "Default": default,
    }


def states_arn(stack: Stack, resource: str, name: str) -> str:
    """Return the ARN of a resource of Step Functions."""
    arn: str = stack.format_arn(
        service="states",
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return arn

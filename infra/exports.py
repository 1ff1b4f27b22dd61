"""The function and state machine of exports, and their dead-letter queue."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.data import EXPORTS, Data
from infra.function import Function, add_failed_queue
from infra.stage import Stage
from infra.state_machine import (
    EXECUTION_NAMES,
    MAX_DURATION,
    Definition,
    Invoke,
    add_machine,
    invoke_on_failure,
    states_arn,
)

SETTLE_SECONDS = 2
"""Seconds before an export reads the list: indexes are usually up to date within one second."""


def export_machine_arn(stack: Stack) -> str:
    """Return the ARN of the state machine, from its fixed name: see infra/state_machine.py."""
    return states_arn(stack, "stateMachine", _name(stack))


def may_start_exports(function: Function) -> None:
    """Let a function start exports, and name their state machine to it."""
    arn = export_machine_arn(Stack.of(function))
    function.function.add_environment("EXPORT_STATE_MACHINE", arn)
    function.may_do("states:StartExecution", on=[arn])


def may_describe_exports(function: Function) -> None:
    """Let a function ask whether exports run."""
    stack = Stack.of(function)
    pattern = states_arn(stack, "execution", f"{_name(stack)}:*")
    function.may_do("states:DescribeExecution", on=[pattern], because=EXECUTION_NAMES)


class Exports(Construct):
    """A state machine that invokes `function` until an export is done.

    When an execution fails, the function fails its export: nothing else does. Events that it could
    not process go to the queue `failed`.
    """

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
        self.failed = add_failed_queue(self, key=key)
        _grant_access(function, data)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.live_arn])
        )
        steps = export_definition(function.live.function_arn, partition=stack.partition)
        add_machine(self, _name(stack), steps, role, stage)
        function.send_failures_to(self.failed, max_age=Duration.hours(6), retries=2)
        invoke_on_failure(self, function, export_machine_arn(stack), self.failed)


def export_definition(function_arn: str, *, partition: str) -> Definition:
    """Return the Amazon States Language; for what the step returns, see functions/export_chunk.py.

    One pass of the loop is 7 events and takes 13 minutes unless it is the last. An execution lasts
    at most a day, so its history has about 800 events of 25,000.
    """
    invoke = Invoke(function_arn, f"arn:{partition}:states:::lambda:invoke")
    return {
        "StartAt": "SettleIndexes",
        "TimeoutSeconds": int(MAX_DURATION.to_seconds()),
        "States": {
            "SettleIndexes": {"Type": "Wait", "Seconds": SETTLE_SECONDS, "Next": "ExportChunk"},
            "ExportChunk": invoke.with_state_input("MoreToExport"),
            "MoreToExport": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.done", "BooleanEquals": False, "Next": "ExportChunk"}],
                "Default": "Exported",
            },
            "Exported": {"Type": "Succeed"},
        },
    }


def _grant_access(function: Function, data: Data) -> None:
    function.may("BatchGetItem", on=data.catalog)
    function.may("BatchGetItem", on=data.customers)
    function.may("Query", on=data.customers, indexes=("by_created",))
    function.may("BatchGetItem", on=data.orders)
    function.may("Query", on=data.orders, indexes=("by_created", "by_customer", "by_product"))
    function.may("BatchGetItem", on=data.licenses)
    function.may("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", on=data.imports)
    function.may_on_files(
        "GetObject", "PutObject", "AbortMultipartUpload", on=data, under=[EXPORTS]
    )
    function.may_list("ListBucket", on=data)


def _name(stack: Stack) -> str:
    return f"{stack.stack_name}-Exports"

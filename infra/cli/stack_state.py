"""Checks of a stage's stack before a deploy, with the command that fixes each problem."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import boto3
from botocore.exceptions import ClientError

from infra.cli.findings import Checked, note, ok, refused
from infra.cli.stack_resources import stack_resources

NEW = "not created yet"
_NOT_CREATED = frozenset({NEW, "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
"""Status of a stack that was never complete: `cdk deploy` deletes its rest and creates it."""

_REMEDIES = {
    "ROLLBACK_FAILED": "delete these by hand, then: aws cloudformation delete-stack"
    " --stack-name {stack}, and deploy again",
    "CREATE_FAILED": "aws cloudformation delete-stack --stack-name {stack}, then deploy again",
    "DELETE_FAILED": "delete these by hand, then: aws cloudformation delete-stack"
    " --stack-name {stack}, and deploy again",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name {stack},"
    " then deploy again",
    "UPDATE_FAILED": "aws cloudformation rollback-stack --stack-name {stack}, then deploy again",
}
_UNPROTECT = (
    "aws cloudformation update-termination-protection --no-enable-termination-protection"
    " --stack-name {stack}"
)


@dataclass(frozen=True)
class StackState:
    """A stack by name; `status` is that of CloudFormation, or NEW."""

    name: str
    status: str
    protected: bool = False
    """Whether termination protection is on."""

    @property
    def is_new(self) -> bool:
        """Whether the next deploy creates the stack."""
        return self.status in _NOT_CREATED


def read_stack(session: boto3.Session, name: str) -> StackState:
    """Return the state of a stack, also of one that does not exist."""
    with closing(session.client("cloudformation")) as cloudformation:
        try:
            (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return StackState(name, NEW)
            raise
    return StackState(name, found["StackStatus"], found.get("EnableTerminationProtection", False))


def check_stack(session: boto3.Session, stack: StackState) -> Iterator[Checked]:
    """Check that CloudFormation can deploy to the stack."""
    status, name = stack.status, stack.name
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        yield refused(
            f"The stack {name} is {status}: wait until that has finished (aws cloudformation"
            f" describe-stack-events --stack-name {name}), then deploy again."
        )
    elif stack.is_new and stack.protected:
        yield refused(
            f"The stack {name} is {status}: its creation failed, and termination protection"
            f" prevents its deletion: {_UNPROTECT.format(stack=name)}, then deploy again."
        )
    elif status.endswith("_FAILED"):
        remedy = _REMEDIES.get(status, "fix it in the CloudFormation console").format(stack=name)
        failed = "; ".join(_failed_resources(session, name)) or "no resource gives a reason"
        yield refused(f"The stack {name} is {status} ({failed}): {remedy}.")
    elif status == "ROLLBACK_COMPLETE":
        yield ok(
            f"an earlier creation of {name} failed and was rolled back; it will be created again"
        )
    else:
        yield ok(f"the stack {name} is {status}")


def _failed_resources(session: boto3.Session, name: str) -> Iterator[str]:
    for resource in stack_resources(session, name):
        if resource["ResourceStatus"].endswith("FAILED"):
            id = resource.get("PhysicalResourceId") or resource["LogicalResourceId"]
            reason = resource.get("ResourceStatusReason", "no reason given").rstrip(". ")
            yield f"{resource['ResourceType']} {id}: {reason}"


def check_leftovers(
    session: boto3.Session, stack: StackState, *, domain_name: str
) -> Iterator[Checked]:
    """Check for resources with the names of a new stack, and for data of an earlier stack."""
    if not stack.is_new:
        return
    taken = [*_name_conflicts(session, stack.name, domain_name)]
    for what, remedy in taken:
        yield refused(
            f"{what} already exists outside of the stack {stack.name}, which would create it:"
            f" {remedy}, then deploy again."
        )
    if kept := [*_retained_resources(session, stack.name)]:
        yield note(
            f"An earlier stack {stack.name} retained {', '.join(kept)}. The new stack does not use"
            " them; to delete or import them, see docs/deploy.md."
        )
    if not taken and not kept:
        yield ok("no resources of an earlier stack")


def _name_conflicts(
    session: boto3.Session, name: str, domain_name: str
) -> Iterator[tuple[str, str]]:
    """Yield resources with fixed names that exist without their stack, and how to delete them."""
    with closing(session.client("cloudwatch")) as cloudwatch:
        found = cloudwatch.describe_alarms(AlarmNamePrefix=f"{name}-")["MetricAlarms"]
        for alarm in (each["AlarmName"] for each in found):
            delete = f"aws cloudwatch delete-alarms --alarm-names {alarm}"
            yield f"The CloudWatch alarm {alarm}", delete
        boards = cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
        if any(board["DashboardName"] == name for board in boards):
            delete = f"aws cloudwatch delete-dashboards --dashboard-names {name}"
            yield f"The CloudWatch dashboard {name}", delete
    with closing(session.client("stepfunctions")) as step_functions:
        for page in step_functions.get_paginator("list_state_machines").paginate():
            for machine in page["stateMachines"]:
                if machine["name"] == f"{name}-Imports":
                    arn = machine["stateMachineArn"]
                    delete = f"aws stepfunctions delete-state-machine --state-machine-arn {arn}"
                    yield f"The state machine {machine['name']}", delete
    with closing(session.client("kms")) as kms:
        for page in kms.get_paginator("list_aliases").paginate():
            if any(each["AliasName"] == f"alias/{name}" for each in page["Aliases"]):
                delete = f"aws kms delete-alias --alias-name alias/{name}"
                yield f"The KMS alias alias/{name}", delete
    if domain_name:
        with closing(session.client("apigatewayv2")) as api:
            names = [each["DomainName"] for each in api.get_domain_names().get("Items", ())]
        if domain_name in names:
            delete = f"aws apigatewayv2 delete-domain-name --domain-name {domain_name}"
            yield f"The API Gateway domain name {domain_name}", f"unless it is in use, {delete}"


def _retained_resources(session: boto3.Session, name: str) -> Iterator[str]:
    """Yield tables and buckets whose generated names start with the name of the stack."""
    with closing(session.client("dynamodb")) as dynamodb:
        for page in dynamodb.get_paginator("list_tables").paginate():
            yield from (
                f"table {each}" for each in page["TableNames"] if each.startswith(f"{name}-Data")
            )
    with closing(session.client("s3")) as s3:
        prefix = f"{name.lower()}-datauploads"
        for bucket in s3.list_buckets()["Buckets"]:
            if bucket["Name"].startswith(prefix):
                yield f"bucket {bucket['Name']}"

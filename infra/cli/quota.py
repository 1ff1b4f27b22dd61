"""Check of Lambda's quota of concurrent executions, part of which a stage reserves."""

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.cli.findings import Checked, note, ok, refused
from infra.cli.stack_resources import stack_resources

QUOTA = "L-B99A9384"
"""Service Quotas: "Concurrent executions" of AWS Lambda."""
UNRESERVED = 100
"""Lambda: "You can reserve up to the Unreserved account concurrency value that is shown, minus 100
for functions that don't have reserved concurrency."
"""


@dataclass(frozen=True)
class Concurrency:
    """The concurrent executions of an account in one region."""

    region: str
    limit: int
    unreserved: int
    own: int = 0
    """Already reserved by the stack that is being deployed."""

    @property
    def available(self) -> int:
        """How many executions the stack may reserve."""
        return max(self.unreserved + self.own - UNRESERVED, 0)

    def limit_for(self, reserved: int) -> int:
        """Return the quota with which the stack could reserve this many executions."""
        return self.limit + reserved - (self.unreserved + self.own - UNRESERVED)

    @property
    def request_url(self) -> str:
        """The page of the AWS console where a higher quota is requested."""
        host = f"{self.region}.console.aws.amazon.com"
        return f"https://{host}/servicequotas/home/services/lambda/quotas/{QUOTA}"


def read_concurrency(session: boto3.Session, stack: str | None = None) -> Concurrency:
    """Return the account's concurrency, and how much of it `stack` has reserved."""
    with closing(session.client("lambda")) as client:
        limits = client.get_account_settings()["AccountLimit"]
    own = _reserved_by(session, stack) if stack else 0
    region = str(session.region_name)
    return Concurrency(
        region, limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"], own
    )


def check_concurrency(
    session: boto3.Session, stage: str, reserved: Mapping[str, int], stack: str | None
) -> Iterator[Checked]:
    """Check that the stage can reserve its concurrency; `stack` is the deployed one, if any."""
    found = read_concurrency(session, stack)
    wanted = sum(reserved.values())
    have = f"Lambda's quota “Concurrent executions” ({QUOTA}) in {found.region} is {found.limit}"
    if wanted > found.available:
        settings = ", ".join(f"{name}={value}" for name, value in reserved.items())
        zero = " ".join(f"{name}=0" for name in reserved)
        yield refused(
            f"{have}, of which {found.available} can be reserved, but the stage {stage} reserves"
            f" {wanted} ({settings}): request {found.limit_for(wanted)} at {found.request_url}"
            f'{_pending(session)}, or deploy with SET="{zero}".'
        )
    elif found.limit < UNRESERVED:
        yield note(
            f"{have}: large imports and peak traffic will be throttled; request 1,000 at"
            f" {found.request_url}{_pending(session)}."
        )
    else:
        yield ok(
            f"{have}; the stage reserves {wanted} of the {found.available} that it may reserve"
        )


def _reserved_by(session: boto3.Session, stack: str) -> int:
    reserved = 0
    with closing(session.client("lambda")) as client:
        for resource in stack_resources(session, stack, "AWS::Lambda::Function"):
            found = client.get_function_concurrency(FunctionName=resource["PhysicalResourceId"])
            reserved += found.get("ReservedConcurrentExecutions", 0)
    return reserved


def _pending(session: boto3.Session) -> str:
    """Return a note about a pending quota request; empty without one, or if it can't be read."""
    with suppress(ClientError, BotoCoreError), closing(session.client("service-quotas")) as quotas:
        found = quotas.list_requested_service_quota_change_history_by_quota(
            ServiceCode="lambda", QuotaCode=QUOTA, Status="PENDING"
        )["RequestedQuotas"]
        if found:
            return f" (a request for {found[0]['DesiredValue']:.0f} is pending)"
    return ""

"""An AWS account that is ready for a deploy, in moto, and answers that moto does not have."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError

from infra.cli.account import BOOTSTRAP_PARAMETER

type Answer = dict[str, Any] | Exception | Callable[[dict[str, Any]], dict[str, Any]]

READY = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}


@dataclass
class AwsAccount:
    """`answers` by operation, in the place of moto's; every other call is moto's."""

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def concurrency(self, limit: int, unreserved: int | None = None) -> None:
        limits = {
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit if unreserved is None else unreserved,
        }
        self.answers["GetAccountSettings"] = {"AccountLimit": limits}

    def stack(self, status: str, *, protected: bool = False) -> None:
        """Have CloudFormation say that the stage's stack is in this state."""

        def describe(request: dict[str, Any]) -> dict[str, Any]:
            found = {"StackName": request["StackName"], "StackStatus": status, "Outputs": []}
            return {"Stacks": [found | {"EnableTerminationProtection": protected}]}

        self.answers["DescribeStacks"] = describe

    def resources(self, *resources: dict[str, str]) -> None:
        self.answers["ListStackResources"] = {"StackResourceSummaries": list(resources)}

    def deny(self, operation: str, right: str) -> None:
        message = f"User: arn:x is not authorized to perform: {right} on resource: *"
        self.answers[operation] = refusal("AccessDeniedException", message, operation)


def refusal(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@contextmanager
def open_aws_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    """Needs moto to be at work."""
    account = AwsAccount()
    # Moto's guide patches other services there too; the stubs do not know the method.
    client: Any = botocore.client.BaseClient
    genuine = client._make_api_call  # noqa: SLF001 - see above

    def call(self: Any, operation: str, request: dict[str, Any]) -> Any:
        account.calls.append(operation)
        match account.answers.get(operation):
            case None:
                return genuine(self, operation, request)
            case Exception() as error:
                raise error
            case dict() as answer:
                return answer
            case answer:
                return answer(request)

    monkeypatch.setattr(client, "_make_api_call", call)
    account.answers |= {
        "GetAccountSettings": {"AccountLimit": READY},
        "ListRequestedServiceQuotaChangeHistoryByQuota": {"RequestedQuotas": []},
    }
    boto3.client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="28", Type="String")
    account.calls.clear()
    yield account

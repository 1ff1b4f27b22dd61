"""The customer managed KMS key that encrypts all data of a stage.

A role with access to a table, file or queue may use the key only through that service; see
`Function` in infra/function.py. The key policy allows the services that write on their own behalf.
"""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.retention import RETAIN

ENCRYPT = (
    "kms:Encrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
)
DECRYPT = ("kms:Decrypt", "kms:DescribeKey")


def add_key(scope: Construct) -> kms.Key:
    """Add the key, which is retained with the data: retained data can't be read without it.

    A first deploy that is rolled back schedules the key for deletion, at no cost.
    """
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        "Key",
        alias=f"alias/{stack.stack_name}",
        description=f"Data of {stack.stack_name}",
        enable_key_rotation=True,
        removal_policy=RETAIN,
    )
    log_groups = stack.format_arn(service="logs", resource=f"log-group:{stack.stack_name}-*")
    _allow_service(
        key,
        f"logs.{stack.region}.amazonaws.com",
        [*ENCRYPT, *DECRYPT],
        ArnLike={"kms:EncryptionContext:aws:logs:arn": log_groups},
    )
    for service in ("events.amazonaws.com", "cloudwatch.amazonaws.com"):
        _allow_service(key, service, ["kms:Decrypt", "kms:GenerateDataKey"])
    return key


def _allow_service(
    key: kms.Key, service: str, actions: list[str], **conditions: dict[str, str]
) -> None:
    """Allow a service to use the key: for log groups, dead-letter queues and the alarms topic."""
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=actions,
            resources=["*"],
            conditions=conditions,
        )
    )


def via_service(stack: Stack, service: str) -> dict[str, dict[str, str]]:
    """Return the condition that the key is used through this service."""
    return {"StringEquals": {"kms:ViaService": f"{service}.{stack.region}.amazonaws.com"}}

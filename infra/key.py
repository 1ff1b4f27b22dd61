"""The customer key: one KMS key for everything that a stage keeps.

Who has a right to a table, a file or a queue may use the key through that service and not by
itself; see `Function` in infra/function.py. Services that write by themselves are named here.
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
    """The key is retained with the data: nothing that is retained can be read without it.

    A first deploy that is rolled back schedules it for deletion, which costs nothing.
    """
    stack = Stack.of(scope)
    key = kms.Key(
        scope,
        "Key",
        alias=f"alias/{stack.stack_name}",
        description=f"What {stack.stack_name} keeps",
        enable_key_rotation=True,
        removal_policy=RETAIN,
    )
    kept = stack.format_arn(service="logs", resource=f"log-group:{stack.stack_name}-*")
    _let_use(
        key,
        f"logs.{stack.region}.amazonaws.com",
        [*ENCRYPT, *DECRYPT],
        ArnLike={"kms:EncryptionContext:aws:logs:arn": kept},
    )
    for service in ("events.amazonaws.com", "cloudwatch.amazonaws.com"):
        _let_use(key, service, ["kms:Decrypt", "kms:GenerateDataKey"])
    return key


def _let_use(key: kms.Key, service: str, actions: list[str], **conditions: dict[str, str]) -> None:
    """For log groups, the queues of events that no function took, and the topic of alarms."""
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=actions,
            resources=["*"],
            conditions=conditions,
        )
    )


def through(stack: Stack, service: str) -> dict[str, dict[str, str]]:
    """The condition that the key is used by this service, for whom it serves."""
    return {"StringEquals": {"kms:ViaService": f"{service}.{stack.region}.amazonaws.com"}}

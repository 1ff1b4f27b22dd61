"""The customer key: everything that prod keeps is under it, and it is used through services."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.key import DECRYPT, ENCRYPT
from tests.infra.reading import Template, as_list, flat, logical_id, resources, statements_of

KEPT = {
    "AWS::DynamoDB::Table": lambda made: made["SSESpecification"]["KMSMasterKeyId"],
    "AWS::SQS::Queue": lambda made: made["KmsMasterKeyId"],
    "AWS::SNS::Topic": lambda made: made["KmsMasterKeyId"],
    "AWS::Logs::LogGroup": lambda made: made["KmsKeyId"],
    "AWS::S3::Bucket": lambda made: made["BucketEncryption"]["ServerSideEncryptionConfiguration"][
        0
    ]["ServerSideEncryptionByDefault"]["KMSMasterKeyID"],
}
SERVICES = ("dynamodb", "s3", "sqs")
USE_QUEUE = {"kms:Decrypt", "kms:GenerateDataKey"}
"""SQS, "Configure KMS permissions for AWS services": both, for each sender to the queue; SNS says
the same of a topic."""


@pytest.mark.parametrize("kind", KEPT)
def test_everything_that_prod_keeps_is_under_its_key(prod: Template, kind: str) -> None:
    (key,) = resources(prod, "AWS::KMS::Key")

    for kept in resources(prod, kind).values():
        assert KEPT[kind](kept["Properties"]) == {"Fn::GetAtt": [key, "Arn"]}


def test_the_key_is_turned_over_and_outlives_the_stack(prod: Template) -> None:
    (key,) = resources(prod, "AWS::KMS::Key").values()

    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == (
        "RetainExceptOnCreate",
        "Retain",
    )


@pytest.mark.parametrize("stage_name", ["local", "dev"])
def test_other_stages_have_none(synthesize: Callable[[str], Template], stage_name: str) -> None:
    assert "kms" not in str(synthesize(stage_name)).lower()


def test_roles_use_the_key_through_services_and_nothing_else(prod: Template) -> None:
    (key,) = resources(prod, "AWS::KMS::Key")
    used: set[str] = set()

    for policy in resources(prod, "AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if any(action.startswith("kms:") for action in as_list(statement["Action"])):
                assert statement["Resource"] == {"Fn::GetAtt": [key, "Arn"]}
                used |= {flat(each) for each in services(statement)}

    assert used == {f"{service}.<AWS::Region>.amazonaws.com" for service in SERVICES}


def services(statement: dict[str, Any]) -> list[Any]:
    ((operator, condition),) = statement["Condition"].items()
    assert operator == "StringEquals"
    return as_list(condition["kms:ViaService"])


def key_users(template: Template) -> dict[str, dict[str, Any]]:
    """Services in the policy of the customer key: their actions, and the condition."""
    users: dict[str, dict[str, Any]] = {}
    for key in resources(template, "AWS::KMS::Key").values():
        for statement in key["Properties"]["KeyPolicy"]["Statement"]:
            for service in as_list(statement["Principal"].get("Service", [])):
                users[flat(service)] = {
                    "actions": set(as_list(statement["Action"])),
                    "condition": statement.get("Condition"),
                }
    return users


def test_the_key_lets_cloudwatch_logs_write_to_every_group(prod: Template) -> None:
    """CloudWatch Logs: the key's policy names `logs.<region>.amazonaws.com` and the log groups."""
    used = key_users(prod)["logs.<AWS::Region>.amazonaws.com"]

    assert used["actions"] == {*ENCRYPT, *DECRYPT}
    pattern = flat(used["condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"])
    arn = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
    for name, group in resources(prod, "AWS::Logs::LogGroup").items():
        # CloudFormation names it after the stack, unless the template does.
        physical = group["Properties"].get("LogGroupName", f"Keywright-prod-{name}-1A2B3C")
        assert fnmatchcase(arn + physical, pattern), name


def test_the_key_lets_every_service_write_that_keeps_something(prod: Template) -> None:
    """EventBridge to the queues of its rules, CloudWatch to the topic; nobody else needs it."""
    senders = set()
    for rule in resources(prod, "AWS::Events::Rule").values():
        for target in rule["Properties"]["Targets"]:
            queue = prod["Resources"][logical_id(target["DeadLetterConfig"]["Arn"])]
            if "KmsMasterKeyId" in queue["Properties"]:
                senders.add("events.amazonaws.com")
    for topic in resources(prod, "AWS::SNS::Topic").values():
        if "KmsMasterKeyId" in topic["Properties"]:
            senders.add("cloudwatch.amazonaws.com")

    users = key_users(prod)
    assert users.keys() == senders | {"logs.<AWS::Region>.amazonaws.com"}
    assert len(senders) == 2
    for sender in senders:
        assert users[sender]["actions"] == USE_QUEUE
        assert users[sender]["condition"] is None


NEEDED = {
    "dynamodb:": ("dynamodb", {"kms:Decrypt"}),
    "s3:GetObject": ("s3", {"kms:Decrypt"}),
    "s3:PutObject": ("s3", USE_QUEUE),
    "sqs:SendMessage": ("sqs", USE_QUEUE),
}


def key_actions(template: Template, role: str) -> dict[str, set[str]]:
    """What a role may do with the customer key, by the service through which it may."""
    found: dict[str, set[str]] = {}
    for statement in statements_of(template, role):
        if any(action.startswith("kms:") for action in as_list(statement["Action"])):
            for via in as_list(statement["Condition"]["StringEquals"]["kms:ViaService"]):
                service = flat(via).partition(".")[0]
                found.setdefault(service, set()).update(as_list(statement["Action"]))
    return found


@pytest.mark.parametrize("prefix", NEEDED)
def test_who_may_use_what_is_encrypted_may_use_the_key_for_it(prod: Template, prefix: str) -> None:
    """S3: an upload in parts needs kms:Decrypt as well, "because Amazon S3 must decrypt and read
    data from the encrypted file parts before it completes the multipart upload".
    """
    service, needed = NEEDED[prefix]
    roles = 0
    for role in resources(prod, "AWS::IAM::Role"):
        actions = {
            action
            for statement in statements_of(prod, role)
            for action in as_list(statement["Action"])
            if action.startswith(prefix)
        }
        for action in actions:
            roles += 1
            assert needed <= key_actions(prod, role).get(service, set()), (role, action)
    assert roles

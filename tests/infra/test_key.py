"""The customer key: everything that prod keeps is under it, and it is used through services."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.reading import Template, as_list, flat, resources

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


def test_services_that_write_by_themselves_may_use_the_key(prod: Template) -> None:
    (key,) = resources(prod, "AWS::KMS::Key").values()

    owner, *others = key["Properties"]["KeyPolicy"]["Statement"]
    assert flat(owner["Principal"]["AWS"]).endswith(":root")
    allowed = {
        flat(service): set(statement["Action"])
        for statement in others
        for service in as_list(statement["Principal"]["Service"])
    }
    assert allowed.keys() == {
        "logs.<AWS::Region>.amazonaws.com",
        "events.amazonaws.com",
        "cloudwatch.amazonaws.com",
    }
    assert allowed["events.amazonaws.com"] == {"kms:Decrypt", "kms:GenerateDataKey"}

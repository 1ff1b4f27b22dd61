"""AWS calls translated into IAM actions and resources."""

from typing import Any

import pytest

from tests.grants.calls import Access, UnknownCallError, absent, accesses

TRANSACTION = {
    "TransactItems": [
        {"Put": {"TableName": "Orders"}},
        {"Update": {"TableName": "Orders"}},
        {"Delete": {"TableName": "Licenses"}},
        {"ConditionCheck": {"TableName": "Catalog"}},
    ]
}
BATCH: dict[str, Any] = {"RequestItems": {"Orders": {}, "Licenses": {}}}
INSERT = {"Statements": [{"Statement": "INSERT INTO \"Orders\" VALUE {'pk':?}"}]}
SELECT = {"Statements": [{"Statement": 'SELECT * FROM "Orders"."by_created" WHERE listed=?'}]}
OBJECT = {"Bucket": "uploads", "Key": "acme/a.csv"}
VERSION = OBJECT | {"VersionId": "v1"}


@pytest.mark.parametrize(
    ("service", "operation", "sent", "expected"),
    [
        (
            "dynamodb",
            "TransactWriteItems",
            TRANSACTION,
            [
                "dynamodb:PutItem Orders",
                "dynamodb:UpdateItem Orders",
                "dynamodb:DeleteItem Licenses",
                "dynamodb:ConditionCheckItem Catalog",
            ],
        ),
        (
            "dynamodb",
            "TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "Orders"}}]},
            ["dynamodb:GetItem Orders"],
        ),
        (
            "dynamodb",
            "BatchGetItem",
            BATCH,
            ["dynamodb:BatchGetItem Orders", "dynamodb:BatchGetItem Licenses"],
        ),
        (
            "dynamodb",
            "BatchWriteItem",
            BATCH,
            ["dynamodb:BatchWriteItem Orders", "dynamodb:BatchWriteItem Licenses"],
        ),
        ("dynamodb", "BatchExecuteStatement", INSERT, ["dynamodb:PartiQLInsert Orders"]),
        (
            "dynamodb",
            "BatchExecuteStatement",
            SELECT,
            ["dynamodb:PartiQLSelect Orders/index/by_created"],
        ),
        (
            "dynamodb",
            "ExecuteStatement",
            {"Statement": "UPDATE Orders SET a=1"},
            ["dynamodb:PartiQLUpdate Orders"],
        ),
        (
            "dynamodb",
            "ExecuteTransaction",
            {"TransactStatements": [{"Statement": "DELETE FROM Orders WHERE pk=?"}]},
            ["dynamodb:PartiQLDelete Orders"],
        ),
        ("dynamodb", "Query", {"TableName": "Orders"}, ["dynamodb:Query Orders"]),
        (
            "dynamodb",
            "Query",
            {"TableName": "Orders", "IndexName": "by_created"},
            ["dynamodb:Query Orders/index/by_created"],
        ),
        ("s3", "GetObject", OBJECT, ["s3:GetObject uploads/acme/a.csv"]),
        ("s3", "GetObject", VERSION, ["s3:GetObjectVersion uploads/acme/a.csv"]),
        ("s3", "HeadObject", OBJECT, ["s3:GetObject uploads/acme/a.csv"]),
        ("s3", "HeadObject", VERSION, ["s3:GetObjectVersion uploads/acme/a.csv"]),
        ("s3", "PutObject", OBJECT, ["s3:PutObject uploads/acme/a.csv"]),
        ("s3", "PostObject", OBJECT, ["s3:PutObject uploads/acme/a.csv"]),
        ("s3", "CreateMultipartUpload", OBJECT, ["s3:PutObject uploads/acme/a.csv"]),
        ("s3", "UploadPart", OBJECT, ["s3:PutObject uploads/acme/a.csv"]),
        ("s3", "CompleteMultipartUpload", OBJECT, ["s3:PutObject uploads/acme/a.csv"]),
        ("s3", "AbortMultipartUpload", OBJECT, ["s3:AbortMultipartUpload uploads/acme/a.csv"]),
        ("s3", "ListObjectsV2", OBJECT, ["s3:ListBucket uploads"]),
        ("s3", "ListObjectVersions", OBJECT, ["s3:ListBucketVersions uploads"]),
        ("lambda", "Invoke", {"FunctionName": "f:live"}, ["lambda:InvokeFunction f:live"]),
        (
            "stepfunctions",
            "StartExecution",
            {"stateMachineArn": "arn:m", "name": "n"},
            ["states:StartExecution arn:m"],
        ),
        (
            "stepfunctions",
            "RedriveExecution",
            {"executionArn": "arn:e"},
            ["states:RedriveExecution arn:e"],
        ),
    ],
)
def test_a_call_needs_these_actions_on_these_resources(
    service: str, operation: str, sent: dict[str, Any], expected: list[str]
) -> None:
    found = [f"{each.action} {each.name}{each.path}" for each in accesses(service, operation, sent)]

    assert found == expected


@pytest.mark.parametrize(
    ("operation", "service", "encrypts", "decrypts"),
    [
        ("GetItem", "dynamodb", False, True),
        ("PutItem", "dynamodb", True, True),
        ("GetObject", "s3", False, True),
        ("HeadObject", "s3", False, True),
        ("PutObject", "s3", True, True),
        ("UploadPart", "s3", False, True),
        ("ListObjectVersions", "s3", False, False),
    ],
)
def test_reads_decrypt_and_writes_encrypt(
    operation: str, service: str, encrypts: bool, decrypts: bool
) -> None:
    (found,) = accesses(service, operation, {"TableName": "Orders", **OBJECT})

    assert (found.encrypts, found.decrypts) == (encrypts, decrypts)


def test_a_missing_key_is_a_404_for_those_alone_who_may_list_the_bucket() -> None:
    assert absent(OBJECT) == Access("s3:ListBucket", "uploads")


@pytest.mark.parametrize(
    ("service", "operation", "sent"),
    [
        ("dynamodb", "DescribeTable", {"TableName": "Orders"}),
        ("dynamodb", "ExecuteStatement", {"Statement": "EXPLAIN x"}),
        ("s3", "PutBucketPolicy", OBJECT),
        ("lambda", "UpdateFunctionCode", {}),
        ("stepfunctions", "DeleteStateMachine", {}),
        ("sns", "Publish", {}),
    ],
)
def test_an_untranslated_call_never_passes(
    service: str, operation: str, sent: dict[str, Any]
) -> None:
    with pytest.raises(UnknownCallError, match=r"tests/grants/calls\.py"):
        list(accesses(service, operation, sent))

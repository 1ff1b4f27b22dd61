"""The check of requests must fail: each mistake that a body written by hand could have."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from shared.store import bulk, dynamo
from shared.store.patience import Patience
from shared.store.sender import Sender
from tests.aws_requests import UNLIMITED, faults_in, heard_requests

DYNAMODB, STEPS = "DynamoDB_20120810", "AWSStepFunctions"

PATIENCE = Patience(lambda: 900_000, lambda: None)


def table(env_name: str) -> str:
    return dynamo.table(env_name)


def inserts(count: int) -> dict[str, Any]:
    name = table("LICENSES_TABLE")
    text = f"INSERT INTO \"{name}\" VALUE {{'pk':?}}"
    return {"Statements": [{"Statement": text, "Parameters": [key(n)]} for n in range(count)]}


def key(number: int) -> dict[str, str]:
    return {"S": f"acme#{number}"}


def keys(count: int) -> dict[str, Any]:
    return {"Keys": [{"pk": key(n), "sk": {"S": "0"}} for n in range(count)]}


def puts(count: int) -> list[Any]:
    return [{"PutRequest": {"Item": {"pk": key(n), "sk": {"S": "0"}}}} for n in range(count)]


def deletes(count: int) -> dict[str, Any]:
    name = table("LICENSES_TABLE")
    parts = [{"Delete": {"TableName": name, "Key": {"pk": key(n)}}} for n in range(count)]
    return {"TransactItems": parts}


def got(**more: Any) -> dict[str, Any]:
    return {"TableName": table("LICENSES_TABLE"), "Key": {"pk": key(1)}, **more}


def query(condition: str, **values: str) -> dict[str, Any]:
    return {
        "TableName": table("ORDERS_TABLE"),
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {f":{name}": {"S": text} for name, text in values.items()},
    }


def test_what_the_service_takes_is_no_fault(tables: None) -> None:
    orders, imports = table("ORDERS_TABLE"), table("IMPORTS_TABLE")
    taken = {
        "BatchExecuteStatement": inserts(25),
        "TransactWriteItems": deletes(100),
        "BatchGetItem": {"RequestItems": {orders: keys(50), imports: keys(50)}},
        "BatchWriteItem": {"RequestItems": {orders: puts(13), imports: puts(12)}},
        "GetItem": got(ConsistentRead=True),
        "Query": query("pk = :pk AND sk BETWEEN :a AND :b", pk="acme#1", a="0", b="1"),
    }

    faults = {name: faults_in(DYNAMODB, name, body) for name, body in taken.items()}

    assert not any(faults.values()), faults


@pytest.mark.parametrize(
    ("operation", "body", "fault"),
    [
        ("BatchExecuteStatement", lambda: inserts(26), "26 long"),
        ("BatchExecuteStatement", lambda: inserts(0), "0 long"),
        ("TransactWriteItems", lambda: deletes(101), "101 long"),
        (
            "BatchGetItem",
            lambda: {
                "RequestItems": {table("ORDERS_TABLE"): keys(60), table("IMPORTS_TABLE"): keys(41)}
            },
            "has 101 parts",
        ),
        (
            "BatchWriteItem",
            lambda: {
                "RequestItems": {table("ORDERS_TABLE"): puts(14), table("IMPORTS_TABLE"): puts(12)}
            },
            "has 26 parts",
        ),
        ("BatchWriteItem", lambda: {"RequestItems": {}}, "0 long"),
        ("GetItem", lambda: got(Consistent=True), "no member of GetItemInput"),
        ("GetItem", lambda: got(ConsistentRead="true"), "no boolean"),
        ("GetItem", lambda: {"TableName": table("ORDERS_TABLE")}, "required by GetItemInput"),
        ("GetItem", lambda: got(Key={"pk": "acme#1"}), "no structure"),
        ("GetItem", lambda: got(Key={"pk": {"S": "a", "N": "1"}}), "has one type"),
        ("GetItem", lambda: got(Key={"pk": {"N": 1}}), "no string"),
        ("GetItem", lambda: got(ReturnConsumedCapacity="YES"), "none of"),
        ("GetItem", lambda: got(Key={"id": {"S": "a"}}), "key_schema"),
        (
            "GetItem",
            lambda: got(
                ProjectionExpression="#a, #b", ExpressionAttributeNames={"#a": "pk", "#b": "pk"}
            ),
            "path_overlap",
        ),
        ("Query", lambda: query("pk = :pk", pk="a") | {"Limit": 0}, "out of range"),
        ("Query", lambda: query("pk = :pk", pk="a") | {"Limit": "1"}, "no number"),
        ("Query", lambda: query("pk = :pk", pk="a", sk="b"), "value_unused"),
        (
            "Query",
            lambda: query("pk = :pk AND sk BETWEEN :a AND :b", pk="a", a="1", b="0"),
            "between_reversed",
        ),
        ("PutItems", dict, "no operation"),
    ],
)
def test_what_the_service_refuses_is_a_fault(
    tables: None, operation: str, body: Any, fault: str
) -> None:
    (found,) = faults_in(DYNAMODB, operation, body())

    assert fault in found


def test_a_name_that_step_functions_refuses_is_a_fault() -> None:
    body = {"stateMachineArn": "arn:aws:states:::stateMachine:Imports", "name": "x" * 81}

    assert faults_in(STEPS, "StartExecution", body) == ["/name: 81 long, 1 to 80 are allowed"]


def test_requests_that_are_written_by_hand_are_heard_too(tables: None) -> None:
    with heard_requests() as heard:
        keys = [("acme#1", "0"), ("acme#2", "0")]
        Sender().run(bulk.get_all("ORDERS_TABLE", keys, PATIENCE))
        dynamo.get("ORDERS_TABLE", ("acme#1", "0"))

    assert heard.counted == {"BatchGetItem": 1, "GetItem": 1}
    assert not heard.faults


def test_a_request_that_is_written_wrongly_by_hand_is_found(tables: None) -> None:
    read = bulk.get_all("IMPORTS_TABLE", [(f"acme#{n}", "0") for n in range(101)], PATIENCE)
    with heard_requests() as heard, pytest.raises(ClientError):
        Sender().run(read)

    keys = f"/RequestItems/{table('IMPORTS_TABLE')}/Keys"
    assert heard.faults == [f"BatchGetItem {keys}: 101 long, 1 to 100 are allowed"]


def test_of_values_that_get_no_long_look_the_service_says_only_the_type() -> None:
    value: Any = Session().get_service_model("dynamodb").shape_for("AttributeValue")
    types = {"string": str, "boolean": bool}

    for name, kind in UNLIMITED.items():
        member = value.members[name]
        assert types[member.type_name] is kind
        assert not member.metadata

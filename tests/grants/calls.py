"""The IAM actions and resources of an AWS call.

Sources, by AWS's own words:

* Transactions (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions"): "Permissions for
  Put, Update, Delete, and Get actions are governed by the permissions used for the underlying
  PutItem, UpdateItem, DeleteItem, and GetItem operations. For the ConditionCheck action, you can
  use the dynamodb:ConditionCheckItem permission in IAM policies."
* PartiQL ("IAM security policies with PartiQL for DynamoDB"): "To insert items using PartiQL for
  DynamoDB, you must have dynamodb:PartiQLInsert permission on the table or index."
* S3 GetObject (API reference): "If you include a versionId in your request header, you must have
  the s3:GetObjectVersion permission to access a specific version of an object. The s3:GetObject
  permission is not required in this scenario." HeadObject: "You need the relevant read object (or
  version) permission for this operation."
* A missing object (the same page): "If you have the s3:ListBucket permission on the bucket, Amazon
  S3 returns an HTTP status code 404 Not Found error. If you don't have the s3:ListBucket
  permission, Amazon S3 returns an HTTP status code 403 Access Denied error."
* S3 multipart uploads ("Multipart upload API and permissions"): "You must be allowed to perform the
  s3:PutObject action on an object" to initiate, to upload a part and to complete.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Access(NamedTuple):
    """One IAM action on what the caller called `name`: a table, a bucket, a function, an ARN."""

    action: str
    name: str
    path: str = ""
    """What follows the name's ARN: `/index/by_created`, or `/` and an object key."""
    encrypts: bool = False
    """Whether the service encrypts data for the caller, if `name` has a KMS key."""
    decrypts: bool = False


_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"})
_ITEM_OPERATIONS = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"})
_PARTIQL = (
    (re.compile(r"\s*INSERT\s+INTO\s+(\S+)", re.IGNORECASE), "PartiQLInsert"),
    (re.compile(r"\s*UPDATE\s+(\S+)", re.IGNORECASE), "PartiQLUpdate"),
    (re.compile(r"\s*DELETE\s+FROM\s+(\S+)", re.IGNORECASE), "PartiQLDelete"),
    (re.compile(r"\s*SELECT\s.*?\sFROM\s+(\S+)", re.IGNORECASE | re.DOTALL), "PartiQLSelect"),
)
_STATES = {
    "StartExecution": "stateMachineArn",
    "StopExecution": "executionArn",
    "RedriveExecution": "executionArn",
    "DescribeExecution": "executionArn",
}
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
"""Error codes of S3 that a caller without s3:ListBucket never gets: it gets a 403."""


class UnknownCallError(Exception):
    """An AWS call that this module can't translate; add what IAM requires."""


def accesses(service: str, operation: str, sent: Mapping[str, Any]) -> Iterator[Access]:
    """What a call needs, by the parameters that botocore is given."""
    if service not in _SERVICES:
        raise UnknownCallError(f"tests/grants/calls.py knows no IAM actions of {service}")
    yield from _SERVICES[service](operation, sent)


def absent(sent: Mapping[str, Any]) -> Access:
    """The grant without which S3 does not say that an object does not exist."""
    return Access("s3:ListBucket", sent["Bucket"])


def _dynamodb(operation: str, sent: Mapping[str, Any]) -> Iterator[Access]:
    match operation:
        case "TransactWriteItems" | "TransactGetItems":
            for entry in sent["TransactItems"]:
                ((kind, part),) = entry.items()
                yield _on_table(_TRANSACTION[kind], part["TableName"])
        case "BatchGetItem" | "BatchWriteItem":
            for table in sent["RequestItems"]:
                yield _on_table(operation, table)
        case "BatchExecuteStatement" | "ExecuteTransaction":
            for statement in sent.get("Statements") or sent["TransactStatements"]:
                yield _partiql(statement["Statement"])
        case "ExecuteStatement":
            yield _partiql(sent["Statement"])
        case _ if operation in _ITEM_OPERATIONS:
            index = sent.get("IndexName")
            yield _on_table(operation, sent["TableName"], f"/index/{index}" if index else "")
        case _:
            raise _unknown("dynamodb", operation)


def _partiql(statement: str) -> Access:
    for pattern, verb in _PARTIQL:
        if found := pattern.match(statement):
            table, _, index = found[1].replace('"', "").partition(".")
            return _on_table(verb, table, f"/index/{index}" if index else "")
    raise UnknownCallError(f"tests/grants/calls.py can't read the PartiQL statement {statement}")


def _on_table(verb: str, table: str, path: str = "") -> Access:
    writes = verb in _WRITES or (verb.startswith("PartiQL") and verb != "PartiQLSelect")
    return Access(f"dynamodb:{verb}", table, path, encrypts=writes, decrypts=True)


def _s3(operation: str, sent: Mapping[str, Any]) -> Iterator[Access]:
    bucket, key = sent["Bucket"], f"/{sent.get('Key', '')}"
    version = "Version" if sent.get("VersionId") else ""
    match operation:
        case "GetObject":
            yield Access(f"s3:GetObject{version}", bucket, key, decrypts=True)
        case "HeadObject":
            # AWS's page does not say whether it opens the object's key: the stricter reading.
            yield Access(f"s3:GetObject{version}", bucket, key, decrypts=True)
        case "PutObject" | "PostObject" | "CreateMultipartUpload":
            # It decrypts because the bucket has a bucket key; see needs.py.
            yield Access("s3:PutObject", bucket, key, encrypts=True, decrypts=True)
        case "UploadPart" | "CompleteMultipartUpload":
            yield Access("s3:PutObject", bucket, key, decrypts=True)
        case "AbortMultipartUpload":
            yield Access("s3:AbortMultipartUpload", bucket, key)
        case "ListParts":
            yield Access("s3:ListMultipartUploadParts", bucket, key)
        case "DeleteObject":
            yield Access(f"s3:DeleteObject{version}", bucket, key)
        case "ListObjectsV2" | "ListObjects" | "HeadBucket":
            yield Access("s3:ListBucket", bucket)
        case "ListObjectVersions":
            yield Access("s3:ListBucketVersions", bucket)
        case "ListMultipartUploads":
            yield Access("s3:ListBucketMultipartUploads", bucket)
        case _:
            raise _unknown("s3", operation)


def _lambda(operation: str, sent: Mapping[str, Any]) -> Iterator[Access]:
    if operation != "Invoke":
        raise _unknown("lambda", operation)
    yield Access("lambda:InvokeFunction", sent["FunctionName"])


def _states(operation: str, sent: Mapping[str, Any]) -> Iterator[Access]:
    if operation not in _STATES:
        raise _unknown("stepfunctions", operation)
    yield Access(f"states:{operation}", sent[_STATES[operation]])


def _events(operation: str, sent: Mapping[str, Any]) -> Iterator[Access]:
    if operation != "PutEvents":
        raise _unknown("events", operation)
    for bus in {entry["EventBusName"] for entry in sent["Entries"]}:
        yield Access("events:PutEvents", bus)


def _unknown(service: str, operation: str) -> UnknownCallError:
    return UnknownCallError(
        f"tests/grants/calls.py does not know what IAM requires for {service} {operation}"
    )


_SERVICES: dict[str, Callable[[str, Mapping[str, Any]], Iterator[Access]]] = {
    "dynamodb": _dynamodb,
    "s3": _s3,
    "lambda": _lambda,
    "stepfunctions": _states,
    "events": _events,
}

"""The grants that a function's role needs for its calls and for AWS's calls on its behalf.

Sources for the customer key, by AWS's own words:

* DynamoDB ("Encryption at rest: usage notes"): "At a minimum, DynamoDB requires the following
  permissions on a customer managed key: kms:Encrypt, kms:Decrypt, kms:ReEncrypt*,
  kms:GenerateDataKey*, kms:DescribeKey, kms:CreateGrant". CreateGrant is for the principal that
  selects the key, which is CloudFormation. Readers need Decrypt alone to open the table key.
* S3 ("Using server-side encryption with AWS KMS keys"): "To successfully make a PutObject request
  to encrypt an object with an AWS KMS key to Amazon S3, you need kms:GenerateDataKey permissions on
  the key. To download an object encrypted with an AWS KMS key, you need kms:Decrypt permissions for
  the key. To perform a multipart upload to encrypt an object with an AWS KMS key, you must have the
  kms:GenerateDataKey and kms:Decrypt permissions for the key." For directory buckets, where bucket
  keys are always on, the API reference requires both on PutObject; our bucket has a bucket key.
* SQS ("Key management"): "the producer must have the kms:GenerateDataKey and kms:Decrypt
  permissions for the KMS key."
"""

import os
from collections.abc import Iterator

from tests.grants.calls import Access
from tests.grants.template import Deployment, Grant, short

_OPENS_TABLE = ("kms:Decrypt", "kms:DescribeKey")
_WRITES_TABLE = (
    *_OPENS_TABLE,
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
_SENDS_MESSAGE = ("kms:GenerateDataKey", "kms:Decrypt")


class UnnamedError(Exception):
    """A call names a resource that the function's environment on AWS does not name."""


def needs_of_call(deployment: Deployment, module: str, access: Access) -> Iterator[Grant]:
    """The grants that a call by a function needs; the names in it are those of this process."""
    arn = _arn(deployment, module, access.name)
    service, _, _ = access.action.partition(":")
    yield Grant(access.action, arn + access.path)
    if key := deployment.key_of(arn):
        for action in _key_actions(service, access):
            yield Grant(action, key, service)


def standing_needs(deployment: Deployment, module: str) -> Iterator[Grant]:
    """The grants that AWS itself uses on the function's behalf, as its template requires."""
    properties = deployment.functions[module]["Properties"]
    if log_group := properties.get("LoggingConfig", {}).get("LogGroup"):
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            yield Grant(action, deployment.arn(deployment.text(log_group)))
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        yield Grant("xray:PutTraceSegments", "*")
        yield Grant("xray:PutTelemetryRecords", "*")
    for stream, _ in deployment.streams(module):
        for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"):
            yield Grant(f"dynamodb:{action}", stream)
        if key := deployment.key_of(stream.partition("/stream/")[0]):
            for action in _OPENS_TABLE:
                yield Grant(action, key, "dynamodb")
    failed = dict.fromkeys(queue for _, queue in deployment.streams(module))
    for queue in (*deployment.destinations(module), *failed):
        yield Grant("sqs:SendMessage", queue)
        if key := deployment.key_of(queue):
            for action in _SENDS_MESSAGE:
                yield Grant(action, key, "sqs")


def _key_actions(service: str, access: Access) -> tuple[str, ...]:
    if service == "dynamodb":
        return _WRITES_TABLE if access.encrypts else _OPENS_TABLE
    encrypt = ("kms:GenerateDataKey",) if access.encrypts else ()
    return (*encrypt, "kms:Decrypt") if access.decrypts else encrypt


def _arn(deployment: Deployment, module: str, name: str) -> str:
    """The ARN on AWS of what a call names: by the environment variable that holds this name."""
    if ":execution:" in name:
        return name
    for variable, value in deployment.environments[module].items():
        if os.environ.get(variable) == name:
            return deployment.arn(value)
    raise UnnamedError(
        f"it names {short(name)}, which none of its environment variables on AWS holds"
    )

"""The AWS account and region that a deploy goes to: credentials, region and `cdk bootstrap`."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.ops.findings import Checked, NotReady, note, ok, refused

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
OLDEST_BOOTSTRAP = 6
"""The version of the bootstrap stack that the CDK's templates require."""
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


@dataclass(frozen=True)
class Account:
    """Where a deploy goes, and a session that may read there."""

    id: str
    region: str
    caller: str
    """ARN of the credentials' owner."""
    reader: boto3.Session
    """The CDK's lookup role if the credentials may assume it, else the credentials themselves."""
    deploy_role: str | None
    """ARN of the role that `cdk deploy` would assume, if the credentials may not assume it."""

    @property
    def place(self) -> str:
        return f"account {self.id} in {self.region}"


def open_account() -> Account:
    """The account of the credentials in the environment. Raises NotReady."""
    session = boto3.Session()
    if session.get_credentials() is None:
        raise NotReady("There are no AWS credentials: set AWS_PROFILE, or log in (aws sso login).")
    region = session.region_name or os.environ.get("AWS_REGION")
    if not region:
        raise NotReady("No AWS region is set: set AWS_REGION, such as AWS_REGION=eu-central-1.")
    try:
        with closing(session.client("sts", region_name=region)) as sts:
            identity = sts.get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        raise NotReady(
            f"AWS does not accept these credentials in {region} ({_reason(error)}): log in again,"
            " set AWS_PROFILE to another profile, or enable the region for the account."
        ) from None
    partition, id = identity["Arn"].split(":")[1], identity["Account"]
    role = f"arn:{partition}:iam::{id}:role/cdk-hnb659fds-%s-role-{id}-{region}"
    reader = _assume(session, region, role % "lookup") or boto3.Session(region_name=region)
    deploys = _assume(session, region, role % "deploy") is not None
    return Account(id, region, identity["Arn"], reader, None if deploys else role % "deploy")


def _assume(session: boto3.Session, region: str, role: str) -> boto3.Session | None:
    """A pipeline's own role may do nothing but assume the roles that `cdk bootstrap` made."""
    try:
        with closing(session.client("sts", region_name=region)) as sts:
            granted = sts.assume_role(RoleArn=role, RoleSessionName="keywright-preflight")
    except (ClientError, BotoCoreError):
        return None
    credentials = granted["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )


def check_bootstrap(account: Account) -> Iterator[Checked]:
    """Whether `cdk bootstrap` was run here, recently enough."""
    command = f"node_modules/.bin/cdk bootstrap aws://{account.id}/{account.region}"
    with closing(account.reader.client("ssm")) as ssm:
        try:
            found = ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)
        except ssm.exceptions.ParameterNotFound:
            yield refused(
                f"The CDK is not bootstrapped in {account.place} (SSM parameter"
                f" {BOOTSTRAP_PARAMETER} is missing): run {command}."
            )
            return
    version = int(found["Parameter"]["Value"])
    if version < OLDEST_BOOTSTRAP:
        yield refused(
            f"The CDK bootstrap stack in {account.place} has version {version}, and"
            f" {OLDEST_BOOTSTRAP} is required: run {command}."
        )
    elif account.deploy_role:
        yield note(
            f"{account.caller} may not assume {account.deploy_role} (sts:AssumeRole), so the CDK"
            " deploys with the caller's own rights, which must suffice for everything."
        )
    else:
        yield ok(f"the CDK is bootstrapped, version {version}, and its deploy role can be assumed")


def is_denied(error: ClientError) -> bool:
    """Whether the caller lacks a right."""
    return error.response["Error"]["Code"] in _DENIED


def missing_right(error: ClientError) -> str:
    """The right that the caller lacks, such as `ssm:GetParameter`, as far as the error says."""
    message = error.response["Error"].get("Message", "")
    _, found, rest = message.partition("not authorized to perform: ")
    return rest.split()[0] if found and rest else error.operation_name


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return str(error).rstrip(".")

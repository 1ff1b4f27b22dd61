"""The AWS account and region of a deploy: credentials, region and `cdk bootstrap`."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.cli.findings import Checked, NotReady, note, ok, refused

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
OLDEST_BOOTSTRAP = 6
"""The version of the bootstrap stack that the CDK's templates require."""
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


@dataclass(frozen=True)
class Account:
    """The account and region of a deploy, and a session with read access."""

    id: str
    region: str
    caller: str
    """ARN of the credentials' owner."""
    reader: boto3.Session
    """A session of the CDK's lookup role, or of the credentials if they may not assume it."""
    deploy_role: str | None
    """ARN of the CDK's deploy role if the credentials may not assume it, else None."""

    @property
    def place(self) -> str:
        """The account and region, as words."""
        return f"account {self.id} in {self.region}"


def open_account() -> Account:
    """Return the account of the credentials in the environment. Raises NotReady."""
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
    may_deploy = _assume(session, region, role % "deploy") is not None
    return Account(id, region, identity["Arn"], reader, None if may_deploy else role % "deploy")


def _assume(session: boto3.Session, region: str, role: str) -> boto3.Session | None:
    """Return a session of a role that `cdk bootstrap` created, or None if AWS denies it.

    The role of a deployment pipeline often has no other permission than to assume these roles.
    """
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
    """Check that `cdk bootstrap` was run in the account and region, in a recent version."""
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
            " deploys with the caller's own permissions, which must cover all resources."
        )
    else:
        yield ok(f"the CDK is bootstrapped, version {version}, and its deploy role can be assumed")


def is_denied(error: ClientError) -> bool:
    """Return whether the caller lacks a permission."""
    return error.response["Error"]["Code"] in _DENIED


def missing_permission(error: ClientError) -> str:
    """Return the permission that the caller lacks, such as `ssm:GetParameter`, from the error."""
    message = error.response["Error"].get("Message", "")
    _, found, rest = message.partition("not authorized to perform: ")
    return rest.split()[0] if found and rest else error.operation_name


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return str(error).rstrip(".")

"""A Lambda function with its own log group and role, and methods that grant permissions."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.data import Data, Store
from infra.key import DECRYPT, ENCRYPT, via_service
from infra.nag import acknowledge, acknowledge_star
from infra.retention import removal_policy
from infra.stage import Stage

LIVE = "live"
"""The alias that callers invoke, in stages that shift traffic gradually to new code."""


def add_log_group(scope: Construct, *, stage: Stage, key: kms.IKey | None) -> logs.LogGroup:
    """Add a log group with the stage's retention and encryption."""
    return logs.LogGroup(
        scope,
        "Logs",
        encryption_key=key,
        retention=logs.RetentionDays[stage.log_retention],
        removal_policy=removal_policy(stage),
    )


class Function(Construct):
    """The `handler` of a module in functions/. Its only initial permission is to write logs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey | None,
        code: lambda_.Code,
        module: str,
        timeout: int = 25,
        memory: int = 1024,
        reserved: int = 0,
    ) -> None:
        """Create the function.

        `timeout` is in seconds, and below 30 behind the API, whose own timeout is 30. `memory` is
        in MB and determines the CPU share. `reserved` is the reserved concurrency; 0 for none.
        """
        super().__init__(scope, construct_id)
        self._key = key
        self._key_uses: dict[str, iam.PolicyStatement] = {}
        log_group = add_log_group(self, stage=stage, key=key)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=code,
            handler=f"{module}.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=memory,
            timeout=Duration.seconds(timeout),
            reserved_concurrent_executions=reserved or None,
            tracing=lambda_.Tracing.ACTIVE if stage.tracing else None,
            role=role,
            log_group=log_group,
            current_version_options=lambda_.VersionOptions(removal_policy=removal_policy(stage)),
            environment={
                "POWERTOOLS_SERVICE_NAME": f"keywright-{stage.name}",
                "POWERTOOLS_LOG_LEVEL": stage.log_level,
                "POWERTOOLS_TRACE_DISABLED": str(not stage.tracing).lower(),
            },
        )
        self.live: lambda_.IFunction = self.function
        """What callers invoke: the alias if the stage has one, else the function."""
        self.live_arn: str = self.function.function_arn
        """The ARN of `live`, for grants."""
        if stage.traffic:
            version = self.function.current_version
            self.live = lambda_.Alias(self, "Live", alias_name=LIVE, version=version)
            self.live_arn = f"{self.function.function_arn}:{LIVE}"
        acknowledge(self, "L1", "wheels and bytecode of the asset are for Python 3.13")
        if stage.tracing:
            acknowledge_star(self, "*", "X-Ray has no resource-level permissions")

    def may(self, *actions: str, on: Store, indexes: Sequence[str] = ()) -> None:
        """Grant DynamoDB actions on a table, or only on its `indexes`, and set its variable."""
        arn = on.table.table_arn
        self.function.add_environment(on.env_name, on.table.table_name)
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in actions],
                resources=[f"{arn}/index/{name}" for name in indexes] or [arn],
            )
        )
        self._may_use_key("dynamodb", *DECRYPT, *ENCRYPT)

    def may_on_files(self, *actions: str, on: Data, under: Sequence[str]) -> None:
        """Grant S3 actions on objects whose keys match `under`, and set the bucket's variable."""
        keys = [on.uploads.arn_for_objects(pattern) for pattern in under]
        self._may_in_bucket(
            actions, on, keys, because="callers choose file names, so keys are patterns"
        )

    def may_list(self, *actions: str, on: Data) -> None:
        """Grant S3 actions on the bucket itself.

        Reading a key that may be missing needs ListBucket: S3 would answer 403 instead of 404.
        """
        self._may_in_bucket(actions, on, [on.uploads.bucket_arn])

    def _may_in_bucket(
        self, actions: Sequence[str], data: Data, resources: list[str], because: str = ""
    ) -> None:
        self.function.add_environment("UPLOADS_BUCKET", data.uploads.bucket_name)
        self.may_do(*(f"s3:{action}" for action in actions), on=resources, because=because)
        if any(action.startswith("GetObject") for action in actions):
            self._may_use_key("s3", "kms:Decrypt")
        if "PutObject" in actions:
            # S3 decrypts to complete a multipart upload, and to use the bucket key.
            self._may_use_key("s3", "kms:GenerateDataKey", "kms:Decrypt")

    def may_do(self, *actions: str, on: list[str], because: str = "") -> None:
        """Grant actions on resources other than tables and files.

        `because` is the reason for patterns in `on`; patterns without a reason fail the synth.
        """
        self.function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=on))
        for arn in on if because else ():
            acknowledge_star(self, arn, because)

    def may_invoke(self, other: "Function", env_name: str) -> None:
        """Grant invocation of `other.live`; the CDK's grant would allow every version and alias."""
        self.function.add_environment(env_name, other.live.function_arn)
        self.may_do("lambda:InvokeFunction", on=[other.live_arn])

    def send_failures_to(self, queue: sqs.Queue, *, max_age: Duration, retries: int) -> None:
        """Send asynchronous events to a dead-letter queue after this many retries."""
        self.live.configure_async_invoke(
            on_failure=destinations.SqsDestination(queue),
            max_event_age=max_age,
            retry_attempts=retries,
        )
        self._may_use_key("sqs", "kms:GenerateDataKey", "kms:Decrypt")

    def may_read_stream(self, of: Store) -> None:
        """Grant reading a table's stream, and use of the key for the queue of failures.

        An event source mapping uses this role for both.
        """
        actions = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        # As AWS's policy for a Lambda function that reads a stream: ListStreams names no stream.
        self.may_do(
            *(f"dynamodb:{action}" for action in actions),
            on=[f"{of.table.table_arn}/stream/*"],
            because="the name of a table's only stream is the time at which it was enabled",
        )
        self._may_use_key("dynamodb", *DECRYPT)
        self._may_use_key("sqs", "kms:GenerateDataKey", "kms:Decrypt")

    def _may_use_key(self, service: str, *actions: str) -> None:
        """Grant use of the stage's KMS key through a service."""
        if self._key is None:
            return
        if service not in self._key_uses:
            self._key_uses[service] = iam.PolicyStatement(
                resources=[self._key.key_arn], conditions=via_service(Stack.of(self), service)
            )
            self.function.add_to_role_policy(self._key_uses[service])
        granted = self._key_uses[service].actions
        self._key_uses[service].add_actions(*(each for each in actions if each not in granted))


def add_failed_queue(scope: Construct, *, key: kms.IKey | None) -> sqs.Queue:
    """Add a dead-letter queue, which keeps events for 14 days."""
    queue = sqs.Queue(scope, "Failed", enforce_ssl=True, retention_period=Duration.days(14))
    if key:
        # The CDK's property would add grants for kms:GenerateDataKey*.
        queue.node.default_child.kms_master_key_id = key.key_arn
    acknowledge(queue, "SQS3", "it is itself a dead-letter queue")
    return queue

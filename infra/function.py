"""A Lambda function: named by its module, with a log group and a role of its own."""

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
from infra.key import DECRYPT, ENCRYPT, through
from infra.nag import acknowledge, acknowledge_star
from infra.retention import removal_policy
from infra.stage import Stage

LIVE = "live"
"""The alias through which everybody calls a function, in stages that move calls to new code."""


def add_log_group(scope: Construct, *, stage: Stage, key: kms.IKey | None) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        "Logs",
        encryption_key=key,
        retention=logs.RetentionDays[stage.log_retention],
        removal_policy=removal_policy(stage),
    )


class Function(Construct):
    """One module of functions/ and its `handler`; it may do nothing but log until `may` says so."""

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
        """`timeout` is in seconds and, behind the API, below its 30; `memory` in MB buys CPU.

        `reserved` is the concurrency that it has for itself and cannot exceed; 0 for neither.
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
        """What is called: the alias, where the stage has one."""
        self.live_arn: str = self.function.function_arn
        """Its ARN, for grants."""
        if stage.traffic:
            version = self.function.current_version
            self.live = lambda_.Alias(self, "Live", alias_name=LIVE, version=version)
            self.live_arn = f"{self.function.function_arn}:{LIVE}"
        acknowledge(self, "L1", "wheels and bytecode of the package are those of Python 3.13")
        if stage.tracing:
            acknowledge_star(self, "*", "X-Ray knows no resources to name")

    def may(self, *verbs: str, on: Store, indexes: Sequence[str] = ()) -> None:
        """Grant DynamoDB verbs on a table, or on `indexes` of it alone, and tell where it is."""
        arn = on.table.table_arn
        self.function.add_environment(on.env_name, on.table.table_name)
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{verb}" for verb in verbs],
                resources=[f"{arn}/index/{name}" for name in indexes] or [arn],
            )
        )
        self._may_use_key("dynamodb", *DECRYPT, *ENCRYPT)

    def may_on_files(self, *verbs: str, on: Data, under: Sequence[str]) -> None:
        """Grant S3 verbs on the uploads whose keys match `under`, and tell where they are."""
        keys = [on.uploads.arn_for_objects(pattern) for pattern in under]
        self._may_in_bucket(verbs, on, keys, because="callers name files, so keys are patterns")

    def may_list(self, *verbs: str, on: Data) -> None:
        """Grant S3 verbs on the bucket itself.

        Whoever reads a key that may be missing needs ListBucket: S3 would answer 403, not 404.
        """
        self._may_in_bucket(verbs, on, [on.uploads.bucket_arn])

    def _may_in_bucket(
        self, verbs: Sequence[str], data: Data, resources: list[str], because: str = ""
    ) -> None:
        self.function.add_environment("UPLOADS_BUCKET", data.uploads.bucket_name)
        self.may_do(*(f"s3:{verb}" for verb in verbs), on=resources, because=because)
        if any(verb.startswith("GetObject") for verb in verbs):
            self._may_use_key("s3", "kms:Decrypt")
        if "PutObject" in verbs:
            # S3 also decrypts: to join the parts of an upload, and to use the bucket key.
            self._may_use_key("s3", "kms:GenerateDataKey", "kms:Decrypt")

    def may_do(self, *actions: str, on: list[str], because: str = "") -> None:
        """Grant actions on resources that are neither tables nor files.

        `because` says why they are named by patterns; without it they may not be.
        """
        self.function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=on))
        for arn in on if because else ():
            acknowledge_star(self, arn, because)

    def may_invoke(self, other: "Function", env_name: str) -> None:
        """Without CDK's grant, which would allow every version and alias as well."""
        self.function.add_environment(env_name, other.live.function_arn)
        self.may_do("lambda:InvokeFunction", on=[other.live_arn])

    def fail_into(self, queue: sqs.Queue, *, max_age: Duration, retries: int) -> None:
        """Where events end for which nobody waits, after these attempts more."""
        self.live.configure_async_invoke(
            on_failure=destinations.SqsDestination(queue),
            max_event_age=max_age,
            retry_attempts=retries,
        )
        self._may_use_key("sqs", "kms:GenerateDataKey", "kms:Decrypt")

    def _may_use_key(self, service: str, *actions: str) -> None:
        """Let a service use the key of a table, bucket or queue in the function's name."""
        if self._key is None:
            return
        if service not in self._key_uses:
            self._key_uses[service] = iam.PolicyStatement(
                resources=[self._key.key_arn], conditions=through(Stack.of(self), service)
            )
            self.function.add_to_role_policy(self._key_uses[service])
        granted = self._key_uses[service].actions
        self._key_uses[service].add_actions(*(each for each in actions if each not in granted))


def add_failed_queue(scope: Construct, *, key: kms.IKey | None) -> sqs.Queue:
    """Where an event ends that no attempt could take; it is kept for two weeks."""
    queue = sqs.Queue(scope, "Failed", enforce_ssl=True, retention_period=Duration.days(14))
    if key:
        # Not by CDK's property, whose grants would allow kms:GenerateDataKey*.
        queue.node.default_child.kms_master_key_id = key.key_arn
    acknowledge(queue, "SQS3", "it is itself where what failed ends")
    return queue

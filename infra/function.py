"""A Lambda function: named by its module, with a log group and a role of its own."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.data import Data, Store
from infra.nag import acknowledge, acknowledge_star
from infra.stage import Stage


def add_log_group(scope: Construct, *, stage: Stage) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        "Logs",
        retention=logs.RetentionDays[stage.log_retention],
        removal_policy=RemovalPolicy.RETAIN if stage.retain else RemovalPolicy.DESTROY,
    )


class Function(Construct):
    """One module of functions/ and its `handler`; it may do nothing but log until `may` says so."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
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
        log_group = add_log_group(self, stage=stage)
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
            role=role,
            log_group=log_group,
            environment={
                "POWERTOOLS_SERVICE_NAME": "keywright",
                "POWERTOOLS_METRICS_NAMESPACE": "Keywright",
                "POWERTOOLS_LOG_LEVEL": stage.log_level,
            },
        )
        acknowledge(self, "L1", "wheels and bytecode of the package are those of Python 3.13")

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

    def may_do(self, *actions: str, on: list[str], because: str = "") -> None:
        """Grant actions on resources that are neither tables nor files.

        `because` says why they are named by patterns; without it they may not be.
        """
        self.function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=on))
        for arn in on if because else ():
            acknowledge_star(self, arn, because)

    def may_invoke(self, other: "Function", env_name: str) -> None:
        """Without CDK's grant, which would allow every version and alias as well."""
        self.function.add_environment(env_name, other.function.function_name)
        self.may_do("lambda:InvokeFunction", on=[other.function.function_arn])

"""A Lambda function: named by its module, with a log group and a role of its own."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.data import Store
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
    ) -> None:
        """`timeout` is in seconds and stays below the API's 30; `memory` in MB buys CPU."""
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
            role=role,
            log_group=log_group,
            environment={
                "POWERTOOLS_SERVICE_NAME": "keywright",
                "POWERTOOLS_METRICS_NAMESPACE": "Keywright",
                "POWERTOOLS_LOG_LEVEL": stage.log_level,
            },
        )

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

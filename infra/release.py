"""Gradual traffic shifting to new code by CodeDeploy, with rollback on an alarm."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.function import Function
from infra.nag import acknowledge_star
from infra.stage import Stage


class Release(Construct):
    """A deployment group per function; errors roll back one function, crashes all of them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        functions: Mapping[str, Function],
        on_error: Mapping[str, cloudwatch.Alarm],
        on_crash: cloudwatch.Alarm,
    ) -> None:
        super().__init__(scope, construct_id)
        role = self._role(functions)
        application = codedeploy.LambdaApplication(self, "Application")
        for name, function in functions.items():
            codedeploy.LambdaDeploymentGroup(
                self,
                function.node.id,
                application=application,
                alias=function.live,
                alarms=[on_error[name], on_crash],
                deployment_config=getattr(codedeploy.LambdaDeploymentConfig, stage.traffic),
                role=role.without_policy_updates(),
            )

    def _role(self, functions: Mapping[str, Function]) -> iam.Role:
        """Add a role for these functions; the CDK's managed policy allows all in the account.

        Deployment groups do not depend on its policy, which would be a cycle: the policy refers to
        all functions, some of which depend on an alias, and an alias depends on its group.
        """
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
        arns = [
            arn
            for function in functions.values()
            for arn in (function.function.function_arn, function.live_arn)
        ]
        lambda_actions = ("GetAlias", "UpdateAlias", "GetProvisionedConcurrencyConfig")
        every_alarm = Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for actions, on in (
            ([f"lambda:{action}" for action in lambda_actions], arns),
            (["cloudwatch:DescribeAlarms"], [every_alarm]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=on))
        acknowledge_star(
            self, every_alarm, "CloudWatch authorizes DescribeAlarms on alarm:*, not on one alarm"
        )
        return role

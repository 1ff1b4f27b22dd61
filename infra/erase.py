"""Log group and permissions of the CDK's function that empties the bucket on stack deletion."""

from aws_cdk import Stack
from constructs import Construct

from infra.function import add_log_group
from infra.stage import Stage


class Erase(Construct):
    """Give the CDK's function a log group of the stack, and write access to only that.

    By default it creates a log group that outlives the stack and never expires, and may write to
    every log group of the account.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        log_group = add_log_group(self, stage=stage, key=None)
        provider = Stack.of(self).node.find_child(
            "Custom::S3AutoDeleteObjectsCustomResourceProvider"
        )
        handler, role = provider.node.find_child("Handler"), provider.node.find_child("Role")
        handler.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
        role.add_property_deletion_override("ManagedPolicyArns")
        statement = {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": log_group.log_group_arn,
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        role.add_property_override("Policies", [{"PolicyName": "Log", "PolicyDocument": document}])

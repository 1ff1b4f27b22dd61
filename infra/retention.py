"""The removal policy of resources that hold data or are needed to roll back.

CloudFormation's `RetainExceptOnCreate` "behaves like Retain for stack operations, except for the
stack operation that initially created the resource. If the stack operation that created the
resource is rolled back, CloudFormation deletes the resource." With `Retain`, a first deploy that
failed would leave empty tables, a bucket and a key behind; and an update that failed would leave a
function version behind, after which the same code can't be deployed again ("A version for this
Lambda function exists").
"""

from aws_cdk import RemovalPolicy

from infra.stage import Stage

RETAIN = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def removal_policy(stage: Stage) -> RemovalPolicy:
    """Return the removal policy of the stage's data and of versions to roll back to."""
    return RETAIN if stage.retain else RemovalPolicy.DESTROY

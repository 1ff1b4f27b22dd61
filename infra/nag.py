"""The AwsSolutions rules of cdk-nag, which every synth checks, and their exceptions.

An exception is next to its construct, with a reason. A test finds exceptions that are not needed.
"""

from aws_cdk import Acknowledgment, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

PACK = "AwsSolutions"


def add_checks(app: Construct) -> None:
    """Make a synth of the app fail if it breaks a rule without an exception."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Except a construct and its children from a rule, such as `SQS3`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"{PACK}-{rule}", reason=reason))


def acknowledge_star(construct: Construct, arn: str, reason: str) -> None:
    """Allow grants in a construct to use this pattern as a resource."""
    acknowledge(
        construct, f"IAM5[Resource::{_format_arn(Stack.of(construct).resolve(arn))}]", reason
    )


def _format_arn(resolved: object) -> str:
    """Return an ARN in the format of the rule, with `<name>` for references to resources."""
    match resolved:
        case {"Fn::Join": [str(mark), list(parts)]}:
            return mark.join(_format_arn(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Ref": str(name)}:
            return f"<{name}>"
    return str(resolved)

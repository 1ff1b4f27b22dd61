"""cdk-nag's AwsSolutions rules, which every synth is held to, and where one of them does not fit.

A rule is acknowledged beside the construct that it is about, with the reason; a test finds those
that are no longer needed.
"""

from aws_cdk import Acknowledgment, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

PACK = "AwsSolutions"


def watch(app: Construct) -> None:
    """Have every synth of the app fail that breaks a rule which nobody acknowledged."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Let a rule such as `SQS3` be broken by a construct and what is in it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"{PACK}-{rule}", reason=reason))


def acknowledge_star(construct: Construct, arn: str, reason: str) -> None:
    """Let the grants in a construct name a resource by a pattern; each pattern by itself."""
    acknowledge(construct, f"IAM5[Resource::{_spelled(Stack.of(construct).resolve(arn))}]", reason)


def _spelled(resolved: object) -> str:
    """An ARN as the rule writes it, with `<name>` for what only a deploy knows."""
    match resolved:
        case {"Fn::Join": [str(mark), list(parts)]}:
            return mark.join(_spelled(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Ref": str(name)}:
            return f"<{name}>"
    return str(resolved)

"""The CDK app: `cdk synth -c stage=dev`. Needs no credentials and, once built, no network."""

import aws_cdk as cdk

from infra.nag import add_checks
from infra.stack import KeywrightStack
from infra.stage import read_stage


def add_stack(app: cdk.App) -> KeywrightStack:
    """Add the stack of the stage in the context. Raises StageError."""
    add_checks(app)
    stage = read_stage(app.node)
    return KeywrightStack(app, f"Keywright-{stage.name}", stage=stage)


if __name__ == "__main__":
    app = cdk.App()
    add_stack(app)
    app.synth()

"""`keywright deploy`: a preflight, then `cdk deploy`, in two steps where the stack is new.

The CDK enables termination protection before it executes a change set, and CloudFormation can't
delete a protected table. A creation that fails could then be neither rolled back nor repeated. So
the first step creates the stack without protection, and the second protects what was created. A
deploy of a stack that is there has one step and never lifts its protection.
"""

import argparse
import os
import subprocess
from collections.abc import Callable, Sequence

from rich.console import Console

from infra.context import FIRST_DEPLOY
from infra.ops.deploy import CDK, QUIET
from infra.ops.findings import NotReady
from infra.ops.preflight import Plan, is_ready, make_plan, preflight, set_option, show
from infra.stamp import ROOT

type Run = Callable[[Sequence[str]], int]
"""Runs a command in the project's folder, in sight of the operator; its exit status."""


def add_verb(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `deploy` to the command."""
    verb = nouns.add_parser("deploy", help="deploy a stage, after a preflight")
    verb.add_argument("--stage", required=True, help="a stage of cdk.json, such as dev or prod")
    set_option(verb)
    verb.add_argument(
        "--approval",
        choices=("never", "any-change", "broadening"),
        default="broadening",
        help="which changes the CDK asks about first; default: those that broaden rights",
    )
    verb.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=True)
    plan = make_plan(asked.stage, asked.set)
    found = []
    for about, checked in preflight(plan):
        found.append(checked)
        show(console, about, checked)
    if not is_ready(found):
        raise NotReady("Nothing was created or changed: do what the lines with ✗ say first.")
    return roll_out(plan, asked.set, approval=asked.approval, run=_in_sight)


def roll_out(plan: Plan, settings: Sequence[str], *, approval: str, run: Run) -> int:
    """Exit status 0. Raises NotReady if the CDK failed."""
    for first in _steps(plan):
        if run(cdk_command(plan.stage.name, settings, approval=approval, first=first)):
            raise NotReady(_after_failure(plan, first=first))
        approval = "never"  # the second step grants nothing, and asks nothing
    return 0


def _steps(plan: Plan) -> tuple[bool, ...]:
    """Whether each `cdk deploy` is the one that creates the stack."""
    return (True, False) if plan.stage.retain and plan.stack.is_new else (False,)


def cdk_command(
    stage: str, settings: Sequence[str], *, approval: str, first: bool
) -> tuple[str, ...]:
    given = [f"stage={stage}", *settings, *([f"{FIRST_DEPLOY}=true"] if first else [])]
    context = [part for each in given for part in ("-c", each)]
    return (str(CDK), "deploy", "--no-notices", "--require-approval", approval, *context)


def _after_failure(plan: Plan, *, first: bool) -> str:
    name, stage = plan.stack.name, plan.stage.name
    if plan.stack.is_new and plan.stage.retain and not first:
        return (
            f"The stack {name} is created and works, but is not protected against deletion:"
            f" make deploy STAGE={stage} again protects it."
        )
    return (
        f"The CDK did not deploy {name}: do what it says above, then make deploy STAGE={stage}"
        " again. CloudFormation rolls back by itself what it has begun; see docs/deploy.md."
    )


def _in_sight(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=os.environ | QUIET, check=False).returncode

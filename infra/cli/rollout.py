"""`keywright deploy`: a preflight, then `cdk deploy`, in two steps if the stack is new.

The CDK enables termination protection before it executes a change set, and CloudFormation can't
delete a protected table. A failed creation could then be neither rolled back nor repeated. So the
first step creates the stack without protection, and the second step enables protection. A deploy
of an existing stack has one step and never disables its protection.
"""

import argparse
import os
import subprocess
from collections.abc import Callable, Sequence

from rich.console import Console

from infra.cli.cdk import CDK, QUIET
from infra.cli.findings import NotReady
from infra.cli.preflight import Plan, is_ready, make_plan, preflight, set_option, show
from infra.context import FIRST_DEPLOY
from infra.stamp import ROOT

type Run = Callable[[Sequence[str]], int]
"""Runs a command in the checkout with its output on the terminal; returns its exit status."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("deploy", help="run a preflight and deploy a stage")
    command.add_argument("--stage", required=True, help="stage in cdk.json, such as dev or prod")
    set_option(command)
    command.add_argument(
        "--approval",
        choices=("never", "any-change", "broadening"),
        default="broadening",
        help="changes that need confirmation; default: those that broaden permissions",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=True)
    plan = make_plan(options.stage, options.set)
    found = []
    for about, checked in preflight(plan):
        found.append(checked)
        show(console, about, checked)
    if not is_ready(found):
        raise NotReady("Nothing was created or changed: fix the problems marked ✗ first.")
    return roll_out(plan, options.set, approval=options.approval, run=_run_visibly)


def roll_out(plan: Plan, settings: Sequence[str], *, approval: str, run: Run) -> int:
    """Deploy and return exit status 0. Raises NotReady if the CDK fails."""
    for first in _steps(plan):
        if run(cdk_command(plan.stage.name, settings, approval=approval, first=first)):
            raise NotReady(_describe_failure(plan, first=first))
        approval = "never"  # the second step grants no permissions
    return 0


def _steps(plan: Plan) -> tuple[bool, ...]:
    """Return for each `cdk deploy` whether it creates the stack."""
    return (True, False) if plan.stage.retain and plan.stack.is_new else (False,)


def cdk_command(
    stage: str, settings: Sequence[str], *, approval: str, first: bool
) -> tuple[str, ...]:
    """Return the command line of `cdk deploy`; `first` if it creates the stack."""
    given = [f"stage={stage}", *settings, *([f"{FIRST_DEPLOY}=true"] if first else [])]
    context = [part for each in given for part in ("-c", each)]
    return (str(CDK), "deploy", "--no-notices", "--require-approval", approval, *context)


def _describe_failure(plan: Plan, *, first: bool) -> str:
    name, stage = plan.stack.name, plan.stage.name
    if plan.stack.is_new and plan.stage.retain and not first:
        return (
            f"The stack {name} was created and works, but is not protected against deletion:"
            f" run make deploy STAGE={stage} again to protect it."
        )
    return (
        f"The CDK did not deploy {name}: fix the error above, then run make deploy STAGE={stage}"
        " again. CloudFormation rolls back an incomplete deploy by itself; see docs/deploy.md."
    )


def _run_visibly(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=os.environ | QUIET, check=False).returncode

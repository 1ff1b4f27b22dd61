"""`keywright preflight`: check whether a stage can be deployed to this account and region.

It changes nothing. Each problem is one sentence that names the quota, region, permission or
setting. Exit status 1 if the stage can't be deployed.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from infra.cli.account import Account, check_bootstrap, is_denied, missing_permission, open_account
from infra.cli.certificate import check_certificate
from infra.cli.findings import SIGNS, Checked, NotReady, not_checked, note, ok, refused
from infra.cli.quota import check_concurrency
from infra.cli.stack_state import StackState, check_leftovers, check_stack, read_stack
from infra.cli.stages import FOUND_PROBLEMS, add_subcommand, read_stages
from infra.cli.warm import check_warm_throughput

if TYPE_CHECKING:
    from infra.stage import Stage


@dataclass(frozen=True)
class Plan:
    """A stage to deploy, the account that it goes to, and the state of its stack."""

    stage: "Stage"
    account: Account
    stack: StackState
    reserved: dict[str, int]


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = add_subcommand(
        commands, "preflight", _run, "check whether a stage can be deployed; change nothing"
    )
    set_option(command)


def set_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="override a setting of the stage in cdk.json; repeatable",
    )


def _run(options: argparse.Namespace) -> int:
    found: list[tuple[str, Checked]] = []
    console = Console(highlight=False, soft_wrap=True, quiet=options.json)
    try:
        plan = make_plan(options.stage, options.set)
        for about, checked in preflight(plan):
            found.append((about, checked))
            show(console, about, checked)
    except NotReady as error:
        found.append(("account", refused(str(error))))
        show(console, *found[-1])
    ready = is_ready(checked for _, checked in found)
    if options.json:
        findings = [
            {"about": about, "outcome": checked.outcome, "message": checked.message}
            for about, checked in found
        ]
        print(json.dumps({"ready": ready, "findings": findings}))
    return 0 if ready else FOUND_PROBLEMS


def show(console: Console, about: str, checked: Checked) -> None:
    """Print the outcome of a check."""
    console.print(f"{SIGNS[checked.outcome]} {about}: {escape(checked.message)}")


def is_ready(found: Iterable[Checked]) -> bool:
    """Return whether no check failed."""
    return all(checked.outcome != "refused" for checked in found)


def make_plan(stage: str, settings: Iterable[str]) -> Plan:
    """Load the stage, open the account and read the stack. Raises NotReady if any of it fails."""
    if stage == "local":
        raise NotReady("The stage local runs on this machine: start it with make up.")
    loaded, reserved = _load_stage(stage, settings)
    account = open_account()
    try:
        stack = read_stack(account.reader, f"Keywright-{stage}")
    except ClientError as error:
        if not is_denied(error):
            raise
        raise NotReady(
            f"{account.caller} may not read the stack Keywright-{stage}: grant it"
            f" {missing_permission(error)}, or sts:AssumeRole on the CDK's lookup role."
        ) from None
    return Plan(loaded, account, stack, reserved)


def _load_stage(stage: str, settings: Iterable[str]) -> tuple["Stage", dict[str, int]]:
    """Return a stage and the concurrency that it reserves. Raises NotReady, also without the CDK.

    Importing the CDK takes a second, and only installations of `keywright[deploy]` have it.
    """
    read_stages()
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
    try:
        from infra import stage_settings  # noqa: PLC0415  # it needs the CDK
    except ModuleNotFoundError as error:
        if error.name != "aws_cdk":
            raise
        raise NotReady("This command needs the AWS CDK: install keywright[deploy].") from None
    try:
        loaded = stage_settings.load_stage(stage, settings)
    except ValueError as error:
        raise NotReady(f"{error}.") from None
    return loaded, stage_settings.reserving_settings(loaded)


def preflight(plan: Plan) -> Iterator[tuple[str, Checked]]:
    """Run every check. One that these credentials may not run is reported as not checked."""
    for about, check in CHECKS.items():
        try:
            for checked in check(plan):
                yield about, checked
        except ClientError as error:
            if not is_denied(error):
                yield about, refused(f"AWS returned {error}: fix that, or try again.")
                continue
            right = missing_permission(error)
            yield about, not_checked(f"not checked: {plan.account.caller} lacks {right}")
        except BotoCoreError as error:
            yield about, refused(f"can't reach AWS in {plan.account.region}: {error}")


def _account(plan: Plan) -> Iterator[Checked]:
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    custom = f", at AWS_ENDPOINT_URL={endpoint}" if endpoint else ""
    yield ok(f"{plan.account.caller}, {plan.account.place}{custom}")


def _alarm_email(plan: Plan) -> Iterator[Checked]:
    address = plan.stage.alarm_email
    if address:
        yield ok(f"alarms go to {address}, which must confirm the subscription once")
    elif plan.stage.retain:
        yield note("alarm_email is empty, so alarms notify no one: set SET=alarm_email=you@example")
    else:
        yield ok("alarms notify no one (alarm_email is empty)")


def _concurrency(plan: Plan) -> Iterator[Checked]:
    stack = None if plan.stack.is_new else plan.stack.name
    return check_concurrency(plan.account.reader, plan.stage.name, plan.reserved, stack)


def _throughput(plan: Plan) -> Iterator[Checked]:
    stack = None if plan.stack.is_new else plan.stack.name
    return check_warm_throughput(plan.account.reader, plan.stage.warm_throughput, stack)


def _certificate(plan: Plan) -> Iterator[Checked]:
    stage = plan.stage
    return check_certificate(
        plan.account.reader, domain_name=stage.domain_name, certificate_arn=stage.certificate_arn
    )


CHECKS: dict[str, Callable[[Plan], Iterator[Checked]]] = {
    "account": _account,
    "bootstrap": lambda plan: check_bootstrap(plan.account),
    "concurrency": _concurrency,
    "throughput": _throughput,
    "stack": lambda plan: check_stack(plan.account.reader, plan.stack),
    "leftovers": lambda plan: check_leftovers(
        plan.account.reader, plan.stack, domain_name=plan.stage.domain_name
    ),
    "certificate": _certificate,
    "alarms": _alarm_email,
}

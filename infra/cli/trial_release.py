"""Steps of `keywright verify` for deploys: a second one changes nothing, a bad one rolls back."""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing

import boto3

from infra.cli.cdk import CDK, QUIET
from infra.cli.health import settings_of
from infra.cli.stack_state import read_stack
from infra.cli.trial import Failed, NotProved, Trial, expect
from infra.stamp import ROOT

ALARM_SECONDS = 5.0
"""Seconds between two settings of the alarm; CloudWatch resets it when it evaluates it again."""


def deploy_again(trial: Trial) -> str:
    """Check that the same sources and settings result in no changes."""
    if trial.is_local:
        raise NotProved("make up deploys the local stack, from its own template")
    done = subprocess.run(
        _cdk(trial, "diff", "--fail"),
        cwd=ROOT,
        env=os.environ | QUIET,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(
            "cdk diff finds changes: deploy these sources first, and give the same --set:"
            f" {(done.stdout + done.stderr)[-500:]}"
        )
    return "cdk diff finds no changes"


def roll_back_a_deploy(trial: Trial) -> str:
    """Deploy while an alarm is active: the live version must stay the same."""
    if trial.is_local:
        raise NotProved("the emulator has neither CodeDeploy nor active alarms")
    if not trial.rollback:
        raise NotProved("add --rollback: it deploys another log_level while an alarm is active")
    if not settings_of(trial.stage.name).get("traffic"):
        raise NotProved("the stage has no alias (traffic is empty)")
    before = _live_version(trial)
    level = "INFO" if "DEBUG" in str(settings_of(trial.stage.name).get("log_level")) else "DEBUG"
    status = _deploy_during_alarm(trial, level)
    after, stack = _live_version(trial), read_stack(boto3.Session(), trial.stack)
    expect(status != 0, f"the deploy succeeded although {trial.stack}-Crashes was active")
    expect(after == before, f"version {after} is live instead of version {before}")
    expect(
        stack.status == "UPDATE_ROLLBACK_COMPLETE", f"the stack is {stack.status}: fix that first"
    )
    return f"with an active alarm, the stack was rolled back and version {before} is live"


def _deploy_during_alarm(trial: Trial, level: str) -> int:
    command = _cdk(trial, "deploy", "--require-approval", "never", "-c", f"log_level={level}")
    alarm = f"{trial.stack}-Crashes"
    with (
        closing(boto3.client("cloudwatch")) as cloudwatch,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | QUIET,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as deploy,
    ):
        try:
            while deploy.poll() is None:
                cloudwatch.set_alarm_state(
                    AlarmName=alarm, StateValue="ALARM", StateReason="keywright verify"
                )
                time.sleep(ALARM_SECONDS)
        finally:
            cloudwatch.set_alarm_state(
                AlarmName=alarm, StateValue="OK", StateReason="keywright verify is done"
            )
        return deploy.returncode


def _live_version(trial: Trial) -> str:
    name = trial.resource("CreateOrder", "AWS::Lambda::Function")
    with closing(boto3.client("lambda")) as functions:
        version: str = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    return version


def _cdk(trial: Trial, verb: str, *words: str) -> Sequence[str]:
    given = [f"stage={trial.stage.name}", *trial.settings]
    context = [part for each in given for part in ("-c", each)]
    return (str(CDK), verb, "--no-notices", *context, *words)

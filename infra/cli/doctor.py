"""`keywright doctor`: check a stage's health, and say how to fix each problem.

Some checks call the stage's API, the others AWS. Exit status 1 if any check fails. On the local
stage, checks that need an AWS call which the emulator does not support are skipped.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from infra.cli.findings import NotReady
from infra.cli.health import check_imports, check_protection, check_quota, check_routes
from infra.cli.stack_resources import stack_resources
from infra.cli.stages import FOUND_PROBLEMS, Deployment, NoStack, add_subcommand, find_deployment
from infra.client.connection import ApiProblem


@dataclass(frozen=True)
class Finding:
    """The result of one check; `advice` says what to do if it failed."""

    about: str
    passed: bool
    message: str
    advice: str = ""
    checked: bool = True
    """False for a skipped check."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add_subcommand(commands, "doctor", _run, "check a stage's health")


def _run(options: argparse.Namespace) -> int:
    stage = find_deployment(options.stage)
    console = Console(highlight=False, soft_wrap=True, quiet=options.json)
    findings = []
    for about, check in CHECKS.items():
        for finding in examine(about, check, stage):
            findings.append(finding)
            sign = "[green]✓[/]" if finding.passed else "[red]✗[/]"
            sign = sign if finding.checked else "[yellow]?[/]"
            console.print(f"{sign} {finding.about}: {escape(finding.message)}")
            if finding.advice:
                console.print(f"    [dim]{escape(finding.advice)}[/]")
    healthy = all(finding.passed for finding in findings)
    if options.json:
        print(json.dumps({"healthy": healthy, "findings": [asdict(each) for each in findings]}))
    return 0 if healthy else FOUND_PROBLEMS


type Check = Callable[[Deployment], Iterator[tuple[bool, str, str]]]


def examine(about: str, check: Check, stage: Deployment) -> Iterator[Finding]:
    """Yield the findings of a check. A check that can't run fails, except on the local stage."""
    try:
        for passed, message, advice in check(stage):
            yield Finding(about, passed, message, "" if passed else advice)
    except (ApiProblem, NoStack) as error:
        yield Finding(about, False, str(error), "See docs/operations.md.")
    except NotReady as error:
        yield Finding(about, True, f"not checked: {error}", checked=False)
    except (BotoCoreError, ClientError) as error:
        if stage.name == "local":
            yield Finding(about, True, f"not checked: the emulator returned {error}", checked=False)
            return
        yield Finding(about, False, str(error), "Check the permissions of these AWS credentials.")


def _api(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with stage.client() as client:
        yield client.is_up(), f"{stage.api_url} responds", ""


def _key(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with stage.client() as client:
        try:
            next(client.catalog.products(), None)
        except ApiProblem as problem:
            advice = "To see the key's state and scopes: keywright keys list"
            yield False, str(problem), advice
        else:
            yield True, "is accepted", ""


def _tables(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with closing(boto3.client("dynamodb")) as dynamodb:
        for name in stage.tables.values():
            status = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
            yield status == "ACTIVE", f"{name} is {status}", "Wait, or deploy the stack again."


def _bucket(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    name = stage.uploads_bucket
    with closing(boto3.client("s3")) as s3:
        is_versioned = s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled"
        yield (
            is_versioned,
            f"{name} is versioned: {_yes(is_versioned)}",
            "Imports need it: deploy again.",
        )
        configuration = s3.get_bucket_notification_configuration(Bucket=name)
        notifies = bool(configuration.get("LambdaFunctionConfigurations"))
        advice = "New files would not be imported: deploy again."
        yield notifies, f"{name} notifies of new files: {_yes(notifies)}", advice


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _queues(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    """Count the events in the dead-letter queues: no attempt could process them."""
    count = "ApproximateNumberOfMessages"
    advice = "See docs/runbook.md, FailedArrivals and FailedSweeps."
    with closing(boto3.client("sqs")) as sqs:
        for url in _queue_urls(stage):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])[
                "Attributes"
            ]
            messages = int(attributes[count])
            yield messages == 0, f"{url.rpartition('/')[2]} has {messages} messages", advice


def _queue_urls(stage: Deployment) -> Iterator[str]:
    for resource in stack_resources(boto3.Session(), f"Keywright-{stage.name}", "AWS::SQS::Queue"):
        yield resource["PhysicalResourceId"]


def _alarms(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with closing(boto3.client("cloudwatch")) as cloudwatch:
        pages = cloudwatch.get_paginator("describe_alarms")
        found = pages.paginate(AlarmNamePrefix=f"Keywright-{stage.name}", StateValue="ALARM")
        active = [alarm for page in found for alarm in page["MetricAlarms"]]
    for alarm in active:
        yield False, f"{alarm['AlarmName']} is in ALARM", str(alarm.get("StateReason", ""))
    if not active:
        yield True, "no alarm is active", ""


CHECKS: dict[str, Check] = {
    "API": _api,
    "API key": _key,
    "routes": check_routes,
    "tables": _tables,
    "bucket": _bucket,
    "failures": _queues,
    "imports": check_imports,
    "quota": check_quota,
    "protection": check_protection,
    "alarms": _alarms,
}

"""`keywright doctor`: whether a stage is healthy, and what to do where it is not.

Requests what the API knows from the API, and the rest from AWS. Exit status 1 if anything is wrong.
On the local stage, a call that the emulator does not have is reported as not checked.
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

from infra.ops.connection import ApiProblem
from infra.ops.findings import NotReady
from infra.ops.health import check_imports, check_protection, check_quota, check_routes
from infra.ops.stack_resources import stack_resources
from infra.ops.stages import NOT_WELL, Deployment, NoStack, find_deployment, stage_options


@dataclass(frozen=True)
class Finding:
    """What one look came to; `advice` is for what is not well."""

    about: str
    well: bool
    told: str
    advice: str = ""
    checked: bool = True
    """False for what the local stage does not have."""


def add_verb(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `doctor` to the command."""
    verb = nouns.add_parser(
        "doctor", parents=[stage_options()], help="say whether a stage is healthy"
    )
    verb.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    stage = find_deployment(asked.stage)
    console = Console(highlight=False, soft_wrap=True, quiet=asked.json)
    findings = []
    for about, look in LOOKS.items():
        for finding in examine(about, look, stage):
            findings.append(finding)
            sign = "[green]✓[/]" if finding.well else "[red]✗[/]"
            sign = sign if finding.checked else "[yellow]?[/]"
            console.print(f"{sign} {finding.about}: {escape(finding.told)}")
            if finding.advice:
                console.print(f"    [dim]{escape(finding.advice)}[/]")
    well = all(finding.well for finding in findings)
    if asked.json:
        print(json.dumps({"well": well, "findings": [asdict(each) for each in findings]}))
    return 0 if well else NOT_WELL


type Look = Callable[[Deployment], Iterator[tuple[bool, str, str]]]


def examine(about: str, look: Look, stage: Deployment) -> Iterator[Finding]:
    """What can't be checked is not well either, except on the local stage."""
    try:
        for well, told, advice in look(stage):
            yield Finding(about, well, told, "" if well else advice)
    except (ApiProblem, NoStack) as error:
        yield Finding(about, False, str(error), "See docs/operations.md.")
    except NotReady as error:
        yield Finding(about, True, f"not checked: {error}", checked=False)
    except (BotoCoreError, ClientError) as error:
        if stage.name == "local":
            yield Finding(about, True, f"not checked: the emulator answers {error}", checked=False)
            return
        yield Finding(about, False, str(error), "May these AWS credentials look at it?")


def _api(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with stage.client() as client:
        yield client.is_up(), f"{stage.api_url} answers", ""


def _key(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with stage.client() as client:
        try:
            next(client.catalog.products(), None)
        except ApiProblem as problem:
            advice = "keywright keys list tells its state and scopes; keys create makes another."
            yield False, str(problem), advice
        else:
            yield True, "opens the catalog", ""


def _tables(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with closing(boto3.client("dynamodb")) as dynamodb:
        for name in stage.tables.values():
            status = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
            yield status == "ACTIVE", f"{name} is {status}", "Wait, or deploy the stack again."


def _bucket(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    name = stage.uploads_bucket
    with closing(boto3.client("s3")) as s3:
        keeps = s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled"
        yield keeps, f"{name} keeps versions: {_yes(keeps)}", "Imports pin them: deploy again."
        told = s3.get_bucket_notification_configuration(Bucket=name)
        heard = bool(told.get("LambdaFunctionConfigurations"))
        advice = "No file would be imported: deploy again."
        yield heard, f"{name} tells of new files: {_yes(heard)}", advice


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _queues(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    """Events that a function failed on for the last time."""
    count = "ApproximateNumberOfMessages"
    advice = "See docs/operations.md: what goes wrong with imports."
    with closing(boto3.client("sqs")) as sqs:
        for url in _queue_urls(stage):
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"]
            waiting = int(told[count])
            yield waiting == 0, f"{url.rpartition('/')[2]} has {waiting} messages", advice


def _queue_urls(stage: Deployment) -> Iterator[str]:
    for resource in stack_resources(boto3.Session(), f"Keywright-{stage.name}", "AWS::SQS::Queue"):
        yield resource["PhysicalResourceId"]


def _alarms(stage: Deployment) -> Iterator[tuple[bool, str, str]]:
    with closing(boto3.client("cloudwatch")) as cloudwatch:
        pages = cloudwatch.get_paginator("describe_alarms")
        mine = pages.paginate(AlarmNamePrefix=f"Keywright-{stage.name}", StateValue="ALARM")
        ringing = [alarm for page in mine for alarm in page["MetricAlarms"]]
    for alarm in ringing:
        yield False, f"{alarm['AlarmName']} rings", str(alarm.get("StateReason", ""))
    if not ringing:
        yield True, "none rings", ""


LOOKS: dict[str, Look] = {
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

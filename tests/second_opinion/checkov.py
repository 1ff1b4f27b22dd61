"""checkov's rules on the template of production, and where one of them does not fit."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.second_opinion.environments import HOME


@dataclass(frozen=True)
class Accepted:
    """A rule that is broken on purpose, by which resources (a pattern of logical ids), and why."""

    resources: str
    reason: str


ACCEPTED: dict[str, Accepted] = {
    "CKV_AWS_18": Accepted(
        r"DataUploads",
        "An access log needs a second bucket. CloudTrail's data events record who reads; the same"
        " reason as for cdk-nag's S1.",
    ),
    "CKV_AWS_115": Accepted(
        r"(?!CreateOrderFunction|ImportCsvFunction)\w+",
        "Orders and imports reserve concurrency, so that neither can take the other's. A limit on"
        " each of the others would take from the account what the stage needs elsewhere.",
    ),
    "CKV_AWS_116": Accepted(
        r"\w+",
        "checkov looks for DeadLetterConfig alone. What is invoked asynchronously (ImportCsv,"
        " SweepOrders) has a failure destination on its alias, AWS::Lambda::EventInvokeConfig,"
        " which keeps the error too. The others answer API Gateway, where a dead-letter queue is"
        " never used.",
    ),
    "CKV_AWS_117": Accepted(
        r"\w+",
        "No function needs anything in a VPC. In one, DynamoDB and S3 would need endpoints, and a"
        " cold start would be longer.",
    ),
    "CKV_AWS_173": Accepted(
        r"\w+",
        "Environment variables hold names of resources and settings, no secret. Lambda encrypts"
        " them with its own key; a customer key would be one more that a cold start waits for.",
    ),
}


@dataclass(frozen=True)
class Judgement:
    """What checkov found: rules kept, broken on purpose, broken otherwise, and entries unused."""

    passed: int
    accepted: int
    new: list[str]
    stale: list[str]


def judge(checkov: Path, template: Path) -> Judgement:
    """checkov on one template, without a network."""
    return judged(_report(checkov, template))


def judged(report: Any) -> Judgement:
    """What a report of checkov says that nobody expected."""
    found = [
        (str(each["check_id"]), str(each["resource"]).rpartition(".")[2], str(each["check_name"]))
        for each in report["results"]["failed_checks"]
    ]
    known = {each for each in found if _is_accepted(each[0], each[1])}
    new = [each for each in found if each not in known]
    return Judgement(
        passed=report["summary"]["passed"],
        accepted=len(known),
        new=[f"{rule} {resource}: {name}" for rule, resource, name in new],
        stale=sorted(ACCEPTED.keys() - {rule for rule, _, _ in known}),
    )


def _is_accepted(rule: str, resource: str) -> bool:
    entry = ACCEPTED.get(rule)
    return entry is not None and re.match(entry.resources, resource) is not None


def _report(checkov: Path, template: Path) -> Any:
    arguments = ("--framework", "cloudformation", "--skip-download", "--output", "json", "--quiet")
    done = subprocess.run(
        [checkov, "--file", template, *arguments],
        cwd=HOME,
        env=os.environ | {"LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    if report["summary"]["parsing_errors"] or report["summary"]["resource_count"] < 100:
        raise ValueError(f"checkov could not read {template}: {report['summary']}")
    return report

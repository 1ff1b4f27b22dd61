"""Alarms notify a person and have a runbook entry; the dashboard shows the metrics."""

import json
import re
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_stack
from infra.stamp import ROOT
from tests.infra.reading import Template, flat, functions, resources

RUNBOOK, OPERATIONS = (
    (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in ("runbook", "operations")
)
SOURCES = "".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "functions").rglob("*.py"))
)


def alarms(template: Template) -> list[dict[str, Any]]:
    made = resources(template, "AWS::CloudWatch::Alarm").values()
    return [alarm["Properties"] for alarm in made]


def test_every_alarm_has_an_entry_in_the_runbook_and_every_entry_an_alarm(
    prod: Template,
) -> None:
    entries = {
        heading.lower(): set(re.findall(r"`(\w+)`", named))
        for heading, named in re.findall(r"^## (\w+)\n\nAlarms?: (.*)$", RUNBOOK, re.MULTILINE)
    }

    ringing: dict[str, set[str]] = {}
    for alarm in alarms(prod):
        entry = alarm["AlarmDescription"].partition("docs/runbook.md#")[2]
        name = alarm["AlarmName"].removeprefix("Keywright-prod-")
        ringing.setdefault(entry, set()).add(name)
    assert entries == ringing


def test_every_entry_says_what_it_means_where_to_look_and_what_to_do() -> None:
    for entry in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        if "\nAlarm" in entry:
            for part in ("**Means.**", "**Look.**", "**Do.**"):
                assert part in entry, f"{entry.splitlines()[0]} lacks {part}"


def test_every_function_is_watched_and_every_queue_of_failures(template: Template) -> None:
    watched = {
        (alarm["MetricName"], dimension["Name"], flat(dimension["Value"]))
        for alarm in alarms(template)
        for dimension in alarm.get("Dimensions", [])
    }

    for made in functions(template).values():
        (name,) = (name for name, each in template["Resources"].items() if each is made)
        for metric in ("Errors", "Throttles"):
            assert (metric, "FunctionName", f"<{name}>") in watched
    for queue in resources(template, "AWS::SQS::Queue"):
        seen = ("ApproximateNumberOfMessagesVisible", "QueueName", f"<{queue}.QueueName>")
        assert seen in watched


def test_every_alarm_tells_the_topic_when_it_begins_and_when_it_is_over(
    template: Template,
) -> None:
    (topic,) = resources(template, "AWS::SNS::Topic")

    for alarm in alarms(template):
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_alarms_may_publish_to_the_topic_and_only_from_this_account(template: Template) -> None:
    (policy,) = resources(template, "AWS::SNS::TopicPolicy").values()

    allowed = [
        (statement["Principal"], statement["Condition"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    here = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert allowed == [({"Service": "cloudwatch.amazonaws.com"}, here)]


def test_our_metrics_are_logged_by_a_function_and_distinguished_by_stage(
    template: Template, stage: str
) -> None:
    own = [alarm for alarm in alarms(template) if alarm.get("Namespace") == "Keywright"]

    assert own
    for alarm in own:
        assert f'"{alarm["MetricName"]}"' in SOURCES
        assert {"Name": "service", "Value": f"keywright-{stage}"} in alarm["Dimensions"]


def test_the_dashboard_shows_every_metric_that_functions_log(prod: Template) -> None:
    """Except metrics that repeat another, or that have an alarm of their own."""
    (page,) = resources(prod, "AWS::CloudWatch::Dashboard").values()
    counted = set(re.findall(r"(?:add_metric|count)\(\s*(?:name=)?\"(\w+)\"", SOURCES))
    swept = set(re.findall(r"\(\"(\w+)\", (?:lambda .*|\w+)\),$", SOURCES, re.MULTILINE))

    body = flat(page["Properties"]["DashboardBody"])

    shown = {name for name in counted | swept if f'"{name}"' in body or f'\\"{name}\\"' in body}
    assert (counted | swept) - shown == {
        "BatchCompleted",
        "Crash",
        "ExportFailed",
        "ExportRequested",
        "ExportResumed",
        "ImportAnnounced",
        "ImportFailed",
        "ImportGivenUp",
        "ImportRequested",
        "ImportResumed",
        "ImportSeconds",
    }
    json.loads(re.sub(r"<[^>]*>", "x", body))


def test_every_graph_that_the_docs_refer_to_is_on_the_dashboard(prod: Template) -> None:
    (page,) = resources(prod, "AWS::CloudWatch::Dashboard").values()
    titles = set(re.findall(r'"title":"([^"]+)"', flat(page["Properties"]["DashboardBody"])))

    quoted = set(re.findall(r'"([^"\n]+)"(?=[^.\n]* on the dashboard)', RUNBOOK + OPERATIONS))

    assert len(quoted) >= 4
    assert quoted <= titles


def test_alarms_are_sent_to_the_address_of_the_stage() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context | {"stage": "local", "alarm_email": "ops@example.com"})
    stack = add_stack(app)
    template = app.synth().get_stack_by_name(stack.stack_name).template

    (subscription,) = resources(template, "AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Protocol"] == "email"
    assert subscription["Properties"]["Endpoint"] == "ops@example.com"


@pytest.mark.parametrize("stage_name", ["local", "dev", "prod"])
def test_no_stage_sends_mail_unless_an_address_is_set(
    synthesize: Callable[[str], Template], stage_name: str
) -> None:
    assert not resources(synthesize(stage_name), "AWS::SNS::Subscription")

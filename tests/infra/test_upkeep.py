"""The sweeper has a schedule and a dead-letter queue."""

from typing import Any

from tests.infra.reading import Template, asynchronous, live, resources


def schedule(template: Template) -> dict[str, Any]:
    rules = resources(template, "AWS::Events::Rule").values()
    rule: dict[str, Any]
    (rule,) = (rule for rule in rules if "ScheduleExpression" in rule["Properties"])
    return rule


def test_the_sweep_runs_every_five_minutes(template: Template) -> None:
    rule = schedule(template)

    assert rule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    (target,) = rule["Properties"]["Targets"]
    assert target["Arn"] == live(template, "functions.sweep")


def test_a_sweep_that_fails_is_kept_in_a_queue(template: Template) -> None:
    (target,) = schedule(template)["Properties"]["Targets"]
    invocation = asynchronous(template, "functions.sweep")

    assert target["DeadLetterConfig"] == {
        "Arn": invocation["DestinationConfig"]["OnFailure"]["Destination"]
    }

"""The sweep runs by itself, what fails is kept, and alarms reach a topic."""

from typing import Any

from tests.infra.reading import Template, asynchronous, functions, live, resources


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


def test_every_function_has_an_alarm_and_every_alarm_reaches_the_topic(template: Template) -> None:
    (topic,) = resources(template, "AWS::SNS::Topic")
    alarms = resources(template, "AWS::CloudWatch::Alarm").values()

    watched = {
        (alarm["Properties"]["MetricName"], str(alarm["Properties"].get("Dimensions")))
        for alarm in alarms
    }
    assert len([metric for metric, _ in watched if metric == "Errors"]) == len(functions(template))
    assert {"5xx", "Crash", "ApproximateNumberOfMessagesVisible"} <= {name for name, _ in watched}
    assert all(alarm["Properties"]["AlarmActions"] == [{"Ref": topic}] for alarm in alarms)


def test_alarms_may_publish_to_the_topic_and_only_from_this_account(template: Template) -> None:
    (policy,) = resources(template, "AWS::SNS::TopicPolicy").values()

    allowed = [
        (statement["Principal"], statement["Condition"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    here = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert allowed == [({"Service": "cloudwatch.amazonaws.com"}, here)]

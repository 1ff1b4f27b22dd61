"""Streams, the publisher's mappings, the bus, and the subscribers of a stage's settings."""

import json
from collections import Counter
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_stack
from infra.events import ENDS
from infra.stamp import ROOT
from shared import import_job
from shared.events import TYPES
from tests.infra.reading import Template, logical_id, resources, tables

STREAMED = {"Orders", "Customers", "Licenses", "Imports"}


INDEXED = {"Orders", "Customers", "Licenses"}


def mappings(template: Template, function: str = "PublishEvents") -> dict[str, dict[str, Any]]:
    """The event source mappings of a function by table."""
    made = {logical: name for name, each in tables(template).items() for logical in [id(each)]}
    return {
        made[
            id(template["Resources"][each["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]])
        ]: each["Properties"]
        for each in resources(template, "AWS::Lambda::EventSourceMapping").values()
        if function in str(each["Properties"]["FunctionName"])
    }


def with_settings(**settings: str) -> Template:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context | {"stage": "prod"} | settings)
    stack = add_stack(app)
    template: Template = app.synth().get_stack_by_name(stack.stack_name).template
    return template


@pytest.fixture(scope="module")
def notified() -> Template:
    """A stage that sends e-mails and calls a webhook."""
    return with_settings(
        notify_email="imports@example.com",
        webhook_url="https://hooks.example.com/keywright",
        webhook_secret_name="keywright/webhook",  # the name of a secret
    )


def test_four_tables_have_streams_with_both_images(template: Template) -> None:
    streams = {
        name: table["Properties"].get("StreamSpecification", {}).get("StreamViewType")
        for name, table in tables(template).items()
    }

    assert {name for name, kind in streams.items() if kind} == STREAMED
    assert {kind for kind in streams.values() if kind} == {"NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("table", ["Events", "Search"])
def test_events_and_removed_words_expire(template: Template, table: str) -> None:
    assert tables(template)[table]["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "expires",
        "Enabled": True,
    }


@pytest.mark.parametrize(
    ("function", "read"), [("PublishEvents", STREAMED), ("IndexSearch", INDEXED)]
)
def test_a_failing_batch_is_split_and_ends_in_the_queue_before_the_stream_forgets_it(
    template: Template, function: str, read: set[str]
) -> None:
    made = mappings(template, function)

    assert made.keys() == read
    for mapping in made.values():
        assert mapping["StartingPosition"] == "TRIM_HORIZON", "changes during a deploy count too"
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert 0 < mapping["MaximumRetryAttempts"] <= 10_000
        assert 3600 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
        assert mapping["BatchSize"] <= 1000
        queue = logical_id(mapping["DestinationConfig"]["OnFailure"]["Destination"])
        assert template["Resources"][queue]["Type"] == "AWS::SQS::Queue"
        assert 1 <= len(mapping["FilterCriteria"]["Filters"]) <= 5, "Lambda's default quota"
        for each in mapping["FilterCriteria"]["Filters"]:
            assert len(each["Pattern"]) <= 4096, "Lambda's limit"


def test_a_stream_has_at_most_two_readers(template: Template) -> None:
    """AWS: "up to two processes"; more "can result in request throttling"."""
    read = Counter([*mappings(template), *mappings(template, "IndexSearch")])

    assert read == {"Orders": 2, "Customers": 2, "Licenses": 2, "Imports": 1}
    assert len(resources(template, "AWS::Lambda::EventSourceMapping")) == read.total()


@pytest.mark.parametrize("function", ["PublishEvents", "IndexSearch"])
def test_where_calls_go_through_an_alias_so_do_those_of_streams(
    prod: Template, function: str
) -> None:
    for mapping in mappings(prod, function).values():
        assert mapping["FunctionName"]["Fn::Join"][1][-1] == ":live"


def test_the_states_of_the_filters_are_those_of_the_jobs(template: Template) -> None:
    patterns = [
        json.loads(each["Pattern"])["dynamodb"]
        for each in mappings(template)["Imports"]["FilterCriteria"]["Filters"]
    ]

    assert set(ENDS) == import_job.ENDED
    assert {f"import.{state}" for state in ENDS} < set(TYPES)
    named = {
        state for pattern in patterns for image in pattern.values() for state in image["state"]["S"]
    }
    assert named == {"awaiting_upload", "queued", "validating", "running", *import_job.ENDED}


@pytest.mark.parametrize("kind", ["AWS::Events::ApiDestination", "AWS::Events::Connection"])
def test_without_settings_nobody_subscribes(template: Template, kind: str) -> None:
    assert not resources(template, kind)
    rules = resources(template, "AWS::Events::Rule").values()
    assert not [rule for rule in rules if "EventBusName" in rule["Properties"]]


def test_the_end_of_an_import_is_sent_as_a_mail(notified: Template) -> None:
    (rule,) = (
        rule["Properties"]
        for name, rule in resources(notified, "AWS::Events::Rule").items()
        if "ImportEnds" in name
    )
    (target,) = rule["Targets"]
    (topic,) = (name for name in resources(notified, "AWS::SNS::Topic") if "Notices" in name)
    (mail,) = resources(notified, "AWS::SNS::Subscription").values()

    assert rule["EventPattern"] == {
        "source": ["keywright"],
        "detail-type": [f"import.{state}" for state in ENDS],
    }
    assert target["Arn"] == mail["Properties"]["TopicArn"] == {"Ref": topic}
    assert mail["Properties"]["Endpoint"] == "imports@example.com"
    assert target["InputTransformer"]["InputTemplate"].startswith('"Import <')
    assert "KmsMasterKeyId" in resources(notified, "AWS::SNS::Topic")[topic]["Properties"]
    allowed = [
        statement
        for policy in resources(notified, "AWS::SNS::TopicPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert [(each["Action"], each["Resource"]) for each in allowed] == [
        ("sns:Publish", {"Ref": topic})
    ]


def test_every_event_is_posted_with_the_secret_as_its_header(notified: Template) -> None:
    (destination,) = resources(notified, "AWS::Events::ApiDestination").values()
    (connection,) = resources(notified, "AWS::Events::Connection").values()
    (rule,) = (
        rule["Properties"]
        for name, rule in resources(notified, "AWS::Events::Rule").items()
        if "ToWebhook" in name
    )
    (target,) = rule["Targets"]

    properties = destination["Properties"]
    assert (properties["InvocationEndpoint"], properties["HttpMethod"]) == (
        "https://hooks.example.com/keywright",
        "POST",
    )
    assert connection["Properties"]["AuthParameters"]["ApiKeyAuthParameters"] == {
        "ApiKeyName": "Authorization",
        "ApiKeyValue": "{{resolve:secretsmanager:keywright/webhook:SecretString:::}}",
    }
    assert rule["EventPattern"] == {"source": ["keywright"]}
    assert target["InputPath"] == "$.detail"
    assert target["DeadLetterConfig"]
    roles = [
        statement
        for policy in resources(notified, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "events:InvokeApiDestination"
    ]
    assert len(roles) == 1
    assert "ApiDestination" in str(properties) or roles[0]["Resource"]["Fn::GetAtt"][1] == "Arn"

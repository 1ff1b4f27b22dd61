"""New differences are reported, and so are listed ones that no longer occur."""

from typing import Any

import pytest

from tests.models.__main__ import STALE_AFTER, stale
from tests.models.answers import Answer
from tests.models.comparison import Result
from tests.models.differences import Seen, known_of
from tests.models.known import DYNALITE, KNOWN
from tests.second_opinion.checkov import ACCEPTED, judged

FOUND = dict.fromkeys(ACCEPTED, "AWS::Lambda::Function.CatalogFunction") | {
    "CKV_AWS_18": "AWS::S3::Bucket.DataUploads81D8EB70"
}


def report(found: dict[str, str]) -> Any:
    failed = [
        {"check_id": rule, "resource": resource, "check_name": "…"}
        for rule, resource in found.items()
    ]
    return {"summary": {"passed": 1}, "results": {"failed_checks": failed}}


def test_findings_that_are_accepted_are_counted() -> None:
    found = judged(report(FOUND))

    assert (found.accepted, found.new, found.stale) == (len(ACCEPTED), [], [])


@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        ("CKV_AWS_28", "AWS::DynamoDB::Table.DataOrders"),
        ("CKV_AWS_18", "AWS::S3::Bucket.Another"),
        ("CKV_AWS_115", "AWS::Lambda::Function.CreateOrderFunction4D4A6308"),
    ],
)
def test_a_finding_that_is_not_accepted_is_new(rule: str, resource: str) -> None:
    found = judged(report(FOUND | {rule: resource}))

    assert [line.split(":")[0] for line in found.new] == [f"{rule} {resource.split('.')[1]}"]


def test_a_finding_that_no_longer_occurs_is_reported() -> None:
    (rule, *_) = FOUND

    assert judged(report({r: at for r, at in FOUND.items() if r != rule})).stale == [rule]


def test_a_listed_difference_that_a_long_comparison_does_not_show_is_reported() -> None:
    names = [entry.name for entry in DYNALITE]

    assert stale("dynalite", Result(histories=STALE_AFTER)) == names
    assert stale("dynalite", Result(histories=STALE_AFTER - 1)) == []


@pytest.mark.parametrize("service", KNOWN)
def test_no_entry_explains_an_answer_with_other_items(service: str) -> None:
    expected = Answer({"Items": [{"pk": {"S": "a"}}], "Count": 1})
    got = Answer({"Items": [{"pk": {"S": "b"}}], "Count": 1})
    body = {"TableName": "Orders", "KeyConditionExpression": "pk = :pk"}

    assert known_of(KNOWN[service], Seen("Query", body, expected, got)) is None


@pytest.mark.parametrize("service", KNOWN)
def test_every_entry_has_a_name_of_its_own(service: str) -> None:
    names = [entry.name for entry in KNOWN[service]]

    assert len(set(names)) == len(names)

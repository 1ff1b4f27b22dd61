"""Tables and bucket: keyed as the store expects, and kept in prod."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_stack
from infra.data import EXPORT_DAYS
from infra.stamp import ROOT
from shared.export_job import KEPT
from tests.infra.reading import Template, resources, tables

KEYS = {
    "Access": ["pk"],
    "Catalog": ["pk", "sk"],
    "Customers": ["pk", "sk"],
    "Orders": ["pk", "sk"],
    "Licenses": ["pk"],
    "Imports": ["pk", "sk"],
    "Events": ["pk", "sk"],
    "Search": ["pk", "sk"],
}
LISTED = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]}
INDEXES: dict[str, dict[str, tuple[list[str], dict[str, Any]]]] = {
    "Access": {"by_company": (["company", "pk"], {"ProjectionType": "ALL"})},
    "Orders": {
        "by_created": (["listed", "created"], LISTED),
        "by_customer": (["customer_orders", "created"], LISTED),
        "by_product": (
            ["sold", "created"],
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["sold_n", "unsettled"]},
        ),
    },
    "Customers": {
        "by_created": (
            ["listed", "created"],
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
        )
    },
    "Events": {"by_type": (["typed", "sk"], {"ProjectionType": "ALL"})},
}


def names(schema: list[dict[str, str]]) -> list[str]:
    assert [key["KeyType"] for key in schema] == ["HASH", "RANGE"][: len(schema)]
    return [key["AttributeName"] for key in schema]


def test_tables_are_keyed_as_the_store_expects(template: Template) -> None:
    made = {name: table["Properties"] for name, table in tables(template).items()}

    assert {name: names(table["KeySchema"]) for name, table in made.items()} == KEYS
    for name, table in made.items():
        indexes = {
            index["IndexName"]: (names(index["KeySchema"]), index["Projection"])
            for index in table.get("GlobalSecondaryIndexes", [])
        }
        assert indexes == INDEXES.get(name, {})


def test_every_key_is_a_string_and_every_table_is_paid_by_request(template: Template) -> None:
    for table in tables(template).values():
        kinds = {each["AttributeType"] for each in table["Properties"]["AttributeDefinitions"]}
        assert kinds == {"S"}
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_prod_keeps_and_protects_what_it_stores(prod: Template) -> None:
    kept = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Logs::LogGroup")
    for kind in kept:
        for resource in resources(prod, kind).values():
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"
    for table in tables(prod).values():
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("stage_name", ["local", "dev"])
def test_other_stages_leave_nothing_behind(
    synthesize: Callable[[str], Template], stage_name: str
) -> None:
    for table in tables(synthesize(stage_name)).values():
        assert table["DeletionPolicy"] == "Delete"
        assert table["Properties"]["DeletionProtectionEnabled"] is False


def test_the_uploads_bucket_is_private_versioned_and_reached_over_tls_only(
    template: Template,
) -> None:
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    (policy,) = resources(template, "AWS::S3::BucketPolicy").values()

    properties = bucket["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["LifecycleConfiguration"]["Rules"]
    denied = [
        statement["Condition"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in denied
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def lifecycle_rules(template: Template) -> list[dict[str, Any]]:
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    rules: list[dict[str, Any]] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    return rules


@pytest.mark.parametrize(("stage_name", "days"), [("local", None), ("dev", 90), ("prod", 90)])
def test_files_and_their_old_versions_expire_when_the_stage_says(
    synthesize: Callable[[str], Template], stage_name: str, days: int | None
) -> None:
    rules = lifecycle_rules(synthesize(stage_name))

    expirations = [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule]
    assert expirations == [EXPORT_DAYS, *([days] if days else [])]
    old_versions = [rule.get("NoncurrentVersionExpiration") for rule in rules]
    assert {"NoncurrentDays": 30} in old_versions
    delete_markers = [rule.get("ExpiredObjectDeleteMarker") for rule in rules]
    assert (True in delete_markers) == bool(days)


def test_files_of_exports_are_kept_for_as_long_as_the_api_says(template: Template) -> None:
    (rule,) = (each for each in lifecycle_rules(template) if each.get("Prefix") == "_exports/")

    assert rule["ExpirationInDays"] == KEPT.days == EXPORT_DAYS
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_cloudformation_accepts_every_lifecycle_rule(template: Template) -> None:
    """CloudFormation wants "at least one of" these; cfn-lint does not check it.

    github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/132 has its message.
    """
    one_of = {
        "ExpirationDate",
        "ExpirationInDays",
        "AbortIncompleteMultipartUpload",
        "Transition",
        "Transitions",
        "NoncurrentVersionExpirationInDays",
        "NoncurrentVersionTransition",
        "NoncurrentVersionTransitions",
        "NoncurrentVersionExpiration",
    }

    for rule in lifecycle_rules(template):
        assert rule["Status"] == "Enabled"
        assert one_of & rule.keys(), f"CloudFormation refuses {rule}"


def test_s3_accepts_every_lifecycle_rule(template: Template) -> None:
    """S3 API reference, LifecycleExpiration: ExpiredObjectDeleteMarker "cannot be specified with
    Days or Date in a Lifecycle Expiration Policy". Days "must be a non-zero positive integer".
    """
    for rule in lifecycle_rules(template):
        if "ExpiredObjectDeleteMarker" in rule:
            assert not {"ExpirationInDays", "ExpirationDate", "TagFilters"} & rule.keys(), rule
        days = [
            rule.get("ExpirationInDays", 1),
            rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", 1),
            rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 1),
        ]
        assert all(isinstance(each, int) and each > 0 for each in days), rule


WARM = {"Customers", "Orders", "Licenses"}
"""The tables that orders and imports fill."""


def test_tables_are_not_pre_warmed_unless_a_stage_says_so(template: Template) -> None:
    assert "WarmThroughput" not in json.dumps(template)


def test_a_stage_can_pre_warm_the_tables_that_imports_fill_with_their_indexes() -> None:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(context=context | {"stage": "dev", "warm_throughput": "40000"})
    name = add_stack(app).stack_name
    made = tables(app.synth().get_stack_by_name(name).template)

    for table_name, table in made.items():
        resources = [table["Properties"], *table["Properties"].get("GlobalSecondaryIndexes", [])]
        wanted = {"WriteUnitsPerSecond": 40_000} if table_name in WARM else None
        assert [each.get("WarmThroughput") for each in resources] == [wanted] * len(resources)

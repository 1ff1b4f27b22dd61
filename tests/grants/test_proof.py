"""The comparison finds what is missing, what is unused, and reasons that nothing needs."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.grants import proof, reasons
from tests.grants.needs import standing_needs
from tests.grants.plugin import used, verdict
from tests.grants.recorder import MODULES, Problem
from tests.grants.report import refused, table_of
from tests.grants.template import Deployment, Grant, short
from tests.handler_run import Evidence, Part
from tests.infra.reading import Template, resources
from tests.moto_tables import kept_template

DOCUMENTS, SWEEP, CREATE = "functions.documents", "functions.sweep", "functions.create_order"


@pytest.fixture(scope="module")
def template() -> Template:
    return kept_template("prod")


@pytest.fixture
def deployment(template: Template) -> Deployment:
    return Deployment(template)


def everything(deployment: Deployment) -> dict[str, set[Grant]]:
    """As if every grant had been needed that has no reason, a file for each pattern of keys."""
    return {
        module: {
            Grant(action, resource.replace("*", "x") if resource != "*" else resource, via)
            for action, resource, via in granted
            if (module, action) not in reasons.REASONS
        }
        for module, granted in deployment.grants.items()
    }


def found(needed: dict[str, set[Grant]]) -> set[Evidence]:
    """What processes tell each other of needed grants."""
    return {(module, *grant) for module, grants in needed.items() for grant in grants}


def with_statement(template: Template, module: str, action: str, resource: Any) -> Template:
    """The template in which a function has one grant more."""
    changed = deepcopy(template)
    role = Deployment(changed).functions[module]["Properties"]["Role"]["Fn::GetAtt"][0]
    (policy,) = (
        policy
        for policy in resources(changed, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
    )
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    policy["Properties"]["PolicyDocument"]["Statement"].append(statement)
    return changed


def test_needs_and_grants_that_are_the_same_are_no_finding(deployment: Deployment) -> None:
    used = everything(deployment)

    assert proof.missing(deployment, used) == []
    assert proof.unused(deployment, used) == []
    assert proof.stale_reasons(deployment, used) == []


def test_a_need_that_no_grant_covers_is_missing(deployment: Deployment) -> None:
    need = Grant("dynamodb:Scan", "arn:aws:dynamodb:us-east-1:123456789012:table/X")

    (found,) = proof.missing(deployment, everything(deployment) | {DOCUMENTS: {need}})

    assert found == (DOCUMENTS, need)


def test_a_grant_that_no_need_wants_is_unused(template: Template, deployment: Deployment) -> None:
    changed = with_statement(template, DOCUMENTS, "s3:GetObject", "arn:aws:s3:::other/*")

    (found,) = proof.unused(Deployment(changed), everything(deployment))

    assert (found.module, str(found.grant)) == (DOCUMENTS, "s3:GetObject on other/*")


def test_a_reason_for_what_is_needed_is_stale(deployment: Deployment) -> None:
    (queue,) = deployment.destinations(SWEEP)
    used = everything(deployment)
    used[SWEEP].add(Grant("sqs:GetQueueUrl", queue))

    assert proof.stale_reasons(deployment, used) == [(SWEEP, "sqs:GetQueueUrl")]


def test_what_aws_does_in_a_functions_name_follows_from_the_template(
    deployment: Deployment,
) -> None:
    assert sorted(map(str, standing_needs(deployment, SWEEP))) == [
        "kms:Decrypt on key/Key through sqs",
        "kms:GenerateDataKey on key/Key through sqs",
        "logs:CreateLogStream on log-group:SweepOrdersLogs:*",
        "logs:PutLogEvents on log-group:SweepOrdersLogs:*",
        "sqs:SendMessage on SweepFailed",
        "xray:PutTelemetryRecords on *",
        "xray:PutTraceSegments on *",
    ]


def test_a_function_reads_the_streams_that_invoke_its_alias(deployment: Deployment) -> None:
    needed = set(map(str, standing_needs(deployment, "functions.publish_events")))

    for table in ("Orders", "Customers", "Licenses", "Imports"):
        assert f"dynamodb:GetRecords on table/Data{table}/stream/*" in needed
    assert {"sqs:SendMessage on EventsFailed", "kms:Decrypt on key/Key through dynamodb"} <= needed


@pytest.mark.parametrize(
    ("grant", "need", "allowed"),
    [
        (Grant("s3:GetObject", "b/*/licenses/*"), Grant("s3:GetObject", "b/acme/licenses/x"), True),
        (Grant("s3:GetObject", "b/*/licenses/*"), Grant("s3:GetObject", "b/licenses/x"), False),
        (Grant("s3:GetObject", "b/a"), Grant("s3:GetObjectVersion", "b/a"), False),
        (Grant("dynamodb:Query", "t"), Grant("dynamodb:Query", "t/index/i"), False),
        (Grant("kms:Decrypt", "k", "s3"), Grant("kms:Decrypt", "k", "s3"), True),
        (Grant("kms:Decrypt", "k", "s3"), Grant("kms:Decrypt", "k", "sqs"), False),
        (Grant("lambda:InvokeFunction", "f:live"), Grant("lambda:InvokeFunction", "f"), False),
    ],
)
def test_a_grant_allows_what_iam_would_let_it(grant: Grant, need: Grant, allowed: bool) -> None:
    assert grant.allows(need) == allowed


def test_a_condition_that_this_check_does_not_know_is_not_waved_through(
    deployment: Deployment,
) -> None:
    statement = {"Effect": "Allow", "Condition": {"StringLike": {"aws:x": "y"}}}

    with pytest.raises(AssertionError, match="does not understand"):
        deployment.via(statement)


def parts() -> Iterator[Part]:
    for name in ("a", "b"):
        grant = Grant(f"s3:{name}", "r")
        yield Part({"a", "b"}, whole=True, passed={name}, found={(DOCUMENTS, *grant)})


def test_what_workers_needed_is_judged_together() -> None:
    whole = Part()
    for part in parts():
        whole.add(Part.of_wire(part.to_wire()))

    assert whole.is_complete
    assert used(whole.found) == {DOCUMENTS: {Grant("s3:a", "r"), Grant("s3:b", "r")}}


@pytest.mark.parametrize("lost", [Part(), Part(whole=False)])
@pytest.mark.parametrize("required", [True, False])
def test_a_part_of_the_tests_is_not_judged_and_fails_where_the_whole_is_required(
    deployment: Deployment, lost: Part, required: bool
) -> None:
    first, _ = parts()
    whole = Part()
    whole.add(first)
    whole.add(lost)

    lines, failed = verdict(whole, lambda: deployment, required=required)

    assert lines == ["grants: unused ones not judged, since not every handler test passed"]
    assert failed == required


def test_the_whole_is_judged(template: Template, deployment: Deployment) -> None:
    whole = Part({"a"}, whole=True, passed={"a"}, found=found(everything(deployment)))
    wider = with_statement(template, DOCUMENTS, "s3:GetObject", "arn:aws:s3:::other/*")

    assert verdict(whole, lambda: deployment, required=True) == ([], False)
    lines, failed = verdict(whole, lambda: Deployment(wider), required=False)

    assert failed
    assert "functions.documents" in lines[1]
    assert "s3:GetObject on other/*" in lines[1]


def test_a_session_without_handler_tests_says_nothing() -> None:
    assert verdict(Part(), lambda: pytest.fail("not needed"), required=False) == ([], False)


def test_the_message_names_function_action_resource_and_where_to_grant_it() -> None:
    need = Grant("dynamodb:UpdateItem", "arn:aws:dynamodb:us-east-1:1:table/DataOrders20A4E13F")
    message = refused(Problem(CREATE, "dynamodb TransactWriteItems", f"may not {need}", need))

    first, *others = message.splitlines()
    assert "functions.create_order may not dynamodb:UpdateItem on table/DataOrders" in first
    granted = 'may("UpdateItem", on=data.orders)'
    assert others[:2] == [
        "  Call: dynamodb TransactWriteItems",
        f"  If the call is meant, grant it in _create_order in infra/stack.py: {granted}",
    ]


def test_the_table_names_what_is_wrong_and_where() -> None:
    grant = Grant("dynamodb:Scan", "arn:aws:dynamodb:us-east-1:1:table/DataOrders20A4E13F")
    finding = proof.Finding("functions.import_csv", grant)

    text = "\n".join(table_of([finding], [finding], [(SWEEP, "sqs:GetQueueUrl")]))

    assert text.count("dynamodb:Scan on table/DataOrders") == 2
    assert "_grant_access in infra/imports.py" in text
    assert "tests/grants/reasons.py" in text
    assert table_of([], [], []) == []


@pytest.mark.parametrize("module", [each for each in MODULES if each != DOCUMENTS])
def test_every_function_has_a_method_that_grants_what_it_may_do(module: str) -> None:
    (_, row, *_) = table_of([proof.Finding(module, Grant("s3:GetObject", "r"))], [], [])

    assert re.search(r" _\w+ in infra/\w+\.py$", row)


def test_names_lose_the_hash_of_the_cdk_and_nothing_else() -> None:
    assert short("arn:aws:s3:::DataUploads81D8EB70/acme/licenses/ABCDEF12.csv") == (
        "DataUploads/acme/licenses/ABCDEF12.csv"
    )

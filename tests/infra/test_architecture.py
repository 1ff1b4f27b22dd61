"""docs/architecture.md shows the functions, tables, queues and connections of the template."""

import re
from collections.abc import Iterator
from itertools import product

from infra.stamp import ROOT
from infra.state_machine import definition
from tests.infra.reading import Template, functions, resources

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STACK, _ORDER, IMPORT, _LAYERS = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
PEOPLE = {"client", "ops", "Schedule", "Subscribers"}
SHOWN = {
    "AWS::Lambda::Function",
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::S3::Bucket",
    "AWS::StepFunctions::StateMachine",
    "AWS::ApiGatewayV2::Api",
}


def arrows() -> Iterator[tuple[str, str]]:
    """From whom to whom, with `A & B` and labels taken apart."""
    for line in STACK.splitlines():
        found = re.fullmatch(r"\s*(.+?) -\.?->(?:\|[^|]*\|)? (.+)", line)
        if found:
            ends = [
                [re.split(r"\W", each)[0] for each in part.split(" & ")] for part in found.groups()
            ]
            yield from product(*ends)


def drawn(logical_id: str, kind: str) -> str:
    """The name of a resource in the diagram."""
    name = re.sub(r"[0-9A-F]{8}$", "", logical_id)
    match kind:
        case "AWS::Lambda::Function":
            return name.removesuffix("Function")
        case "AWS::DynamoDB::Table":
            return f"{name.removeprefix('Data')}Table"
        case "AWS::S3::Bucket":
            return name.removeprefix("Data")
        case "AWS::StepFunctions::StateMachine":
            return "ExportMachine" if name.startswith("Exports") else "Machine"
        case "AWS::ApiGatewayV2::Api":
            return "Api"
    return name


def test_the_diagram_shows_what_there_is_and_nothing_else(prod: Template) -> None:
    ours = list(functions(prod).values())
    there = {
        drawn(name, each["Type"])
        for name, each in prod["Resources"].items()
        if each["Type"] in SHOWN and (each["Type"] != "AWS::Lambda::Function" or each in ours)
    }

    assert {name for arrow in arrows() for name in arrow} - PEOPLE == there


def test_arrows_to_tables_and_the_bucket_are_the_grants(prod: Template) -> None:
    stores = {
        name: drawn(name, each["Type"])
        for name, each in prod["Resources"].items()
        if each["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
    }
    granted = {
        (re.sub(r"Role[0-9A-F]{8}$", "", policy["Properties"]["Roles"][0]["Ref"]), stores[store])
        for policy in resources(prod, "AWS::IAM::Policy").values()
        for store in stores
        if re.search(
            rf"'{store}'(?!, 'Arn'\]\}}, '/stream/\*')", str(policy["Properties"]["PolicyDocument"])
        )
    }

    named = {
        drawn(name, "AWS::Lambda::Function") for name in resources(prod, "AWS::Lambda::Function")
    }
    shown = {(who, what) for who, what in arrows() if what in stores.values() and who in named}
    assert shown == {(who, what) for who, what in granted if who in named}


def test_the_way_of_an_import_names_functions_and_the_steps_of_the_machine(prod: Template) -> None:
    parts = dict(re.findall(r"participant (\w) as (\w+)", IMPORT))
    made = {
        drawn(name, "AWS::Lambda::Function") for name in resources(prod, "AWS::Lambda::Function")
    }
    steps = set(definition("f", partition="aws", concurrency=1)["States"])

    assert set(parts.values()) <= made | {"Client", "Uploads", "Machine"}
    shown = re.findall(r"M->>I: (\w+)", IMPORT)
    assert [step.capitalize() for step in shown if step != "chunk"] == ["Plan", "Finish"]
    assert {
        "Validate",
        "Decide",
        "Write",
        *(s.capitalize() for s in shown if s != "chunk"),
    } <= steps

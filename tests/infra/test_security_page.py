"""docs/security.md lists what every role may do, exactly as the template grants it."""

import re
from collections.abc import Iterator
from typing import Any

from infra.stamp import ROOT
from tests.infra.reading import Template, as_list, resources


def called(logical_id: str) -> str:
    """What a resource is called in the stack: its id without the CDK's hash."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def spelled(resource: Any) -> str:
    """An ARN as a reader of the page knows it: the name in the stack, or what stands in it."""
    match resource:
        case "*":
            return "*"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return called(name)
        case {"Fn::Join": ["", [{"Fn::GetAtt": _} as head, *rest]]}:
            return spelled(head) + "".join(rest)
        case {"Fn::Join": ["", parts]}:
            return "".join(part for part in parts if isinstance(part, str)).split(":", 5)[-1]
    raise AssertionError(resource)


def services(condition: Any) -> str:
    """Through which service something may be used, if that is a condition."""
    match condition:
        case {"StringEquals": {"kms:ViaService": {"Fn::Join": ["", [service, *_]]}}}:
            return f" through {service.removesuffix('.')}"
        case None:
            return ""
    raise AssertionError(condition)


def allowed(template: Template) -> Iterator[tuple[str, str, str]]:
    """Role, resource and actions of every grant."""
    for policy in resources(template, "AWS::IAM::Policy").values():
        (role,) = policy["Properties"]["Roles"]
        who = called(role["Ref"]).removesuffix("Role")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = ", ".join(f"`{each}`" for each in sorted(as_list(statement["Action"])))
            through = services(statement.get("Condition"))
            for resource in as_list(statement["Resource"]):
                yield who, spelled(resource) + through, actions


def test_the_page_lists_what_every_role_may_do(prod: Template) -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \w+ \| `.* \| `\w+:.* \|$", page, re.MULTILINE)

    granted = sorted(allowed(prod))

    expected = [f"| {who} | `{resource}` | {actions} |" for who, resource, actions in granted]
    assert rows == expected, "copy the rows as they are expected here:\n" + "\n".join(expected)

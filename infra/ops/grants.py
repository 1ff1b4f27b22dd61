"""Writes the rows of docs/security.md that list what each role may do in stage prod.

`make docs` runs it, with the template that `make synth STAGE=prod` wrote.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

type Template = dict[str, Any]

_ROW = re.compile(r"^\| \w+ \| `.* \| `\w+:.* \|$")


def with_grants(page: str, template: Template) -> str:
    """The page with the rows of its table replaced by the grants of a template."""
    lines = page.splitlines()
    numbers = [number for number, line in enumerate(lines) if _ROW.match(line)]
    rows = [f"| {who} | `{on}` | {actions} |" for who, on, actions in sorted(_grants(template))]
    return "\n".join([*lines[: numbers[0]], *rows, *lines[numbers[-1] + 1 :]]) + "\n"


def _grants(template: Template) -> Iterator[tuple[str, str, str]]:
    """Role, resource and actions of every grant."""
    for policy in template["Resources"].values():
        if policy["Type"] != "AWS::IAM::Policy":
            continue
        (role,) = policy["Properties"]["Roles"]
        who = _name(role["Ref"]).removesuffix("Role")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] != "Allow":
                raise ValueError(f"{who} has a statement that does not allow: {statement}")
            actions = ", ".join(f"`{each}`" for each in sorted(_as_list(statement["Action"])))
            via = _via(statement.get("Condition"))
            for resource in _as_list(statement["Resource"]):
                yield who, _spelled(resource) + via, actions


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(logical_id: str) -> str:
    """What a resource is called in the stack: its id without the CDK's hash."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def _spelled(resource: Any) -> str:
    """An ARN as a reader of the page knows it: the name in the stack, or the ARN's last part."""
    match resource:
        case "*":
            return "*"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return _name(name)
        case {"Fn::Join": ["", [{"Fn::GetAtt": _} as head, *rest]]}:
            return _spelled(head) + "".join(rest)
        case {"Fn::Join": ["", parts]}:
            return "".join(part for part in parts if isinstance(part, str)).split(":", 5)[-1]
    raise ValueError(f"the page has no spelling for the resource {resource}")


def _via(condition: Any) -> str:
    """Through which service something may be used, if that is a condition."""
    match condition:
        case {"StringEquals": {"kms:ViaService": {"Fn::Join": ["", [service, *_]]}}}:
            return f" through {service.removesuffix('.')}"
        case None:
            return ""
    raise ValueError(f"the page has no spelling for the condition {condition}")


def main(template: Path, page: Path) -> None:
    """Write the page again."""
    found: Template = json.loads(template.read_text(encoding="utf-8"))
    page.write_text(with_grants(page.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

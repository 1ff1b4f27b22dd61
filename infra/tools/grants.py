"""Write the permissions of each role in stage prod to the table of docs/security.md.

`make docs` runs it with the template of `make synth STAGE=prod`.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

type Template = dict[str, Any]

_ROW = re.compile(r"^\| \w+ \| `.* \| `\w+:.* \|$")


def replace_grants(page: str, template: Template) -> str:
    """Return the page with the rows of its table replaced by the grants of a template."""
    lines = page.splitlines()
    numbers = [number for number, line in enumerate(lines) if _ROW.match(line)]
    rows = [f"| {role} | `{on}` | {actions} |" for role, on, actions in sorted(_grants(template))]
    return "\n".join([*lines[: numbers[0]], *rows, *lines[numbers[-1] + 1 :]]) + "\n"


def _grants(template: Template) -> Iterator[tuple[str, str, str]]:
    """Yield the role, resource and actions of every grant."""
    for policy in template["Resources"].values():
        if policy["Type"] != "AWS::IAM::Policy":
            continue
        (reference,) = policy["Properties"]["Roles"]
        role = _name(reference["Ref"]).removesuffix("Role")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] != "Allow":
                raise ValueError(f"{role} has a statement whose effect is not Allow: {statement}")
            actions = ", ".join(f"`{each}`" for each in sorted(_as_list(statement["Action"])))
            via = _via(statement.get("Condition"))
            for resource in _as_list(statement["Resource"]):
                yield role, _format_arn(resource) + via, actions


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(logical_id: str) -> str:
    """Return a resource's construct path: its logical id without the CDK's hash."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def _format_arn(resource: Any) -> str:
    """Return a short form of an ARN: the resource's name in the stack, or the ARN's last part."""
    match resource:
        case "*":
            return "*"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return _name(name)
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"{_name(name)}/stream/*"
        case {"Fn::Join": ["", [{"Fn::GetAtt": _} as head, *rest]]}:
            return _format_arn(head) + "".join(rest)
        case {"Fn::Join": ["", parts]}:
            return "".join(part for part in parts if isinstance(part, str)).split(":", 5)[-1]
    raise ValueError(f"unknown form of a resource: {resource}")


def _via(condition: Any) -> str:
    """Return the service of a `kms:ViaService` condition as words, or nothing."""
    match condition:
        case {"StringEquals": {"kms:ViaService": {"Fn::Join": ["", [service, *_]]}}}:
            return f" through {service.removesuffix('.')}"
        case None:
            return ""
    raise ValueError(f"unknown form of a condition: {condition}")


def main(template: Path, page: Path) -> None:
    found: Template = json.loads(template.read_text(encoding="utf-8"))
    page.write_text(replace_grants(page.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

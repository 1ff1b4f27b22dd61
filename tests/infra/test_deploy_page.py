"""Commands of the AWS CLI that docs/deploy.md and the preflight name exist, with their options."""

import re
from collections.abc import Iterator

import botocore.session
import pytest
from botocore import xform_name

from infra.stamp import ROOT

WRITTEN = [
    ROOT / "docs" / "deploy.md",
    *(ROOT / "infra" / "cli" / f"{name}.py" for name in ("account", "certificate", "stack_state")),
]
BY_THE_CLI = {("s3", "rb"), ("sso", "login")}
"""Commands that stand for no single request."""


def commands() -> Iterator[str]:
    for path in WRITTEN:
        text = path.read_text(encoding="utf-8").replace('"\n    " ', " ")
        text = re.sub(r'"\s*\n\s*f?"', "", text)
        yield from re.findall(r"\baws ([a-z0-9-]+ [a-z0-9-]+(?: [a-z0-9-]+)?[^\n,;:`()#]*)", text)


COMMANDS = sorted({command.strip() for command in commands()})


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) >= 10
    assert any("update-termination-protection" in command for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_an_operation_and_its_parameters(command: str) -> None:
    service, operation, *rest = command.split()
    if (service, operation) in BY_THE_CLI:
        return
    session = botocore.session.get_session()
    model = session.get_service_model(service)
    if operation == "wait":
        waiters = session.get_waiter_model(service).waiter_names
        assert rest[0] in {xform_name(name, "-") for name in waiters}
        (operation,) = ("describe-stacks",)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations
    shape = model.operation_model(operations[operation]).input_shape
    known = {xform_name(name, "-") for name in shape.members} if shape else set()
    for option in re.findall(r"--([a-z-]+)", command):
        assert {option, option.removeprefix("no-")} & {*known, "region"}, f"{command}: --{option}"

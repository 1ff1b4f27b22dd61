"""`keywright verify` and the preflight, on the emulator."""

import json
import os
from typing import Any
from unittest.mock import patch

import pytest

from infra.cli import stages
from infra.cli.main import main
from infra.cli.preflight import CHECKS
from infra.cli.verify import STEPS
from infra.local.stack import LocalStack

NOT_HERE = {"many-rows", "second-deploy", "rollback"}
"""The emulator does not throttle, and has neither CodeDeploy nor alarms that ring."""
TWICE = {"large-file"}
"""What `cancel` and `retry` import takes the same way."""


@pytest.fixture
def verified(
    stack: LocalStack,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    described = tmp_path_factory.mktemp("operator") / "stack.json"
    described.write_text(json.dumps(stack))
    monkeypatch.setattr(stages, "LOCAL_STACK", described)
    steps = ",".join(step for step in STEPS if step not in TWICE)
    with patch.dict(os.environ):
        main(["verify", "--stage", "local", "--rows", "300", "--only", steps, "--json"])
    return json.loads(capsys.readouterr().out)


def test_the_local_stage_is_proved_as_far_as_it_can_show(verified: Any) -> None:
    outcomes = {step["step"]: step["outcome"] for step in verified["steps"]}

    assert [step for step in verified["steps"] if step["outcome"] == "failed"] == []
    assert {name for name, outcome in outcomes.items() if outcome == "not proved"} == NOT_HERE
    assert verified["ok"] is True


def test_the_emulator_s_account_is_ready_for_a_stage_of_aws(
    stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check of the preflight gets its answers from the emulator, not from moto."""
    account = {
        "AWS_ENDPOINT_URL": stack["aws_endpoint_url"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    with patch.dict(os.environ, account):
        status = main(["preflight", "--stage", "prod", "--json"])

    report = json.loads(capsys.readouterr().out)
    outcomes = {each["about"]: each["outcome"] for each in report["findings"]}
    assert (status, report["ready"]) == (0, True)
    assert outcomes == dict.fromkeys(CHECKS, "ok") | {"alarms": "note"}

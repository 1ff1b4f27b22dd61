"""The scripted first hour of a stage, on the stack that is here."""

import json
import os
from typing import Any
from unittest.mock import patch

import pytest

from infra.ops import stages
from infra.ops.main import main
from infra.ops.stack import LocalStack
from infra.ops.verify import STEPS

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

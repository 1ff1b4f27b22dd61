"""cdk-nag: every synth passes its rules, and every suppression is needed."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks

from infra import nag
from infra.app import add_stack
from infra.stamp import ROOT


def test_a_synth_that_breaks_a_rule_fails() -> None:
    app = cdk.App()
    nag.add_checks(app)
    sqs.Queue(cdk.Stack(app, "Stack"), "Open")

    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()


@pytest.mark.parametrize("stage_name", ["dev", "prod"])
def test_a_rule_is_acknowledged_where_it_is_broken_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, stage_name: str
) -> None:
    acknowledged: set[tuple[str, str]] = set()

    class Noted:
        """Where the pack would read what is acknowledged, nothing is."""

        def __init__(self, construct: Any) -> None:
            self.path = construct.node.path

        @classmethod
        def of(cls, construct: Any) -> "Noted":
            return cls(construct)

        def add_plugins(self, *_: Any) -> None: ...

        def acknowledge(self, given: cdk.Acknowledgment) -> None:
            assert len(given.reason or "") > 20
            acknowledged.add((self.path, given.id))

    monkeypatch.setattr(nag, "Validations", Noted)
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context | {"stage": stage_name})
    add_stack(app)

    report = AwsSolutionsChecks(app).validate_scope(app)

    broken = {
        (found.construct_path, violation.rule_name)
        for violation in report.violations
        for found in violation.violating_resources
    }
    covered = {
        (path, rule): {
            here for here, what in broken if what == rule and here.startswith(f"{path}/")
        }
        for path, rule in acknowledged
    }
    assert [each for each, constructs in covered.items() if not constructs] == []
    assert len(broken) == sum(map(len, covered.values()))

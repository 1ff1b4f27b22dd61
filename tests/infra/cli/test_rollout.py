"""`keywright deploy` runs the preflight first, and a failed creation can be repeated."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.cli.main import main
from tests.infra.aws_account import AwsAccount

FIRST = "keywright:first-deploy=true"


@dataclass
class Cdk:
    """The command line of the CDK: what it was called with, and the statuses that it ends with."""

    ends: list[int] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)

    def run(self, command: Sequence[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        self.calls.append([str(word) for word in command])
        status = self.ends.pop(0) if self.ends else 0
        return subprocess.CompletedProcess(command, status)

    @property
    def first(self) -> list[bool]:
        """Of each call, whether it creates the stack without protection."""
        return [FIRST in call for call in self.calls]


@pytest.fixture
def cdk(monkeypatch: pytest.MonkeyPatch, aws: AwsAccount) -> Cdk:
    cdk = Cdk()
    monkeypatch.setattr(subprocess, "run", cdk.run)
    return cdk


def deploy(*words: str, stage: str = "prod") -> int:
    return main(["deploy", "--stage", stage, *words])


def test_a_new_stack_is_created_without_protection_and_then_protected(cdk: Cdk) -> None:
    assert deploy("--set", "order_reserved=7", "--approval", "any-change") == 0

    assert cdk.first == [True, False]
    for call in cdk.calls:
        assert call[1] == "deploy"
        assert call[5:7] == ["-c", "stage=prod"]
        assert "order_reserved=7" in call
    assert [call[call.index("--require-approval") + 1] for call in cdk.calls] == [
        "any-change",
        "never",
    ]


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
)
@pytest.mark.parametrize("protected", [True, False])
def test_a_stack_that_is_there_is_never_without_protection(
    cdk: Cdk, aws: AwsAccount, status: str, protected: bool
) -> None:
    """Also one whose creation was whole and whose protection then failed."""
    aws.stack(status, protected=protected)
    aws.resources()

    assert deploy() == 0

    assert cdk.first == [False]


def test_a_creation_that_failed_is_repeated_as_a_creation(
    cdk: Cdk, aws: AwsAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    cdk.ends = [1]
    assert deploy() == 2
    assert "make deploy STAGE=prod again" in capsys.readouterr().err
    aws.stack("ROLLBACK_COMPLETE")

    assert deploy() == 0

    assert cdk.first == [True, True, False]


def test_a_stack_that_could_not_be_protected_is_reported(
    cdk: Cdk, capsys: pytest.CaptureFixture[str]
) -> None:
    cdk.ends = [0, 1]

    assert deploy() == 2

    assert "works, but is not protected against deletion" in capsys.readouterr().err


def test_a_stage_that_retains_nothing_has_one_step(cdk: Cdk) -> None:
    assert deploy(stage="dev") == 0

    assert cdk.first == [False]


def test_nothing_is_run_when_the_account_is_not_ready(
    cdk: Cdk, aws: AwsAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.concurrency(10)

    assert deploy() == 2

    assert cdk.calls == []
    printed = capsys.readouterr()
    assert "L-B99A9384" in printed.out
    assert "Nothing was created or changed" in printed.err


def test_nothing_is_run_when_the_stack_can_t_be_read(cdk: Cdk, aws: AwsAccount) -> None:
    """A guess could lift the protection of a stack that is there."""
    aws.deny("DescribeStacks", "cloudformation:DescribeStacks")

    assert deploy() == 2
    assert cdk.calls == []


def test_the_operator_s_own_settings_can_t_lift_the_protection(cdk: Cdk) -> None:
    assert deploy("--set", FIRST) == 2
    assert cdk.calls == []

"""GitHub workflows run Makefile targets, with pinned actions and least privilege."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.stamp import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEST = ROOT / ".github" / "workflows" / "test.yml"
DEPLOY = ROOT / ".github" / "workflows" / "deploy.yml"


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = YAML(typ="safe").load(path)
    return workflow


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_what_is_run_are_targets_of_the_makefile_and_nothing_else(workflow: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for step in steps(workflow):
        if "run" in step:
            make, target, *settings = step["run"].split()
            assert make == "make"
            assert target in targets
            assert all(re.fullmatch(r"[A-Z]+=\w+", setting) for setting in settings)


def test_actions_are_pinned_to_a_commit_and_say_which_version_it_is(workflow: Path) -> None:
    named = re.findall(r"uses: (.*)", workflow.read_text(encoding="utf-8"))

    assert named
    for action in named:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_a_job_may_read_the_code_and_nothing_else_unless_it_says_so(workflow: Path) -> None:
    assert read(workflow)["permissions"] == {"contents": "read"}
    for job in read(workflow)["jobs"].values():
        assert set(job.get("permissions", {})) <= {"contents", "id-token"}
        assert job["timeout-minutes"] <= 60


def test_tests_run_on_pull_requests_and_on_main() -> None:
    workflow = read(TEST)

    assert workflow["on"] == {"pull_request": None, "push": {"branches": ["main"]}}
    (test,) = (step["run"] for step in steps(TEST) if "run" in step)
    assert test == "make test"


def test_a_deploy_is_started_by_hand_and_goes_to_dev_before_prod() -> None:
    workflow = read(DEPLOY)

    assert set(workflow["on"]) == {"pull_request", "workflow_dispatch"}
    dev, prod = workflow["jobs"]["dev"], workflow["jobs"]["prod"]
    assert (dev["environment"], prod["environment"]) == ("dev", "prod")
    assert dev["if"] == "github.event_name == 'workflow_dispatch'"
    assert prod["needs"] == "dev"


def test_a_pull_request_only_looks_and_only_where_it_is_set_up() -> None:
    diff = read(DEPLOY)["jobs"]["diff"]

    assert "vars.AWS_DIFF_ROLE != ''" in diff["if"]
    assert "head.repo.full_name == github.repository" in diff["if"]
    assert "environment" not in diff
    (run,) = (step["run"] for step in diff["steps"] if "run" in step)
    assert run == "make diff STAGE=dev METHOD=template"


def test_no_key_is_stored() -> None:
    text = DEPLOY.read_text(encoding="utf-8")

    assert "secrets." not in text
    roles = [step["with"]["role-to-assume"] for step in steps(DEPLOY) if "aws-actions" in str(step)]
    assert roles == ["${{ vars.AWS_DIFF_ROLE }}", *["${{ vars.AWS_DEPLOY_ROLE }}"] * 2]

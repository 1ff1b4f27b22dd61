"""`keywright verify` proves a working stage, and finds faults of another."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from functions.web.auth import forget_keys
from infra.cli import stages, trial_imports, trial_release
from infra.cli.stages import find_deployment
from infra.cli.trial import Trial, open_trial
from infra.cli.verify import STEPS, Result, prove
from infra.client.connection import ApiProblem
from infra.stamp import ROOT
from shared.store import uploads
from tests.engine import Engine
from tests.infra.aws_account import AwsAccount
from tests.infra.served import Keywright, Served

ORDERS = ("catalog", "key", "slash", "bundle", "append", "large-order")
CREATE = "/api/v1/orders/create_order"


@pytest.fixture
def trial(served: Served) -> Iterator[Trial]:
    with open_trial(find_deployment("test"), rows=10, megabytes=1) as trial:
        yield trial


def outcome(trial: Trial, step: str) -> Result:
    (result,) = prove(trial, [step])
    return result


def test_a_stage_that_does_what_it_should_is_proved(trial: Trial, engine: Engine) -> None:
    results = [*prove(trial, [*ORDERS, "presigned", "reject-all"])]

    assert [result.step for result in results if result.outcome != "proved"] == []
    messages = {result.step: result.message for result in results}
    assert messages["slash"] == (
        "POST /orders/create_order/ directly, POST /orders/create_order directly;"
        " placed once, replayed once"
    )


def test_a_redirected_path_with_a_slash_is_verified_and_reported(
    trial: Trial, served: Served
) -> None:
    outcome(trial, "catalog")
    redirect = httpx.Response(308, headers={"Location": CREATE})
    served.later = {("POST", f"{CREATE}/"): [redirect]}

    result = outcome(trial, "slash")

    assert result.outcome == "proved"
    assert "POST /orders/create_order/ by a 308, POST /orders/create_order directly" in (
        result.message
    )


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        (f"{CREATE}/", httpx.Response(404, text="no"), "returned 404: no"),
        (CREATE, httpx.Response(502, text="late"), "returned 502: late"),
        (
            CREATE,
            httpx.Response(200, json={"license_keys": ["X"]}),
            "the retried order issued ['X']",
        ),
    ],
)
def test_a_path_that_is_not_served_or_places_twice_is_found(
    trial: Trial, served: Served, path: str, answer: httpx.Response, message: str
) -> None:
    outcome(trial, "catalog")
    served.later = {("POST", path): [answer]}

    result = outcome(trial, "slash")

    assert result.outcome == "failed"
    assert message in result.message


@pytest.mark.parametrize(
    ("step", "path", "answer", "message"),
    [
        ("append", "/api/v1/licenses/", {"count": 1}, "with one appended has 1 licenses"),
        ("presigned", "/api/v1/licenses/", {"count": 0}, "there are 0 licenses PRESIGNED-0000001"),
        ("reject-all", "/api/v1/licenses/", {"count": 1}, "there are 1 licenses FAULTY-0000001"),
    ],
)
def test_licenses_that_are_missing_or_should_not_be_there_are_found(
    trial: Trial,
    served: Served,
    engine: Engine,
    step: str,
    path: str,
    answer: dict[str, int],
    message: str,
) -> None:
    outcome(trial, "catalog")
    served.later = {("GET", path): [httpx.Response(200, json=answer)]}

    result = outcome(trial, step)

    assert result.outcome == "failed"
    assert message in result.message


@pytest.mark.parametrize(
    ("status", "expected"), [(400, "proved"), (500, "failed"), (200, "failed")]
)
def test_reversed_dates_must_be_refused(
    trial: Trial, served: Served, status: int, expected: str
) -> None:
    served.later = {("GET", "/api/v1/orders/"): [httpx.Response(status, json={})]}

    assert outcome(trial, "reversed-dates").outcome == expected


def test_a_key_that_opens_what_it_should_not_is_found(trial: Trial, served: Served) -> None:
    nothing = {"count": 0, "results": [], "cursor": None}
    served.later = {("GET", "/api/v1/orders/"): [httpx.Response(200, json=nothing)]}

    result = outcome(trial, "key")

    assert (result.outcome, result.message) == ("failed", "an unknown API key can list orders")


def test_the_trial_s_key_is_revoked_and_its_files_are_deleted(served: Served) -> None:
    with open_trial(find_deployment("test"), rows=1, megabytes=1) as trial:
        trial.upload(f"{trial.company}/licenses/a.csv", b"x")
        trial.upload("acme/licenses/other.csv", b"y")
        assert trial.client.catalog.products() is not None

    found = uploads.client().list_object_versions(Bucket=uploads.bucket())["Versions"]
    assert [version["Key"] for version in found] == ["acme/licenses/other.csv"]
    forget_keys()
    with pytest.raises(ApiProblem, match="invalid_api_key"), trial.stage.client(trial.key) as late:
        next(late.orders.list(), None)


def test_a_failed_step_is_reported_with_its_status_and_the_others_are_tried(
    keywright: Keywright, served: Served, engine: Engine
) -> None:
    served.later = {("POST", f"{CREATE}/"): [httpx.Response(404, text="no")]}

    printed = keywright.run_json("verify", "--only", "catalog,slash,bundle", status=1)

    assert printed["ok"] is False
    outcomes = {step["step"]: step["outcome"] for step in printed["steps"]}
    assert outcomes == {"catalog": "proved", "slash": "failed", "bundle": "proved"}
    served.later = {("POST", f"{CREATE}/"): [httpx.Response(404, text="no")]}
    shown = keywright.run("verify", "--only", "catalog,slash,rollback", status=1)
    assert "1 proved, 1 not proved, 1 failed." in shown


def test_a_step_that_is_not_there_is_named(keywright: Keywright, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        keywright.run("verify", "--only", "catalog,nonsense")

    assert "unknown step nonsense: choose from catalog, " in capsys.readouterr().err


def test_a_stage_that_retains_its_data_is_verified_only_if_requested(
    keywright: Keywright, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {"stages": {"test": {"retain": true}}}}')
    monkeypatch.setattr(stages, "ROOT", tmp_path)

    assert "add --yes" in keywright.run("verify", "--only", "catalog", status=2)
    assert "1 proved" in keywright.run("verify", "--only", "catalog", "--yes")


def test_what_the_tables_throttled_is_read_back(trial: Trial, aws: AwsAccount) -> None:
    """CloudWatch takes its time: until it has the minutes, nothing says that nothing throttled."""
    metric_names: list[str] = []

    def metric(request: dict[str, Any]) -> dict[str, Any]:
        metric_names.append(request["MetricName"])
        late = metric_names.count("ConsumedWriteCapacityUnits") < 2
        of = [dimension["Value"] for dimension in request["Dimensions"]]
        if late or "Orders" in of:
            return {"Datapoints": []}
        return {"Datapoints": [{"Sum": 3.0}, {"Sum": float(len(of))}]}

    aws.answers["GetMetricStatistics"] = metric

    since = datetime.now(UTC) - timedelta(minutes=1)
    assert trial_imports.count_throttled("Licenses", since=since) == 4.0
    assert trial_imports.count_throttled("Customers", since=since) == 4.0
    assert trial_imports.count_throttled("Orders", since=since) == 0.0
    assert metric_names.count("ConsumedWriteCapacityUnits") == 2


def test_the_step_of_many_rows_reports_throttled_writes_by_table(
    trial: Trial, aws: AwsAccount, engine: Engine
) -> None:
    aws.answers["GetMetricStatistics"] = lambda _: {"Datapoints": [{"Sum": 3.0}]}
    outcome(trial, "catalog")

    result = outcome(trial, "many-rows")

    assert result.outcome == "proved"
    assert result.message.startswith("10 rows in ")
    assert "throttled writes: access 3, catalog 3, " in result.message


@pytest.mark.parametrize(("status", "expected"), [(0, "proved"), (1, "failed")])
def test_a_second_deploy_must_find_nothing_to_change(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, status: int, expected: str
) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        calls.append([*command])
        return subprocess.CompletedProcess(command, status, "Stack Keywright-test", "")

    monkeypatch.setattr(subprocess, "run", run)
    trial.settings = ["burst=7"]

    assert outcome(trial, "second-deploy").outcome == expected
    assert calls[0][1:] == ["diff", "--no-notices", "-c", "stage=test", "-c", "burst=7", "--fail"]


class Deploying:
    """`cdk deploy`, which ends after some looks at it."""

    def __init__(self, status: int) -> None:
        self.returncode = status
        self._looks = 3

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def poll(self) -> int | None:
        self._looks -= 1
        return None if self._looks else self.returncode


@pytest.mark.parametrize(
    ("status", "stack_status", "version", "message"),
    [
        (1, "UPDATE_ROLLBACK_COMPLETE", "7", "rolled back and version 7 is live"),
        (0, "UPDATE_COMPLETE", "7", "the deploy succeeded although"),
        (1, "UPDATE_ROLLBACK_COMPLETE", "8", "version 8 is live instead of version 7"),
        (1, "UPDATE_ROLLBACK_FAILED", "7", "the stack is UPDATE_ROLLBACK_FAILED"),
    ],
)
def test_a_deploy_under_an_alarm_must_go_back(
    trial: Trial,
    aws: AwsAccount,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    status: int,
    stack_status: str,
    version: str,
    message: str,
) -> None:
    settings = '{"context": {"stages": {"test": {"traffic": "ALL_AT_ONCE", "log_level": "INFO"}}}}'
    (tmp_path / "cdk.json").write_text(settings)
    monkeypatch.setattr(stages, "ROOT", tmp_path)
    monkeypatch.setattr(trial_release, "ALARM_SECONDS", 0.0)
    commands: list[list[str]] = []

    def start(command: list[str], **_: Any) -> Deploying:
        commands.append([*command])
        return Deploying(status)

    monkeypatch.setattr(subprocess, "Popen", start)
    states: list[str] = []

    def set_alarm(request: dict[str, Any]) -> dict[str, Any]:
        states.append(request["StateValue"])
        return {}

    versions = iter(["7", version])
    aws.stack(stack_status)
    function = {
        "ResourceType": "AWS::Lambda::Function",
        "LogicalResourceId": "CreateOrderFunction1",
    }
    aws.resources({**function, "PhysicalResourceId": "create-order"})
    aws.answers["GetAlias"] = lambda _: {"FunctionVersion": next(versions)}
    aws.answers["SetAlarmState"] = set_alarm
    trial.rollback = True

    result = outcome(trial, "rollback")

    assert message in result.message
    assert result.outcome == ("proved" if "rolled back and" in message else "failed")
    assert states == ["ALARM", "ALARM", "OK"]
    assert commands[0][-2:] == ["-c", "log_level=DEBUG"]


def test_a_rollback_is_provoked_only_if_requested(trial: Trial) -> None:
    result = outcome(trial, "rollback")

    assert (result.outcome, "add --rollback" in result.message) == ("not proved", True)


def test_every_step_is_explained_on_the_page_of_deploys() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")

    explained = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert [name for name in explained if name in STEPS] == [*STEPS]

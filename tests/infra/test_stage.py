"""Stages: each one synthesizes, and a mistake in cdk.json is named."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codedeploy as codedeploy

from infra.stage import SHIFTS, Stage, StageError, read_stage
from tests.infra.reading import Template

SETTINGS: dict[str, Any] = {
    "retain": False,
    "erase": False,
    "customer_key": False,
    "platform": "machine",
    "api_tag": "",
    "slash": "/",
    "public_url": "",
    "domain_name": "",
    "certificate_arn": "",
    "log_level": "INFO",
    "log_retention": "ONE_DAY",
    "tracing": False,
    "alarm_email": "",
    "notify_email": "",
    "webhook_url": "",
    "webhook_secret_name": "",
    "requests_per_second": 1,
    "burst": 1,
    "traffic": "",
    "order_reserved": 0,
    "strict_duplicate_orders": False,
    "order_updates_customer": False,
    "import_inline_bytes": 1,
    "import_chunk_bytes": 1,
    "import_concurrency": 1,
    "import_reserved": 0,
    "upload_days": 0,
    "old_version_days": 1,
    "warm_throughput": 0,
}


def read(settings: dict[str, Any], stage: str | None = "here") -> Stage:
    return read_stage(cdk.App(context={"stages": {"here": settings}, "stage": stage}).node)


def test_every_stage_synthesizes(template: Template) -> None:
    assert template["Resources"]
    assert set(template["Outputs"]) == {
        "ApiUrl",
        "ConsoleUrl",
        "DashboardUrl",
        "AlarmsTopic",
        "KeyCommand",
        "UploadsBucket",
        "AccessTable",
        "CatalogTable",
        "CustomersTable",
        "OrdersTable",
        "LicensesTable",
        "ImportsTable",
        "EventsTable",
        "SearchTable",
        "EventBus",
    }


def test_a_stage_is_its_settings_under_its_name() -> None:
    assert read(SETTINGS) == Stage(name="here", **SETTINGS)


@pytest.mark.parametrize("stage", ["elsewhere", None])
def test_an_unknown_stage_is_refused_with_those_that_there_are(stage: str | None) -> None:
    with pytest.raises(StageError, match=r"one of \['here'\]"):
        read(SETTINGS, stage)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(StageError, match=r"'here' in cdk\.json lacks: retain, slash"):
        read({name: SETTINGS[name] for name in SETTINGS if name not in ("retain", "slash")})


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(StageError, match=r"'here' in cdk\.json has unknown: retains"):
        read(SETTINGS | {"retains": True})


def test_a_setting_of_the_wrong_kind_is_named() -> None:
    with pytest.raises(StageError, match="retain must be bool"):
        read(SETTINGS | {"retain": "yes"})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"log_retention": "FOREVER"}, "log_retention must be one of ONE_DAY, "),
        ({"traffic": "SLOWLY"}, "traffic must be empty or one of ALL_AT_ONCE, "),
        (
            {"domain_name": "licenses.example.com"},
            "domain_name and certificate_arn must be set together",
        ),
        ({"alarm_email": "ops"}, "alarm_email must be an e-mail address or empty"),
        ({"notify_email": "ops"}, "notify_email must be an e-mail address or empty"),
        (
            {"webhook_url": "https://hooks.example.com"},
            "webhook_url and webhook_secret_name must be set together",
        ),
        (
            {"webhook_url": "http://hooks.example.com", "webhook_secret_name": "hook"},
            "webhook_url must be an https:// URL",
        ),
        (
            {"webhook_url": "https://hooks.example.com", "webhook_secret_name": "a hook"},
            "webhook_secret_name must be the name of a secret",
        ),
        ({"retain": True, "erase": True}, "retain and erase can't both be true"),
        ({"burst": -1, "upload_days": -1}, "burst, upload_days must not be negative"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=message):
        read(SETTINGS | wrong)


@pytest.mark.parametrize("shift", SHIFTS)
def test_every_way_to_move_calls_is_one_that_the_cdk_knows(shift: str) -> None:
    assert hasattr(codedeploy.LambdaDeploymentConfig, shift)


def test_a_text_on_the_command_line_takes_the_place_of_the_stage_s() -> None:
    context = {"stages": {"here": SETTINGS}, "stage": "here", "alarm_email": "ops@example.com"}

    assert read_stage(cdk.App(context=context).node).alarm_email == "ops@example.com"


def test_a_number_on_the_command_line_takes_the_place_of_the_stage_s() -> None:
    context = {"stages": {"here": SETTINGS}, "stage": "here", "import_chunk_bytes": "4096"}

    assert read_stage(cdk.App(context=context).node).import_chunk_bytes == 4096


def test_a_number_on_the_command_line_must_be_one() -> None:
    context = {"stages": {"here": SETTINGS}, "stage": "here", "import_chunk_bytes": "4k"}

    with pytest.raises(StageError, match="import_chunk_bytes must be int"):
        read_stage(cdk.App(context=context).node)


@pytest.mark.parametrize("name", ["alarm_emial", "name", "retain", "tracing", "burts"])
def test_what_the_command_line_cannot_set_is_named(name: str) -> None:
    """A misspelled setting would be ignored; protection is set in cdk.json."""
    context = {"stages": {"here": SETTINGS}, "stage": "here", name: "true"}

    with pytest.raises(StageError, match=f"-c {name}=… has no effect"):
        read_stage(cdk.App(context=context).node)


def test_what_the_cdk_has_in_its_context_is_none_of_ours() -> None:
    theirs = {
        "@aws-cdk/core:x": True,
        "aws:cdk:y": 1,
        "vpc-provider:account=1": {},
        "acknowledged-issue-numbers": [],
    }

    context = {"stages": {"here": SETTINGS}, "stage": "here"} | theirs

    assert read_stage(cdk.App(context=context).node).name == "here"


@pytest.mark.parametrize("units", [1, 3_999])
def test_less_warm_throughput_than_a_new_table_has_is_refused(units: int) -> None:
    with pytest.raises(StageError, match="warm_throughput must be 0 or at least 4000"):
        read({**SETTINGS, "warm_throughput": units})
    assert read({**SETTINGS, "warm_throughput": 4_000}).warm_throughput == 4_000

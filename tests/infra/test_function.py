"""Functions: one complete asset, arm64, and timeouts below API Gateway's."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.asset import Asset, build_asset
from tests.infra.reading import Template, functions, resources

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""What the Lambda runtime brings along."""

LONG = {
    "functions.sweep": 60,
    "functions.import_csv": 900,
    "functions.export_chunk": 900,
    "functions.publish_events": 60,
    "functions.index_search": 60,
}
"""Seconds that functions may take for which no caller waits."""


@pytest.fixture(scope="module")
def asset() -> Asset:
    return build_asset("machine")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runtime's packages and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / origin.name).symlink_to(origin)
    return folder


def test_every_handler_imports_from_the_asset_alone(
    asset: Asset, runtime: Path, prod: Template
) -> None:
    for module, function in functions(prod).items():
        variables = function["Properties"]["Environment"]["Variables"]
        environment = {
            name: value if isinstance(value, str) else name for name, value in variables.items()
        }
        load = (
            "import importlib, sys; sys.path[:0] = sys.argv[1:3]\n"
            "assert callable(importlib.import_module(sys.argv[3]).handler)"
        )

        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", load, asset.path, runtime, module],
            env={"AWS_REGION": "eu-west-1", "PATH": os.environ["PATH"]} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, f"{module}\n{done.stderr}"


def test_the_asset_leaves_out_what_the_runtime_brings_and_what_only_developers_need(
    asset: Asset,
) -> None:
    there = {path.name for path in asset.path.iterdir()}

    assert {"functions", "shared", "pydantic", "aws_lambda_powertools"} <= there
    assert not there & {"boto3", "botocore", "s3transfer", "infra", "tests", "aws_cdk", "bin"}


def test_the_asset_carries_the_document_that_is_served(asset: Asset) -> None:
    document = json.loads((asset.path / "functions" / "openapi.json").read_text())

    assert isinstance(document, dict)


def test_an_unchanged_asset_is_not_built_again(asset: Asset) -> None:
    before = (asset.path / "functions" / "openapi.json").stat().st_mtime_ns

    again = build_asset("machine")

    assert again == asset
    assert (asset.path / "functions" / "openapi.json").stat().st_mtime_ns == before


def test_aws_gets_wheels_for_arm64() -> None:
    built = build_asset("aarch64-manylinux2014")

    compiled = list(built.path.rglob("*.so"))
    assert compiled
    assert all("aarch64" in path.name for path in compiled if "cpython" in path.name)


def test_every_function_shares_one_asset_and_ends_before_the_api_gives_up(
    template: Template,
) -> None:
    made = {module: function["Properties"] for module, function in functions(template).items()}

    assert len({json.dumps(function["Code"]) for function in made.values()}) == 1
    for module, function in made.items():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert 512 <= function["MemorySize"] <= (2048 if module in LONG else 1024)
        assert function["Timeout"] == LONG.get(module, 25)
        variables = function["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"].startswith("keywright-")
        assert "POWERTOOLS_LOG_LEVEL" in variables


@pytest.mark.parametrize(("stage_name", "reserved"), [("dev", None), ("prod", 100)])
def test_orders_have_room_whatever_else_is_busy(
    synthesize: Callable[[str], Template], stage_name: str, reserved: int | None
) -> None:
    function = functions(synthesize(stage_name))["functions.create_order"]["Properties"]

    assert function.get("ReservedConcurrentExecutions") == reserved


def test_every_function_logs_to_a_group_of_the_stack(template: Template) -> None:
    """A group that Lambda creates never expires, and is left when the stack is deleted."""
    for function in resources(template, "AWS::Lambda::Function").values():
        group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        assert template["Resources"][group]["Type"] == "AWS::Logs::LogGroup"


@pytest.mark.parametrize(
    ("stage_name", "tracing"), [("local", None), ("dev", None), ("prod", {"Mode": "Active"})]
)
def test_lambda_traces_where_the_stage_says(
    synthesize: Callable[[str], Template], stage_name: str, tracing: dict[str, str] | None
) -> None:
    for function in functions(synthesize(stage_name)).values():
        assert function["Properties"].get("TracingConfig") == tracing
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["POWERTOOLS_TRACE_DISABLED"] == ("false" if tracing else "true")


def test_every_log_ends_some_day(template: Template) -> None:
    """The functions', the API's, and those of CDK's own, which set and empty the bucket."""
    logs = resources(template, "AWS::Logs::LogGroup").values()

    assert len(logs) == len(resources(template, "AWS::Lambda::Function")) + 1
    assert all(log["Properties"]["RetentionInDays"] for log in logs)

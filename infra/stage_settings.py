"""The settings of a stage for commands, as a synth would read them. Imports the CDK."""

import json
from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk

from infra.stage import Stage, StageError, read_stage
from infra.stamp import ROOT


def load_stage(stage: str, settings: Iterable[str]) -> Stage:
    """Return a stage; `settings` are SETTING=VALUE overrides of cdk.json. Raises StageError."""
    overrides = dict(_parse(each) for each in settings)
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return read_stage(cdk.App(context=context | {"stage": stage} | overrides).node)


def reserving_settings(stage: Stage) -> dict[str, int]:
    """Return the settings that reserve concurrency, with how many executions each reserves."""
    settings = {"order_reserved": stage.order_reserved, "import_reserved": stage.import_reserved}
    return {setting: reserved for setting, reserved in settings.items() if reserved}


def _parse(setting: str) -> tuple[str, Any]:
    name, found, value = setting.partition("=")
    if not found or ":" in name or name in ("stage", "stages"):
        raise StageError(f"{setting!r} is not a setting of a stage: use SETTING=VALUE")
    return name, value

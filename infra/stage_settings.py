"""The settings of a stage as a deploy would use them, for commands outside of a synth."""

import json
from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk

from infra.stage import Stage, StageError, read_stage
from infra.stamp import ROOT


def load_stage(stage: str, settings: Iterable[str]) -> Stage:
    """`settings` are SETTING=VALUE, instead of cdk.json's. Raises StageError with the setting."""
    given = dict(_pair(each) for each in settings)
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return read_stage(cdk.App(context=context | {"stage": stage} | given).node)


def reserving_settings(stage: Stage) -> dict[str, int]:
    """The settings by which a stage reserves concurrent executions, and how many each reserves."""
    settings = {"order_reserved": stage.order_reserved, "import_reserved": stage.import_reserved}
    return {setting: reserved for setting, reserved in settings.items() if reserved}


def _pair(setting: str) -> tuple[str, Any]:
    name, found, value = setting.partition("=")
    if not found or ":" in name or name in ("stage", "stages"):
        raise StageError(f"{setting!r} is not a setting of a stage: write SETTING=VALUE")
    return name, value

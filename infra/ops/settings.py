"""The settings of a stage as a deploy would use them. Loading the CDK takes more than a second."""

import json
from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk

from infra.ops.findings import NotReady
from infra.stage import Stage, StageError, read_stage
from infra.stamp import ROOT


def load_stage(stage: str, settings: Iterable[str]) -> Stage:
    """`settings` are SETTING=VALUE, instead of cdk.json's. Raises NotReady with the setting."""
    if stage == "local":
        raise NotReady("The stage local runs on this machine: start it with make up.")
    given = dict(_pair(each) for each in settings)
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    try:
        return read_stage(cdk.App(context=context | {"stage": stage} | given).node)
    except StageError as error:
        raise NotReady(f"{error}.") from None


def reserving_settings(stage: Stage) -> dict[str, int]:
    """The settings by which a stage reserves concurrent executions, and how many each reserves."""
    settings = {"order_reserved": stage.order_reserved, "import_reserved": stage.import_reserved}
    return {setting: reserved for setting, reserved in settings.items() if reserved}


def _pair(setting: str) -> tuple[str, Any]:
    name, found, value = setting.partition("=")
    if not found or ":" in name or name in ("stage", "stages"):
        raise NotReady(f"{setting!r} is not a setting of a stage: write --set SETTING=VALUE.")
    return name, value

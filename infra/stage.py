"""The settings of a stage, read once from `context.stages` of cdk.json."""

from dataclasses import dataclass
from typing import Any, get_type_hints

from constructs import Node


class StageError(ValueError):
    """cdk.json does not say what this stage needs; the message names the setting."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployment of the product: `name` comes from `-c stage=`, the rest from cdk.json."""

    name: str
    retain: bool
    """Keep tables and bucket when the stack goes, protect them, and back them up by the second."""
    platform: str
    """What the asset's wheels are for: a uv `--python-platform`, or `machine` for this machine."""
    api_tag: str
    """Pins the API's id on the emulator, through a tag; empty on AWS."""
    slash: str
    """How a route with a trailing slash is spelled. AWS refuses a route key that ends in `/` and
    lets a greedy variable stand for nothing; the emulator does neither. See docs/local.md."""
    public_url: str
    """What links in answers start with, such as `https://api.example.com/keywright`, where host or
    path of the API are not those that callers use; `{host}` in it is the host that they named."""
    log_level: str
    log_retention: str
    """A member of CDK's RetentionDays, such as ONE_WEEK."""
    requests_per_second: int
    burst: int
    strict_duplicate_orders: bool
    """Answer 409 to a repeated order even when its body is the same, as the published API does."""
    import_inline_bytes: int
    """A file up to this size is imported by the function that its arrival started."""
    import_chunk_bytes: int
    """A larger one is cut into ranges of about this size."""
    import_concurrency: int
    """How many ranges of one file are imported at once."""
    import_reserved: int
    """How many imports and ranges of all files run at once at most; these are taken from what the
    account has, which must keep 100 for the rest. 0 reserves and limits nothing."""
    upload_days: int
    """How long a file and its result are kept; 0 keeps them."""
    old_version_days: int
    """How long a version of a file is kept after another one took its place, or it was deleted."""


def read_stage(node: Node) -> Stage:
    """The stage that `-c stage=NAME` names; StageError says what is missing, unknown or wrong.

    `-c SETTING=NUMBER` takes the place of a number in cdk.json.
    """
    stages = node.try_get_context("stages") or {}
    name = node.try_get_context("stage")
    if name not in stages:
        raise StageError(f"stage {name!r} is not in cdk.json; give -c stage= one of {list(stages)}")
    wanted = get_type_hints(Stage)
    settings: dict[str, Any] = stages[name] | _given(node, wanted)
    del wanted["name"]
    if missing := wanted.keys() - settings.keys():
        raise StageError(f"stage {name!r} in cdk.json lacks: {', '.join(sorted(missing))}")
    if unknown := settings.keys() - wanted.keys():
        raise StageError(f"stage {name!r} in cdk.json has unknown: {', '.join(sorted(unknown))}")
    for setting, wanted_type in wanted.items():
        if type(settings[setting]) is not wanted_type:
            raise StageError(
                f"stage {name!r} in cdk.json: {setting} must be {wanted_type.__name__}"
            )
    return Stage(name=name, **settings)


def _given(node: Node, wanted: dict[str, Any]) -> dict[str, Any]:
    """The numbers on the command line, which come as text."""
    given = {setting: node.try_get_context(setting) for setting in wanted if wanted[setting] is int}
    return {
        setting: int(value) if str(value).isdecimal() else value
        for setting, value in given.items()
        if value is not None
    }

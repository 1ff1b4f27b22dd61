"""The settings of a stage, read once from `context.stages` of cdk.json."""

import re
from dataclasses import dataclass
from typing import Any, get_type_hints

from aws_cdk import aws_logs as logs
from constructs import Node

from infra.context import FIRST_DEPLOY

SHIFTS = (
    "ALL_AT_ONCE",
    *(f"CANARY_10_PERCENT_{minutes}_MINUTES" for minutes in (5, 10, 15, 30)),
    "LINEAR_10_PERCENT_EVERY_1_MINUTE",
    *(f"LINEAR_10_PERCENT_EVERY_{minutes}_MINUTES" for minutes in (2, 3, 10)),
)
"""How calls can move to new code: members of CDK's LambdaDeploymentConfig."""


class StageError(ValueError):
    """cdk.json does not say what this stage needs; the message names the setting."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployment of the product: `name` comes from `-c stage=`, the rest from cdk.json."""

    name: str
    retain: bool
    """Retain tables, bucket, key, logs and versions on stack deletion; enable point-in-time
    recovery, deletion protection of the tables and termination protection of the stack."""
    erase: bool
    """Empty the bucket when the stack goes, so that it can go too."""
    customer_key: bool
    """Encrypt what is kept by a KMS key of this account's own, instead of the keys of AWS."""
    platform: str
    """What the asset's wheels are for: a uv `--python-platform`, or `machine` for this machine."""
    api_tag: str
    """Pins the API's id on the emulator, through a tag; empty on AWS."""
    slash: str
    """What also ends each route on the emulator: `/`, which AWS refuses in a route key. Empty on
    AWS, where a greedy variable is expected to match an empty rest. See docs/local.md."""
    public_url: str
    """What links in answers start with, such as `https://api.example.com/keywright`, where host or
    path of the API are not those that callers use; `{host}` in it is the host that they named."""
    log_level: str
    log_retention: str
    """A member of CDK's RetentionDays, such as ONE_WEEK."""
    tracing: bool
    """Have functions and the state machine send traces to X-Ray; log lines carry their id."""
    alarm_email: str
    """Who is written to when an alarm rings; empty: whoever subscribes to the topic."""
    domain_name: str
    """What callers use instead of the API's own address, such as `licenses.example.com`; or empty.
    Its DNS record is yours to make, for the output `DomainTarget`."""
    certificate_arn: str
    """Of the certificate for `domain_name`, in the region of the stack; empty without one."""
    traffic: str
    """How calls move to new code: one of SHIFTS, or empty to replace it at once,
    without an alias."""
    requests_per_second: int
    burst: int
    order_reserved: int
    """How many orders are placed at once at most, and at least whatever else is busy; these are
    taken from what the account has, like `import_reserved`. 0 reserves and limits nothing."""
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
    warm_throughput: int
    """Write units a second for which the tables that orders and imports fill, and their indexes,
    are pre-warmed; 0 leaves it to DynamoDB. It can be raised, never lowered."""
    first_deploy: bool = False
    """The stack is being created, by `-c keywright:first-deploy=true`: not a setting of cdk.json.
    A creation that fails must be rolled back, which protected tables would prevent."""

    @property
    def protect(self) -> bool:
        """Protect the stack and its tables against deletion: on every deploy but the first."""
        return self.retain and not self.first_deploy


NEW_TABLE_WRITES = 4_000
"""Write units a second that a new on-demand table takes, and a new index: "A new on-demand table
starts with a warm throughput of 12,000 read units per second and 4,000 write units per second."
(DynamoDB Developer Guide, Warm throughput in different scenarios)"""

UNRESERVED_CONCURRENCY = 100
"""What Lambda keeps for functions without a reservation: "You can reserve up to the Unreserved
account concurrency value that is shown, minus 100" (Configuring reserved concurrency)."""


def reserved_concurrency(stage: Stage) -> int:
    """How many concurrent executions the functions of a stage take from the account."""
    return stage.order_reserved + stage.import_reserved


def needed_concurrency(stage: Stage) -> int:
    """The account's concurrency limit that a deploy of the stage needs, alone in its account.

    A stage that reserves nothing can be deployed with any limit.
    """
    reserved = reserved_concurrency(stage)
    return reserved + UNRESERVED_CONCURRENCY if reserved else 0


def read_stage(node: Node) -> Stage:
    """The stage that `-c stage=NAME` names; StageError says what is missing, unknown or wrong.

    `-c SETTING=VALUE` takes the place of a number or a text in cdk.json.
    """
    stages = node.try_get_context("stages") or {}
    name = node.try_get_context("stage")
    if name not in stages:
        raise StageError(f"stage {name!r} is not in cdk.json; give -c stage= one of {list(stages)}")
    wanted = get_type_hints(Stage)
    del wanted["name"], wanted["first_deploy"]
    if stray := _stray(node, wanted):
        raise StageError(f"-c {stray}=… sets nothing: it is no number or text of a stage")
    settings: dict[str, Any] = stages[name] | _given(node, wanted)
    if missing := wanted.keys() - settings.keys():
        raise StageError(f"stage {name!r} in cdk.json lacks: {', '.join(sorted(missing))}")
    if unknown := settings.keys() - wanted.keys():
        raise StageError(f"stage {name!r} in cdk.json has unknown: {', '.join(sorted(unknown))}")
    for setting, wanted_type in wanted.items():
        if type(settings[setting]) is not wanted_type:
            raise StageError(
                f"stage {name!r} in cdk.json: {setting} must be {wanted_type.__name__}"
            )
    stage = Stage(name=name, first_deploy=_is_first_deploy(node), **settings)
    if wrong := _wrong(stage):
        raise StageError(f"stage {name!r} in cdk.json: {wrong}")
    return stage


def _stray(node: Node, wanted: dict[str, Any]) -> str | None:
    """What looks like a setting in the context, such as a misspelled one, and isn't; CDK's own
    names have other signs in them.
    """
    settable = {name for name, wanted_type in wanted.items() if wanted_type is not bool}
    known = {"stages", "stage", *settable}
    names = (name for name in node.get_all_context() if re.fullmatch(r"[a-z]+(_[a-z]+)*", name))
    return next((name for name in names if name not in known), None)


def _given(node: Node, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the command line says, where everything comes as text."""
    given = {
        setting: node.try_get_context(setting)
        for setting, wanted_type in wanted.items()
        if wanted_type is not bool
    }
    return {
        setting: int(value) if wanted[setting] is int and str(value).isdecimal() else value
        for setting, value in given.items()
        if value is not None
    }


def _is_first_deploy(node: Node) -> bool:
    given = node.try_get_context(FIRST_DEPLOY)
    if given not in (None, "true"):
        raise StageError(f"-c {FIRST_DEPLOY}={given}: must be true, or left out")
    return given is not None


def _wrong(stage: Stage) -> str | None:
    """What no type can say."""
    settings = vars(stage)
    below = [name for name, value in settings.items() if type(value) is int and value < 0]
    if below:
        return f"{', '.join(below)} must not be below 0"
    if stage.log_retention not in logs.RetentionDays.__members__:
        return f"log_retention must be one of {', '.join(logs.RetentionDays.__members__)}"
    if stage.traffic and stage.traffic not in SHIFTS:
        return f"traffic must be empty or one of {', '.join(SHIFTS)}"
    if bool(stage.domain_name) != bool(stage.certificate_arn):
        return "domain_name and certificate_arn come together"
    if stage.alarm_email and "@" not in stage.alarm_email:
        return "alarm_email must be an address or empty"
    if 0 < stage.warm_throughput < NEW_TABLE_WRITES:
        return f"warm_throughput must be 0 or at least {NEW_TABLE_WRITES}, which a new table takes"
    if stage.retain and stage.erase:
        return "retain and erase exclude each other"
    return None

"""The settings of a stage, from `context.stages` of cdk.json."""

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
"""Ways to shift traffic to new code: members of the CDK's LambdaDeploymentConfig."""


class StageError(ValueError):
    """The settings of a stage are incomplete or invalid; the message names the setting."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployment of Keywright; `name` is from `-c stage=`, the settings are from cdk.json."""

    name: str
    retain: bool
    """Retain tables, bucket, key, logs and versions on stack deletion; enable point-in-time
    recovery, deletion protection of the tables and termination protection of the stack."""
    erase: bool
    """Empty the bucket on stack deletion; CloudFormation can't delete a bucket with objects."""
    customer_key: bool
    """Encrypt all data with a customer managed KMS key instead of keys of AWS."""
    platform: str
    """Platform of the asset's wheels: a uv `--python-platform`, or `machine` for this machine."""
    api_tag: str
    """A tag that sets the API's id in the emulator; empty on AWS."""
    slash: str
    """`/` adds routes with a trailing slash for the emulator; AWS rejects those. Empty on AWS: a
    greedy variable probably matches an empty rest. See docs/local.md."""
    public_url: str
    """Base URL of links in responses, such as `https://api.example.com/keywright`, if callers use
    another host or path than the API's own; `{host}` is replaced by the host of the request."""
    log_level: str
    log_retention: str
    """A member of CDK's RetentionDays, such as ONE_WEEK."""
    tracing: bool
    """Send traces of functions and the state machine to X-Ray; log lines have the trace id."""
    alarm_email: str
    """E-mail address to subscribe to the alarms topic, or empty."""
    notify_email: str
    """E-mail address that gets a message at the end of each import, or empty."""
    webhook_url: str
    """URL to which EventBridge posts each event, or empty; see docs/events.md."""
    webhook_secret_name: str
    """Secret in Secrets Manager whose text is the header `Authorization` of these requests; empty
    without a `webhook_url`."""
    domain_name: str
    """Custom domain of the API, such as `licenses.example.com`, or empty. Create its DNS record
    yourself, as an alias of the output `DomainTarget`."""
    certificate_arn: str
    """ARN of the ACM certificate for `domain_name`, in the stack's region; empty without one."""
    traffic: str
    """How traffic shifts to new code: one of SHIFTS; empty to replace code at once, without an
    alias."""
    requests_per_second: int
    burst: int
    order_reserved: int
    """Reserved concurrency of orders, in executions: both a guarantee and a limit, taken from the
    account's quota. 0 reserves none."""
    strict_duplicate_orders: bool
    """Answer 409 to a repeated order even if its body is the same. LicenseSpring: Create Order."""
    order_updates_customer: bool
    """Apply the details in an order to its existing customer, as LicenseSpring does."""
    import_inline_bytes: int
    """Largest file, in bytes, that is imported by a single invocation."""
    import_chunk_bytes: int
    """Approximate size, in bytes, of the chunks of a larger file."""
    import_concurrency: int
    """How many chunks of one file are imported concurrently."""
    import_reserved: int
    """Reserved concurrency of imports and chunks of all files, in executions, taken from the
    account's quota, of which 100 must stay unreserved. 0 reserves none."""
    upload_days: int
    """Days until a file and its results are deleted; 0 keeps them."""
    old_version_days: int
    """Days until a replaced or deleted version of a file is deleted."""
    warm_throughput: int
    """Write units per second to which the tables of orders and imports, and their indexes, are
    pre-warmed; 0 for DynamoDB's default. It can be increased, but never decreased."""
    first_deploy: bool = False
    """Whether this deploy creates the stack, by `-c keywright:first-deploy=true`; not in cdk.json.
    Protected tables would prevent the rollback of a failed creation."""

    @property
    def protect(self) -> bool:
        """Whether to protect the stack and its tables against deletion; not in the first deploy."""
        return self.retain and not self.first_deploy


_WEBHOOK_URL = r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~%/+=-]*)?"
_SECRETS_MANAGER_NAME = r"[A-Za-z0-9/_+=.@-]{0,512}"  # a pattern

NEW_TABLE_WRITES = 4_000
"""Write units per second of a new on-demand table or index: "A new on-demand table
starts with a warm throughput of 12,000 read units per second and 4,000 write units per second."
(DynamoDB Developer Guide, Warm throughput in different scenarios)"""


def read_stage(node: Node) -> Stage:
    """Return the stage of `-c stage=NAME`. Raises StageError for an invalid setting.

    `-c SETTING=VALUE` overrides a number or string in cdk.json.
    """
    stages = node.try_get_context("stages") or {}
    name = node.try_get_context("stage")
    if name not in stages:
        raise StageError(f"stage {name!r} is not in cdk.json: choose one of {list(stages)}")
    types = get_type_hints(Stage)
    del types["name"], types["first_deploy"]
    if unknown_setting := _find_unknown(node, types):
        raise StageError(
            f"-c {unknown_setting}=… has no effect: no number or string setting has this name"
        )
    settings: dict[str, Any] = stages[name] | _read_overrides(node, types)
    if missing := types.keys() - settings.keys():
        raise StageError(f"stage {name!r} in cdk.json lacks: {', '.join(sorted(missing))}")
    if unknown := settings.keys() - types.keys():
        raise StageError(f"stage {name!r} in cdk.json has unknown: {', '.join(sorted(unknown))}")
    for setting, expected in types.items():
        if type(settings[setting]) is not expected:
            raise StageError(f"stage {name!r} in cdk.json: {setting} must be {expected.__name__}")
    stage = Stage(name=name, first_deploy=_is_first_deploy(node), **settings)
    if problem := _find_problem(stage):
        raise StageError(f"stage {name!r} in cdk.json: {problem}")
    return stage


def _find_unknown(node: Node, types: dict[str, Any]) -> str | None:
    """Return a context key that looks like a setting and is none, such as a misspelled one.

    Keys of the CDK contain other characters.
    """
    settable = {name for name, expected in types.items() if expected is not bool}
    known = {"stages", "stage", *settable}
    names = (name for name in node.get_all_context() if re.fullmatch(r"[a-z]+(_[a-z]+)*", name))
    return next((name for name in names if name not in known), None)


def _read_overrides(node: Node, types: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the command line, where every value is a string."""
    overrides = {
        setting: node.try_get_context(setting)
        for setting, expected in types.items()
        if expected is not bool
    }
    return {
        setting: int(value) if types[setting] is int and str(value).isdecimal() else value
        for setting, value in overrides.items()
        if value is not None
    }


def _is_first_deploy(node: Node) -> bool:
    value = node.try_get_context(FIRST_DEPLOY)
    if value not in (None, "true"):
        raise StageError(f"-c {FIRST_DEPLOY}={value}: must be true or omitted")
    return value is not None


def _find_problem(stage: Stage) -> str | None:
    """Return what is wrong with values or combinations of settings, or None."""
    settings = vars(stage)
    negative = [name for name, value in settings.items() if type(value) is int and value < 0]
    if negative:
        return f"{', '.join(negative)} must not be negative"
    if stage.log_retention not in logs.RetentionDays.__members__:
        return f"log_retention must be one of {', '.join(logs.RetentionDays.__members__)}"
    if stage.traffic and stage.traffic not in SHIFTS:
        return f"traffic must be empty or one of {', '.join(SHIFTS)}"
    if bool(stage.domain_name) != bool(stage.certificate_arn):
        return "domain_name and certificate_arn must be set together"
    if stage.alarm_email and "@" not in stage.alarm_email:
        return "alarm_email must be an e-mail address or empty"
    if stage.notify_email and "@" not in stage.notify_email:
        return "notify_email must be an e-mail address or empty"
    if bool(stage.webhook_url) != bool(stage.webhook_secret_name):
        return "webhook_url and webhook_secret_name must be set together"
    if stage.webhook_url and not re.fullmatch(_WEBHOOK_URL, stage.webhook_url):
        return "webhook_url must be an https:// URL with a host, without user, query or fragment"
    if not re.fullmatch(_SECRETS_MANAGER_NAME, stage.webhook_secret_name):
        return (
            "webhook_secret_name must be the name of a secret: letters, digits and /_+=.@-, at most"
            " 512"
        )
    if 0 < stage.warm_throughput < NEW_TABLE_WRITES:
        return f"warm_throughput must be 0 or at least {NEW_TABLE_WRITES}, the value of a new table"
    if stage.retain and stage.erase:
        return "retain and erase can't both be true"
    return None

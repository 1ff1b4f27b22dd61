"""What `keywright doctor` checks of a deployed stage beyond its resources: how it serves paths,
which imports failed, and whether the account and the stack are as the stage's settings say.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import boto3

from infra.ops.quota import check_concurrency
from infra.ops.stack_state import read_stack
from infra.ops.stages import Deployment, read_stages
from shared.imports import ENDED
from shared.reports import ImportView

type Finding = tuple[bool, str, str]
"""Whether it is well, what was found, and what to do if it is not well."""

CHECKED_IMPORTS = 20
"""How many of the last imports are checked for one that waits."""
CHECKED_FAILURES = 100
"""How many of the last failed imports are read."""
RECENT = timedelta(days=1)
TOO_LONG = timedelta(minutes=30)
"""An import that has been queued longer than the sweeper would leave it."""
SERVICE_FAILURES = frozenset({"import_failed", "no_progress"})
"""Codes of imports that failed for a reason of the service: an operator must find it, and a retry
loses nothing. Every other code names something in the file, or the decision of a person.
"""

PATHS = (
    ("GET", "/orders/?limit=1"),
    ("GET", "/orders?limit=1"),
    ("POST", "/orders/create_order/"),
    ("POST", "/orders/create_order"),
)


def check_routes(stage: Deployment) -> Iterator[Finding]:
    """Published clients send both spellings. The empty order is refused before anything is written.

    AWS has no sentence that says whether `/orders/{slash+}` matches `/orders/`. If it does not, the
    API answers 308, which costs such a client a second request.
    """
    with stage.client() as client:
        for method, path in PATHS:
            status = client.probe(method, path, body={} if method == "POST" else None).status_code
            well, way = _way(status)
            yield well, f"{method} /api/v1{path} is {way}", "See docs/deploy.md, “Paths”."


def _way(status: int) -> tuple[bool, str]:
    if status == 308:
        return True, "served by a redirect (308) to the path without the slash"
    if status in (404, 405) or status >= 500:
        return False, f"not served: the answer is {status}"
    return True, "served directly"


def check_imports(stage: Deployment) -> Iterator[Finding]:
    """Imports of the key's company that failed for a reason of the service, or that wait."""
    now = datetime.now(UTC)
    with stage.client() as client:
        jobs = [*islice(client.imports.list(limit=CHECKED_IMPORTS), CHECKED_IMPORTS)]
        failed = [*islice(client.imports.list(state="failed", limit=100), CHECKED_FAILURES)]
    for job in failed:
        if is_service_failure(job) and job.finished_at and now - job.finished_at < RECENT:
            reason = f": {job.refusal.message} ({job.refusal.code})" if job.refusal else ""
            yield False, f"{_name(job)} failed{reason}", _retry(job, stage)
    for job in jobs:
        if job.state == "queued" and now - job.created_at > TOO_LONG:
            yield False, f"{_name(job)} still waits for its turn", _retry(job, stage)
    running = sum(job.state not in ENDED for job in jobs)
    yield True, f"{running} of the last {len(jobs)} are under way", ""


def is_service_failure(job: ImportView) -> bool:
    """Whether it failed for no reason in its file, and not because a person decided so."""
    if job.state != "failed":
        return False
    return job.refusal is None or job.refusal.code in SERVICE_FAILURES


def _name(job: ImportView) -> str:
    return f"import {job.id} of {job.file_name}"


def _retry(job: ImportView, stage: Deployment) -> str:
    return f"keywright jobs retry {job.id} --stage {stage.name}"


def check_quota(stage: Deployment) -> Iterator[Finding]:
    """Whether Lambda's quota in this account is enough for the stage and its next deploy."""
    settings = settings_of(stage.name)
    reserved = {name: settings.get(name, 0) for name in ("order_reserved", "import_reserved")}
    stack = f"Keywright-{stage.name}"
    for checked in check_concurrency(boto3.Session(), stage.name, reserved, stack):
        yield checked.outcome == "ok", checked.message, "See docs/deploy.md, “Quotas”."


def check_protection(stage: Deployment) -> Iterator[Finding]:
    """A stage that retains its data is protected once its creation was whole."""
    if not settings_of(stage.name).get("retain"):
        yield True, "the stage retains nothing, and nothing is protected", ""
        return
    advice = f"make deploy STAGE={stage.name} protects it."
    stack = read_stack(boto3.Session(), f"Keywright-{stage.name}")
    yield stack.protected, f"termination protection of {stack.name}: {_on(stack.protected)}", advice
    with closing(boto3.client("dynamodb")) as dynamodb:
        for name in stage.tables.values():
            found = dynamodb.describe_table(TableName=name)["Table"]
            on = found.get("DeletionProtectionEnabled", False)
            yield on, f"deletion protection of {name}: {_on(on)}", advice


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def settings_of(stage: str) -> dict[str, Any]:
    """Return the stage's settings in cdk.json; empty for an unknown stage. Raises NotReady."""
    return read_stages().get(stage, {})

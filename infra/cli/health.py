"""Checks of `keywright doctor` on a stage's routes, imports, Lambda quota and protection."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import boto3

from infra.cli.quota import check_concurrency
from infra.cli.stack_state import read_stack
from infra.cli.stages import Deployment, read_stages
from shared.contract.imports import ImportView
from shared.import_job import ENDED

type Finding = tuple[bool, str, str]
"""Whether the check passed, what it found, and what to do if it did not pass."""

CHECKED_IMPORTS = 20
"""How many of the newest imports are checked for one that is queued for too long."""
CHECKED_FAILURES = 100
"""How many of the newest failed imports are checked."""
RECENT = timedelta(days=1)
TOO_LONG = timedelta(minutes=30)
"""How long an import may be queued; the sweeper resumes it earlier than that."""
SERVICE_FAILURES = frozenset({"import_failed", "no_progress"})
"""Error codes of imports that the service failed: find the cause, then retry the import.

All other codes are errors in the file, or the decision of a person.
"""

PATHS = (
    ("GET", "/orders/?limit=1"),
    ("GET", "/orders?limit=1"),
    ("POST", "/orders/create_order/"),
    ("POST", "/orders/create_order"),
)


def check_routes(stage: Deployment) -> Iterator[Finding]:
    """Check that paths are served with and without a trailing slash: published clients send both.

    The POST has an empty order, which is rejected before anything is written. AWS does not document
    whether `/orders/{proxy+}` matches `/orders/`. If it does not, the API redirects with 308, which
    costs a client a second request.
    """
    with stage.client() as client:
        for method, path in PATHS:
            status = client.probe(method, path, body={} if method == "POST" else None).status_code
            passed, result = _describe(status)
            yield passed, f"{method} /api/v1{path} is {result}", "See docs/deploy.md, “Paths”."


def _describe(status: int) -> tuple[bool, str]:
    if status == 308:
        return True, "served by a redirect (308) to the path without the slash"
    if status in (404, 405) or status >= 500:
        return False, f"not served: the API returned {status}"
    return True, "served directly"


def check_imports(stage: Deployment) -> Iterator[Finding]:
    """Find imports of the key's company that the service failed, or that are queued too long."""
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
            yield False, f"{_name(job)} is still queued", _retry(job, stage)
    running = sum(job.state not in ENDED for job in jobs)
    yield True, f"{running} of the last {len(jobs)} are running or queued", ""


def is_service_failure(job: ImportView) -> bool:
    """Return whether the service failed the import, rather than its file or a person's decision."""
    if job.state != "failed":
        return False
    return job.refusal is None or job.refusal.code in SERVICE_FAILURES


def _name(job: ImportView) -> str:
    return f"import {job.id} of {job.file_name}"


def _retry(job: ImportView, stage: Deployment) -> str:
    return f"keywright jobs retry {job.id} --stage {stage.name}"


def check_quota(stage: Deployment) -> Iterator[Finding]:
    """Check that the account's Lambda quota suffices for the stage and its next deploy."""
    settings = settings_of(stage.name)
    reserved = {name: settings.get(name, 0) for name in ("order_reserved", "import_reserved")}
    stack = f"Keywright-{stage.name}"
    for checked in check_concurrency(boto3.Session(), stage.name, reserved, stack):
        yield checked.outcome == "ok", checked.message, "See docs/deploy.md, “Quotas”."


def check_protection(stage: Deployment) -> Iterator[Finding]:
    """Check that a stage that retains its data is protected against deletion."""
    if not settings_of(stage.name).get("retain"):
        yield True, "the stage does not retain its data, so protection is off", ""
        return
    advice = f"To enable it: make deploy STAGE={stage.name}"
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

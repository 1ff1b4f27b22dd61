"""Check the promises about plans of docs/reliability.md after faults have stopped."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from functions import job_status
from shared.import_job import ImportJob
from shared.store import import_jobs
from shared.store.batch_results import batch_results
from shared.store.dynamo import from_item
from shared.workflows.import_plan import hash_of_plan
from tests.faults.check_imports import check_imports
from tests.faults.history import CUSTOMERS, LICENSES, rows_of
from tests.http_event import send

if TYPE_CHECKING:
    from tests.faults.plans import Planners

_OTHERS: dict[str, Any] = {
    "on_error": ("skip_row", "reject_all"),
    "on_existing": ("keep", "update"),
    "on_missing": ("create", "refuse"),
    "dates": ("iso", "dmy"),
    "unknown_columns": ("check", "ignore"),
}


def check_plans(planners: "Planners") -> list[str]:
    """Return all violations; an empty list means that every promise holds."""
    violations = check_imports(planners.importers)
    plan = planners.plan
    if plan is None or plan.plan_hash is None:
        return violations
    commits = [job for job in import_jobs.list_jobs(plan.company) if job.planned_by == plan.number]
    violations += _once(planners, plan, commits)
    violations += _hashed(plan)
    planned = {each["row"]: each for each in _rows(planners, plan)}
    for job in commits:
        violations += _written(planners, job, planned)
        violations += _reported(planners, job, plan, planned)
    return violations


def _once(planners: "Planners", plan: ImportJob, commits: list[ImportJob]) -> Iterator[str]:
    """P3: one plan has one commit, and every acknowledged request names it."""
    named = {reply.json()["id"] for reply in planners.answers if reply.status == 202}
    numbers = {job.number for job in commits}
    if len(commits) != 1 or named != numbers:
        yield f"P3 plan {plan.number} has the commits {sorted(numbers)}, answered were {named}"
    after = import_jobs.get_job(plan.company, plan.number)
    if after is None or {after.committed_by} != numbers:
        yield f"P3 plan {plan.number} names another commit than {sorted(numbers)}"


def _hashed(plan: ImportJob) -> Iterator[str]:
    """P4: the hash says what is committed: with other options, it is another one."""
    results = batch_results(plan.company, plan.number)
    if hash_of_plan(plan, results) != plan.plan_hash:
        yield f"P4 plan {plan.number} has another hash than its rows"
    for name, values in _OTHERS.items():
        (other,) = {*values} - {getattr(plan, name)}
        if hash_of_plan(plan.model_copy(update={name: other}), results) == plan.plan_hash:
            yield f"P4 plan {plan.number} has the hash of a plan with {name} {other}"


def _written(
    planners: "Planners", job: ImportJob, planned: dict[int, dict[str, Any]]
) -> Iterator[str]:
    """P1: what the commit wrote is in the plan, with this outcome and these values."""
    made = f"import {job.number}#"
    tables = ((LICENSES, "licenses", "license_id"), (CUSTOMERS, "customers", "customer_id"))
    for table, kind, column in tables:
        for item in map(from_item, rows_of(planners.world, table, job.company)):
            maker, changer = str(item.get("made_by", "")), str(item.get("changed_by", ""))
            if maker.startswith(made) and job.kind == kind:
                row = planned[int(maker.removeprefix(made))]
                is_other = "id" in item and item["id"] != row[column]
                if row["outcome"] != "created" or is_other:
                    yield f"P1 {maker} has created {item['pk']}, planned was {row}"
            if changer.startswith(made):
                row = planned[int(changer.removeprefix(made))]
                before = item["changed_from"]["fields"]
                wanted = {name: each["before"] for name, each in (row["changes"] or {}).items()}
                if row["outcome"] != "updated" or before != wanted:
                    yield f"P1 {changer} has changed {before}, planned was {row}"
            for grant in item.get("product_features", ()):
                if str(grant.get("made_by", "")).startswith(made):
                    row = planned[int(grant["made_by"].removeprefix(made))]
                    if row["outcome"] != "created" or row["license_id"] != item["id"]:
                        yield f"P1 {grant['made_by']} has added a feature, planned was {row}"


def _reported(
    planners: "Planners", job: ImportJob, plan: ImportJob, planned: dict[int, dict[str, Any]]
) -> Iterator[str]:
    """P1: rows say so; P2: if nothing moved, all rows and counts are those of the plan.

    A dry run does not find warnings about an order or a customer of another batch.
    """
    if job.state not in ("succeeded", "completed_with_errors", "rejected"):
        return
    rows = _rows(planners, job)
    for each in rows:
        if each["outcome"] in ("created", "updated") and each != planned[each["row"]]:
            yield f"P1 import {job.number} reports {each}, planned was {planned[each['row']]}"
    if planners.has_moved:
        return
    if rows != list(planned.values()):
        yield f"P2 import {job.number} has {rows}, planned was {planned}"
    if {**job.counts, "warnings": 0} != {**plan.counts, "warnings": 0}:
        yield f"P2 import {job.number} counts {job.counts}, planned was {plan.counts}"


def _rows(planners: "Planners", job: ImportJob) -> list[dict[str, Any]]:
    key = planners.lab.shops[job.company].key
    path = f"/api/v1/imports/{job.number}/rows/"
    reply = planners.world.alone(
        "auditor", lambda: send(job_status.handler, "GET", path, key=key)
    ).result
    results: list[dict[str, Any]] = reply.json()["results"]
    return results

"""Metrics of imports. A module of their own, because API functions import no import jobs."""

from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.metrics import count, metrics
from shared.import_job import ImportJob

_MADE = {
    "licenses": "licenses_count",
    "customers": "customers_count",
    "license-features": "license_features",
}
"""The name of an import's counters after `created_` and `existed_`, by kind."""


def count_import(job: ImportJob) -> None:
    """Count how an import ended and, if it wrote, the results of its rows."""
    count("ImportEnded", state=job.state)
    if job.dry_run or job.state not in ("succeeded", "completed_with_errors"):
        return
    made, rows = _MADE[job.kind], job.counts["total_row_count"]
    if job.undoes is not None:
        count("Rows", job.counts[f"reverted_{made}"], outcome="reverted")
        count("Rows", job.counts[f"kept_{made}"], outcome="kept")
    else:
        count("Rows", job.counts[f"created_{made}"], outcome="created")
        count("Rows", job.counts[f"existed_{made}"], outcome="existed")
        count("Rows", rows - job.counts["valid_row_count"], outcome="invalid")
    if job.started_at and job.finished_at:
        seconds = (job.finished_at - job.started_at).total_seconds()
        metrics.add_metric("ImportSeconds", MetricUnit.Seconds, seconds)
        metrics.add_metric("RowsPerSecond", MetricUnit.CountPerSecond, rows / max(seconds, 0.001))

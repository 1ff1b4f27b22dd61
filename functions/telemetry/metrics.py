"""Numbers for operators, which CloudWatch reads out of log lines, each under its stage's name.

`metrics` collects those of one call; a handler flushes them. docs/operations.md lists them all.
"""

import os

from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from shared.import_job import ImportJob

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "keywright")
"""Two stages in one account must not ring each other's alarms, so each counts by its own name."""

metrics = Metrics(namespace="Keywright", service=SERVICE)

_MADE = {
    "licenses": "licenses_count",
    "customers": "customers_count",
    "license-features": "license_features",
}
"""What a row of each kind makes, as the counters of an import are called behind `created_`."""


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """One number at once, by dimensions such as a refusal's code."""
    with single_metric(
        name=name,
        unit=MetricUnit.Count,
        value=value,
        namespace="Keywright",
        default_dimensions={"service": SERVICE},
    ) as metric:
        for dimension, said in dimensions.items():
            metric.add_dimension(dimension, said)


def count_import(job: ImportJob) -> None:
    """How an import ended and, if it wrote, what became of its rows."""
    count("ImportEnded", state=job.state)
    if job.dry_run or job.state not in ("succeeded", "completed_with_errors"):
        return
    made = _MADE[job.kind]
    count("Rows", job.counts[f"created_{made}"], outcome="created")
    count("Rows", job.counts[f"existed_{made}"], outcome="existed")
    rows = job.counts["total_row_count"]
    count("Rows", rows - job.counts["valid_row_count"], outcome="invalid")
    if job.started_at and job.finished_at:
        seconds = (job.finished_at - job.started_at).total_seconds()
        metrics.add_metric("ImportSeconds", MetricUnit.Seconds, seconds)
        metrics.add_metric("RowsPerSecond", MetricUnit.CountPerSecond, rows / max(seconds, 0.001))

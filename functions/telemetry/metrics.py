"""CloudWatch metrics in the embedded metric format, with the stage as a dimension.

`metrics` collects the metrics of an invocation, and the handler flushes them. docs/operations.md
lists all metrics.
"""

import os

from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from shared.import_job import ImportJob

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "keywright")
"""The `service` dimension: stages in the same account have separate metrics and alarms."""

metrics = Metrics(namespace="Keywright", service=SERVICE)

_MADE = {
    "licenses": "licenses_count",
    "customers": "customers_count",
    "license-features": "license_features",
}
"""The name of an import's counters after `created_` and `existed_`, by kind."""


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """Emit one metric immediately, with dimensions such as an error code."""
    with single_metric(
        name=name,
        unit=MetricUnit.Count,
        value=value,
        namespace="Keywright",
        default_dimensions={"service": SERVICE},
    ) as metric:
        for dimension, text in dimensions.items():
            metric.add_dimension(dimension, text)


def count_import(job: ImportJob) -> None:
    """Count how an import ended and, if it wrote, the results of its rows."""
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

"""CloudWatch metrics in the embedded metric format, with the stage as a dimension.

`metrics` collects the metrics of an invocation, and the handler flushes them. docs/operations.md
lists all metrics.
"""

import os

from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "keywright")
"""The `service` dimension: stages in the same account have separate metrics and alarms."""

metrics = Metrics(namespace="Keywright", service=SERVICE)


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

"""Publish events. Trigger: the streams of the tables Orders, Customers, Licenses and Imports.

Event source mappings pass on only changes that can have an event; see infra/events.py.
"""

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.stream_records import answer_for, change_of
from functions.telemetry.metrics import SERVICE, metrics
from functions.telemetry.redaction import redacted
from functions.telemetry.tracing import traced
from shared.workflows.publish_events import publish_events

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service=SERVICE)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Publish the events of a batch; returns the first record that is not done, if any."""
    records = event["Records"]
    try:
        published = publish_events(
            [change_of(record) for record in records], base_url=os.environ["API_URL"]
        )
    except Exception as error:  # noqa: BLE001  # its message may contain data
        raise redacted(error, logger) from None
    if published.events:
        metrics.add_metric("EventPublished", MetricUnit.Count, published.events)
        metrics.flush_metrics()
    return answer_for(
        records, published.changes, published.error, logger=logger, event="event_not_published"
    )

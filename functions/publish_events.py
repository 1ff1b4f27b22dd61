"""Publish events. Trigger: the streams of the tables Orders, Customers, Licenses and Imports.

Event source mappings pass on only changes that can have an event; see infra/events.py.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.metrics import SERVICE, metrics
from functions.telemetry.redaction import log_fields, redacted
from functions.telemetry.tracing import traced
from shared.errors import Busy
from shared.events import Change
from shared.store.dynamo import from_item
from shared.workflows.publish_events import publish_events

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service=SERVICE)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Publish the events of a batch; returns the first record that is not done, if any.

    Lambda tries again from that record. If it is the first of the batch, an exception is raised,
    after which Lambda splits the batch: so a record that never succeeds ends alone, and takes no
    other record with it to the queue of failures.
    """
    records = event["Records"]
    try:
        published = publish_events(
            [_change(record) for record in records], base_url=os.environ["API_URL"]
        )
    except Exception as error:  # noqa: BLE001  # its message may contain data
        raise redacted(error, logger) from None
    if published.events:
        metrics.add_metric("EventPublished", MetricUnit.Count, published.events)
        metrics.flush_metrics()
    if published.changes == len(records):
        return {"batchItemFailures": []}
    failed = records[published.changes]["dynamodb"]["SequenceNumber"]
    cause = published.error or Busy()
    logger.error("event_not_published", sequence=failed, **log_fields(cause))
    if published.changes == 0:
        raise redacted(cause, logger) from None
    return {"batchItemFailures": [{"itemIdentifier": failed}]}


def _change(record: Mapping[str, Any]) -> Change:
    """The change of a record of a stream."""
    about = record["dynamodb"]
    images = (about.get("OldImage"), about.get("NewImage"))
    before, after = (from_item(image) if image else None for image in images)
    return Change(
        pk=about["Keys"]["pk"]["S"],
        sk=about["Keys"].get("sk", {}).get("S", ""),
        before=before,
        after=after,
        at=datetime.fromtimestamp(float(about["ApproximateCreationDateTime"]), UTC),
    )

"""EventBridge schedule: takes back orders that were begun and never became visible.

An order too large for one transaction whose function died is finished by the same request sent
again; if none comes within a quarter of an hour, its keys are freed here.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from shared.store.orders import pending_orders, take_over, undo

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LEFT_ALONE = timedelta(minutes=15)

logger = Logger(service="keywright")
metrics = Metrics(namespace="Keywright", service="keywright")


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    """Answers how many orders were taken back; one that cannot be is left for the next run."""
    undone = 0
    for company, order_id, part, owner in pending_orders(datetime.now(UTC) - LEFT_ALONE):
        token = secrets.token_hex(16)
        if take_over(company, order_id, part, owner, token=token):
            undone += undo(company, order_id, part, token)
            logger.warning("order_undone", company=company, order_id=order_id, part=part)
    if undone:
        metrics.add_metric("OrderUndone", MetricUnit.Count, undone)
        metrics.flush_metrics()
    return {"undone": undone}

"""Index customers and orders for the search. Trigger: the streams of the tables of both.

Event source mappings pass on only changes of records that are indexed; see infra/search.py.
"""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.stream_records import answer_for, change_of
from functions.telemetry.metrics import SERVICE, metrics
from functions.telemetry.redaction import redacted
from functions.telemetry.tracing import traced
from shared.store.patience import Patience
from shared.workflows.index_search import index_changes

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service=SERVICE)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Index a batch; returns the first record that is not done, if any."""
    records = event["Records"]
    patience = Patience(context.get_remaining_time_in_millis, keep_alive=lambda: None)
    try:
        indexed = index_changes([change_of(record) for record in records], patience)
    except Exception as error:  # noqa: BLE001  # its message may contain data
        raise redacted(error, logger) from None
    if indexed.entries:
        metrics.add_metric("SearchIndexed", MetricUnit.Count, indexed.entries)
        metrics.flush_metrics()
    return answer_for(
        records, indexed.changes, indexed.error, logger=logger, event="change_not_indexed"
    )

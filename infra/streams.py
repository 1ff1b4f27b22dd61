"""Functions that read the streams of tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.data import Store
from infra.function import Function

BATCH = 100
"""Records per invocation. They come from one shard, in the order of their writes."""
_WINDOW = Duration.seconds(1)
"""How long Lambda collects records, so that a busy stage has fewer invocations."""
MAX_AGE = Duration.hours(12)
"""A record that is older goes to the queue of failures. A stream has its records for 24 hours, so
12 are left to fix the cause and to process it again."""
_RETRIES = 30
"""Of one record alone: a throttled function waits for some seconds in each."""
type Filter = Mapping[str, Any]


def read_stream(
    scope: Construct,
    store: Store,
    function: Function,
    filters: Sequence[Filter],
    failed: sqs.Queue,
    *,
    batch: int = BATCH,
) -> None:
    """Invoke a function with the changes of a table that match one of the filters.

    A change that never succeeds goes to the queue `failed`, alone. The mapping begins with the
    oldest record of the stream: with LATEST, changes during the deploy would be missed.
    """
    function.may_read_stream(store)
    lambda_.EventSourceMapping(
        scope,
        f"Of{store.table.node.id}",
        target=function.live,
        event_source_arn=store.table.table_stream_arn,
        starting_position=lambda_.StartingPosition.TRIM_HORIZON,
        batch_size=batch,
        max_batching_window=_WINDOW,
        bisect_batch_on_error=True,
        max_record_age=MAX_AGE,
        retry_attempts=_RETRIES,
        report_batch_item_failures=True,
        on_failure=sources.SqsDlq(failed),
        filters=[lambda_.FilterCriteria.filter(dict(each)) for each in filters],
    )

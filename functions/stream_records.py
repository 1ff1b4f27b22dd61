"""The records of tables' streams: read as changes, and answered so that Lambda repeats the rest."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from functions.telemetry.redaction import log_fields, redacted
from shared.errors import Busy
from shared.events import Change
from shared.store.dynamo import from_item

type Record = Mapping[str, Any]


def change_of(record: Record) -> Change:
    about = record["dynamodb"]
    images = (about.get("OldImage"), about.get("NewImage"))
    before, after = (from_item(image) if image else None for image in images)
    return Change(
        pk=about["Keys"]["pk"]["S"],
        sk=about["Keys"].get("sk", {}).get("S", ""),
        before=before,
        after=after,
        at=datetime.fromtimestamp(float(about["ApproximateCreationDateTime"]), UTC),
        sequence=about["SequenceNumber"],
    )


def answer_for(
    records: Sequence[Record], done: int, error: Exception | None, *, logger: Logger, event: str
) -> dict[str, Any]:
    """The answer after the first `done` records; what stopped the next one is logged as `event`.

    Lambda tries again from that record. If it is the first of the batch, an exception is raised,
    after which Lambda splits the batch: so a record that never succeeds ends alone, and takes no
    other record with it to the queue of failures.
    """
    if done == len(records):
        return {"batchItemFailures": []}
    failed = records[done]["dynamodb"]["SequenceNumber"]
    cause = error or Busy()
    logger.error(event, sequence=failed, **log_fields(cause))
    if done == 0:
        raise redacted(cause, logger) from None
    return {"batchItemFailures": [{"itemIdentifier": failed}]}

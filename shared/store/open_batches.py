"""Open batches of imports, in the table Imports, from their start until their last write.

A worker that dies within a batch leaves licenses that are in no order and no list. If its import
runs again, the batch does too. If the import was cancelled or has failed, the sweeper has the batch
completed for the licenses that exist.

| pk | sk | what |
|---|---|---|
| `open#` | `<company>#<number>#<first row>` | OpenBatch |
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import BaseModel

from shared.csv_format.planner import Chunk
from shared.store import dynamo
from shared.store.import_jobs import TABLE

_OPEN = "open#"


class OpenBatch(BaseModel, frozen=True):
    """A batch: `rows` rows of a chunk after its first `done` rows."""

    company: str
    number: int
    chunk: Chunk
    done: int
    rows: int
    opened_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """The key of the item, in the partition that the sweeper reads."""
        first_row = self.chunk.first_row + self.done
        return _OPEN, f"{self.company}#{self.number:010}#{first_row:010}"


def opening(batch: OpenBatch) -> dict[str, Any]:
    """The parameters of the PutItem that records a batch, before any of its records is written."""
    pk, sk = batch.key
    return {"Item": dynamo.to_item({**batch.model_dump(), "pk": pk, "sk": sk})}


def closing(batch: OpenBatch) -> dict[str, Any]:
    """The parameters of the DeleteItem that closes a batch, when all of its records are written."""
    return {"Key": dynamo.key_of(batch.key)}


def close_batch(batch: OpenBatch) -> None:
    """Record that nothing of a batch remains to be written."""
    dynamo.client().delete_item(TableName=dynamo.table(TABLE), **closing(batch))


def first_open_batch(company: str, number: int | None = None) -> OpenBatch | None:
    """An open batch of an import, or of any import of a company; None if there is none."""
    first = f"{company}#" if number is None else f"{company}#{number:010}#"
    condition, values = "pk = :open AND begins_with(sk, :first)", {"open": _OPEN, "first": first}
    items = dynamo.query(TABLE, condition, values, consistent=True, limit=1)
    return next(map(OpenBatch.model_validate, items), None)


def open_batches(before: datetime, *, most: int) -> Iterator[OpenBatch]:
    """At most `most` batches that were opened before a time and are not closed."""
    items = dynamo.query(TABLE, "pk = :open", {"open": _OPEN}, consistent=True)
    batches = map(OpenBatch.model_validate, items)
    return islice((batch for batch in batches if batch.opened_at < before), most)

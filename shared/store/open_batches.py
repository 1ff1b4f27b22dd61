"""Batches of imports that were begun, in the table Imports, until their last write.

A worker that dies within a batch leaves licenses behind that are in no order and no list yet. If
its import runs again, so does the batch. If the import was cancelled or failed meanwhile, the
sweeper has what there is completed.

| pk | sk | what |
|---|---|---|
| `open#` | `<company>#<number>#<first row>` | OpenBatch |
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from pydantic import BaseModel

from shared.csv_format.planner import Chunk
from shared.store import dynamo
from shared.store.import_jobs import TABLE

_OPEN = "open#"


class OpenBatch(BaseModel, frozen=True):
    """The `rows` rows of a chunk behind its first `done`."""

    company: str
    number: int
    chunk: Chunk
    done: int
    rows: int
    opened_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """Where it is stored, in the one partition that the sweeper reads."""
        first_row = self.chunk.first_row + self.done
        return _OPEN, f"{self.company}#{self.number:010}#{first_row:010}"


def open_batch(batch: OpenBatch) -> None:
    """Store that a batch has begun, before anything of it is written."""
    pk, sk = batch.key
    item = dynamo.to_item({**batch.model_dump(), "pk": pk, "sk": sk})
    dynamo.client().put_item(TableName=dynamo.table(TABLE), Item=item)


def close_batch(batch: OpenBatch) -> None:
    """Store that everything of a batch is written."""
    dynamo.client().delete_item(TableName=dynamo.table(TABLE), Key=dynamo.key_of(batch.key))


def open_batches(before: datetime, *, most: int) -> Iterator[OpenBatch]:
    """Batches that were opened before a moment and are not closed, `most` at most."""
    items = dynamo.query(TABLE, "pk = :open", {"open": _OPEN}, consistent=True)
    batches = map(OpenBatch.model_validate, items)
    return islice((batch for batch in batches if batch.opened_at < before), most)

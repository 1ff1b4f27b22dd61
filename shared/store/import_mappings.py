"""Mappings of import files, in the table Imports: saved ones by name, and those of jobs.

| pk | sk | content |
|---|---|---|
| company | `mapping#<name>` | SavedMapping |
| `<company>#<number>` | `mapping#<SHA-256>` | the mapping of a job |

A mapping is stored as its JSON text: an item has at most 400 KB, and a map of texts would need more
than their bytes.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from shared.column_mapping import NO_MAPPING, ColumnMapping, PinnedMapping
from shared.import_job import ImportJob, Kind
from shared.store import dynamo
from shared.store.import_jobs import TABLE


class SavedMapping(BaseModel, frozen=True, extra="ignore"):
    """A mapping that imports can use by its name."""

    name: str
    kind: Kind
    content: str
    """JSON of a ColumnMapping."""
    updated_at: datetime
    updated_by: str
    """The prefix of an API key."""

    @property
    def mapping(self) -> ColumnMapping:
        return ColumnMapping.model_validate_json(self.content)


def get_mapping(company: str, name: str) -> SavedMapping | None:
    item = dynamo.get(TABLE, _key(company, name))
    return SavedMapping.model_validate(item) if item else None


def list_mappings(company: str, after: str | None = None) -> Iterator[SavedMapping]:
    """The saved mappings of a company by name, after the name `after`, without their content."""
    items = dynamo.query(
        TABLE,
        "pk = :company AND sk BETWEEN :first AND :last",
        {"company": company, "first": f"mapping#{after or ''}", "last": "mapping#~"},
        consistent=True,
        select=("name", "kind", "updated_at", "updated_by"),
    )
    saved = (SavedMapping.model_validate({**item, "content": ""}) for item in items)
    return (mapping for mapping in saved if mapping.name != after)


def put_mapping(company: str, saved: SavedMapping) -> None:
    """Save a mapping, or replace the one with its name."""
    pk, sk = _key(company, saved.name)
    item = dynamo.record_item(saved, pk=pk, sk=sk)
    dynamo.client().put_item(TableName=dynamo.table(TABLE), Item=item)


def delete_mapping(company: str, name: str) -> None:
    """Delete a saved mapping; deleting it again changes nothing."""
    dynamo.client().delete_item(
        TableName=dynamo.table(TABLE), Key=dynamo.key_of(_key(company, name))
    )


def job_mapping_item(job: ImportJob, content: bytes) -> dict[str, Any]:
    """The item with a job's mapping; equal for each write of it."""
    pk, sk = _job_key(job)
    return dynamo.to_item({"pk": pk, "sk": sk, "content": content.decode()})


def pin_mapping(job: ImportJob, pinned: PinnedMapping) -> ImportJob:
    """Store the mapping of a job, and return the job that refers to it, which is not written."""
    job = job.model_copy(update={"mapping": pinned.sha256})
    item = job_mapping_item(job, pinned.content)
    dynamo.client().put_item(TableName=dynamo.table(TABLE), Item=item)
    return job


def job_mapping(job: ImportJob) -> ColumnMapping:
    """The mapping of a job; an empty one if it has none."""
    if job.mapping is None:
        return NO_MAPPING
    item = dynamo.get(TABLE, _job_key(job))
    if item is None:
        raise LookupError(f"import {job.number} of {job.company} has lost its mapping")
    return ColumnMapping.model_validate_json(item["content"])


def _key(company: str, name: str) -> tuple[str, str]:
    return company, f"mapping#{name}"


def _job_key(job: ImportJob) -> tuple[str, str]:
    return f"{job.company}#{job.number}", f"mapping#{job.mapping}"

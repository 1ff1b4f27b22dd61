"""Mappings of import files, in the table Imports: saved ones by name, and those of jobs.

| pk | sk | content |
|---|---|---|
| company | `mapping#<name>` | MappingEntry, for lists |
| company | `mapping-content#<name>` | SavedMapping |
| company | `mapping-pinned#<SHA-256>` | the mapping of jobs |

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


class SavedEntry(BaseModel, frozen=True, extra="ignore"):
    """What lists have of a saved mapping."""

    name: str
    kind: Kind
    updated_at: datetime
    updated_by: str
    """The prefix of an API key."""


class SavedMapping(SavedEntry, frozen=True, extra="ignore"):
    """A mapping that imports can use by its name."""

    content: str
    """JSON of a ColumnMapping."""

    @property
    def mapping(self) -> ColumnMapping:
        return ColumnMapping.model_validate_json(self.content)


def get_mapping(company: str, name: str) -> SavedMapping | None:
    item = dynamo.get(TABLE, _content_key(company, name))
    return SavedMapping.model_validate(item) if item else None


def list_mappings(company: str, after: str | None = None) -> Iterator[SavedEntry]:
    """The saved mappings of a company by name, after the name `after`, without their content."""
    items = dynamo.query(
        TABLE,
        "pk = :company AND sk BETWEEN :first AND :last",
        {"company": company, "first": f"mapping#{after or ''}", "last": "mapping#~"},
        consistent=True,
    )
    return (entry for entry in map(SavedEntry.model_validate, items) if entry.name != after)


def put_mapping(company: str, saved: SavedMapping) -> None:
    """Save a mapping, or replace the one with its name."""
    entry = saved.model_dump(exclude={"content"})
    written = [
        (_key(company, saved.name), entry),
        (_content_key(company, saved.name), {**entry, "content": saved.content}),
    ]
    dynamo.write(
        [
            dynamo.put(TABLE, dynamo.to_item({"pk": pk, "sk": sk, **fields}))
            for (pk, sk), fields in written
        ]
    )


def delete_mapping(company: str, name: str) -> None:
    """Delete a saved mapping; deleting it again changes nothing."""
    keys = (_key(company, name), _content_key(company, name))
    dynamo.write([dynamo.delete(TABLE, key) for key in keys])


def job_mapping_item(job: ImportJob, content: bytes) -> dict[str, Any]:
    """The item with a job's mapping; equal for each write of it, and for jobs with equal ones."""
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


def _content_key(company: str, name: str) -> tuple[str, str]:
    return company, f"mapping-content#{name}"


def _job_key(job: ImportJob) -> tuple[str, str]:
    return job.company, f"mapping-pinned#{job.mapping}"

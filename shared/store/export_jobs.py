"""Export jobs, in the table Imports, and the parts of their files.

| pk | sk | what |
|---|---|---|
| `<company>` | `next-export` | the counter of their numbers |
| `<company>` | `export#<number>` | an ExportJob |
| `<company>#export#<number>` | `<generation>#<part>` | a part of the file: ETag, checksum |
| `unfinished-export#` | `<company>#<number>` | for the sweeper, until the export has ended |
| `export-id#<company>#<digest>` | `claim` | the export of an `external_id` |
"""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from shared.errors import Busy, NotFound
from shared.export_job import ExportJob
from shared.store import dynamo
from shared.store.import_jobs import external_key, marked, numbered
from shared.store.retry import attempts

TABLE = "IMPORTS_TABLE"
_UNFINISHED = "unfinished-export#"
_FREE = "attribute_not_exists(pk)"


class StoredPart(NamedTuple):
    """A part of a file: its number from 1, and what S3 needs to verify it."""

    number: int
    etag: str
    crc32: str


def add_export(job: ExportJob, *, fingerprint: str) -> bool:
    """Write a new export, and the claim of its `external_id`; False if one of them exists."""
    more = []
    if job.external_id is not None:
        pk, sk = external_key(job.company, job.external_id, "export-id")
        claim = {"pk": pk, "sk": sk, "number": job.number, "fingerprint": fingerprint}
        more.append(dynamo.put(TABLE, dynamo.to_item(claim), _FREE))
    return _write(job, more, _FREE)


def get_export(company: str, number: int) -> ExportJob | None:
    item = dynamo.get(TABLE, _job_key(company, number))
    return ExportJob.model_validate(item) if item else None


def list_exports(
    company: str, *, after: int | None = None, oldest_first: bool = False
) -> Iterator[ExportJob]:
    """A company's exports, newest first unless `oldest_first`, after the number `after`."""
    items = numbered(TABLE, company, "export#", after=after, oldest_first=oldest_first)
    return map(ExportJob.model_validate, items)


def unfinished_exports(company: str | None = None) -> list[ExportJob]:
    """The exports that have not ended, of one company or all."""
    jobs = map(ExportJob.model_validate, marked(_UNFINISHED, _job_key, company))
    return [job for job in jobs if not job.is_ended]


def change_export(
    company: str,
    number: int,
    change: Callable[[ExportJob], ExportJob],
    *,
    part: StoredPart | None = None,
) -> ExportJob:
    """Apply `change` to an export with an optimistic lock, and store `part` in the same write.

    Nothing is written if `change` returns the job that it was given; its exceptions propagate.
    Raises NotFound.
    """
    for _ in attempts():
        before = get_export(company, number)
        if before is None:
            raise NotFound(f"There is no export {number}")
        job = change(before)
        if job is before:
            return job
        job = job.model_copy(update={"revision": before.revision + 1})
        more = [dynamo.put(TABLE, _part_item(job, part))] if part else []
        if _write(job, more, "revision = :before", before=before.revision):
            return job
    raise Busy


def heartbeat_export(job: ExportJob, reading: int, now: datetime) -> bool:
    """Record that a worker runs, and how many records it has read since the checkpoint.

    False if it has lost the lease, or the export has ended. The revision does not change.
    """
    dynamodb = dynamo.client()
    values = {":running": "running", ":runner": job.runner, ":now": now, ":reading": reading}
    for _ in attempts():
        try:
            dynamodb.update_item(
                TableName=dynamo.table(TABLE),
                Key=dynamo.key_of(_job_key(job.company, job.number)),
                UpdateExpression="SET heartbeat_at = :now, reading = :reading",
                ConditionExpression="#state = :running AND runner = :runner",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=dynamo.to_item(values),
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except dynamodb.exceptions.TransactionConflictException:
            continue  # a concurrent transaction writes the job, and may end it
        return True
    raise Busy


def parts_of_export(job: ExportJob) -> list[StoredPart]:
    """The stored parts of the export's file, in their order."""
    items = dynamo.query(
        TABLE,
        "pk = :pk AND begins_with(sk, :generation)",
        {"pk": _parts_partition(job), "generation": f"{job.generation:04}#"},
        consistent=True,
    )
    parts = [StoredPart(item["number"], item["etag"], item["crc32"]) for item in items]
    return parts[: job.parts]


def _write(job: ExportJob, more: list[dict[str, Any]], condition: str, **values: Any) -> bool:
    """Write an export, its marker, and `more`; False if a condition failed.

    A write whose first response was lost recognizes itself by its token.
    """
    key, token = _job_key(job.company, job.number), secrets.token_hex(8)
    item = dynamo.record_item(job, pk=key[0], sk=key[1], token=token, revision=job.revision)
    item |= dynamo.to_item({"state": job.state})
    marker = (_UNFINISHED, f"{job.company}#{job.number}")
    listed = (
        dynamo.delete(TABLE, marker) if job.is_ended else dynamo.put(TABLE, dynamo.key_of(marker))
    )
    if dynamo.write([*more, dynamo.put(TABLE, item, condition, **values), listed]):
        return True
    stored = dynamo.get(TABLE, key)
    return stored is not None and stored["token"] == token


def _part_item(job: ExportJob, part: StoredPart) -> dynamo.Item:
    keys = {"pk": _parts_partition(job), "sk": f"{job.generation:04}#{part.number:05}"}
    return dynamo.to_item({**keys, **part._asdict()})


def _job_key(company: str, number: int) -> tuple[str, str]:
    return company, f"export#{number:010}"


def _parts_partition(job: ExportJob) -> str:
    return f"{job.company}#export#{job.number}"

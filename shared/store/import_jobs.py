"""Import jobs, in the table Imports.

| pk | sk | content |
|---|---|---|
| company | `job#<number>` | ImportJob |
| company | `next` | the last assigned number; there may be gaps |
| company | `undo#<n>` | the undo that holds the company's lease, in 8 equal items; see `undo_of` |
| company | `changes#<n>` | the number of changes of jobs, and when the last one was, in 8 shards |
| `unfinished#` | `<company>#<number>` | a job that has not ended or is stopping, for the sweeper |
| `<company>#<number>` | `chunk#<index>` | BatchResult: see `batch_results` |
| `<company>#<number>` | `results#<revision>` | when `results.csv` was last requested |
| `<company>#<number>` | `worker#<token>` | a worker that may write rows: see `workers` |
| `object#<digest of bucket, key, version>` | `claim` | see `object_claims` |
| company | `mapping#…`, `mapping-content#…`, `mapping-pinned#…` | see `import_mappings` |
| `unknown#`, `sweep#` | | see `unknown_files` and `listing` |
| `external#<company>#<digest>` | `claim` | the job of this `external_id`, and its fingerprint |
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from shared.errors import Busy, NotFound
from shared.import_job import ImportJob, Kind
from shared.store import dynamo
from shared.store.retry import attempts
from shared.store.writer import writer_attribute

TABLE = "IMPORTS_TABLE"
MOST_CORRECTIONS = 20
"""Corrections that are shown with an import."""
_UNFINISHED = "unfinished#"
_FREE = "attribute_not_exists(pk)"
_GUARDS = 8
"""Many imports can start at the same time, and transactions of one item conflict."""


type ClaimKind = Literal["external", "export-id"]
"""What an `external_id` has started: an import, or an export."""


class External(NamedTuple):
    """The job of an `external_id`, and the fingerprint of its request."""

    number: int
    fingerprint: str


def new_number(company: str, counter: str = "next") -> int:
    """A unique number of a counter of the company: by default, for an import."""
    answer = dynamo.client().update_item(
        TableName=dynamo.table(TABLE),
        Key=dynamo.key_of((company, counter)),
        UpdateExpression="ADD #number :one",
        ExpressionAttributeNames={"#number": "number"},
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["number"]["N"])


def add_job(
    job: ImportJob, *, external: str | None = None, with_item: dynamo.Item | None = None
) -> bool:
    """Write a new job, and the claim of its `external_id` with the fingerprint of the request.

    `with_item` is written with them. False if its number or its `external_id` exists.
    """
    more = [] if with_item is None else [dynamo.put(TABLE, with_item)]
    if job.external_id is not None:
        pk, sk = external_key(job.company, job.external_id)
        claim = {"pk": pk, "sk": sk, "number": job.number, "fingerprint": external}
        more.append(dynamo.put(TABLE, dynamo.to_item(claim), _FREE))
    return write_job(job, more, _FREE)


def add_undo(
    undo: ImportJob,
    job: ImportJob,
    checks: Sequence[dict[str, Any]],
    plan: ImportJob | None = None,
) -> bool:
    """Write the job that undoes an import, which records this; False if a condition failed.

    It fails if the import, or the dry run whose `plan` the undo commits, has changed, if another
    undo has the lease of the company, or if a check of `job_changes` fails.
    """
    after = {"undone_by": undo.number, "revision": job.revision + 1}
    key = _job_key(job.company, job.number)
    marked = dynamo.update(TABLE, key, after, {"revision": job.revision})
    committed = [] if plan is None else [_committed(plan, undo.number)]
    return write_job(undo, [marked, *committed], _FREE, checks=checks)


def undo_of(company: str) -> int | None:
    """The undo that holds the lease of a company; None if there is none.

    No import of the company writes meanwhile. An undo has the lease from its beginning until it has
    ended and none of its workers can write; every write of the job takes, keeps or ends it. So it
    ends as every job does, even if its workers die.
    """
    item = dynamo.get(TABLE, (company, "undo#0"))
    return item["held_by"] if item else None


def lease_check(company: str, number: int) -> dict[str, Any]:
    """The condition check, for a transaction, that an undo has the lease of its company."""
    key = company, f"undo#{secrets.randbelow(_GUARDS)}"
    return dynamo.check(TABLE, key, "held_by = :number", number=number)


def _lease(job: ImportJob) -> list[dict[str, Any]]:
    """The writes that take, keep or end the lease of an undo."""
    if job.undoes is None or job.dry_run:
        return []
    free, values = "attribute_not_exists(pk) OR held_by = :number", {"number": job.number}
    keys = [(job.company, f"undo#{n}") for n in range(_GUARDS)]
    if _is_over(job):
        return [dynamo.delete(TABLE, key, free, **values) for key in keys]
    items = (dynamo.key_of(key) | dynamo.to_item({"held_by": job.number}) for key in keys)
    return [dynamo.put(TABLE, item, free, **values) for item in items]


def _is_over(job: ImportJob) -> bool:
    return job.is_ended and not job.is_stopping


def add_commit(job: ImportJob, plan: ImportJob) -> bool:
    """Write the import that commits a plan, and note it in the dry run, as it was read.

    False if the number exists, or if the dry run has changed, as by another commit.
    """
    return write_job(job, [_committed(plan, job.number)], _FREE)


def _committed(plan: ImportJob, number: int) -> dict[str, Any]:
    """The write that notes in a dry run, as it was read, the job that commits its plan."""
    after = {"committed_by": number, "revision": plan.revision + 1}
    return dynamo.update(
        TABLE, _job_key(plan.company, plan.number), after, {"revision": plan.revision}
    )


def note_correction(company: str, corrected: int, number: int) -> None:
    """Record in an import that the job `number`, which will be written next, corrects it.

    If the job is not written then, it is not shown, and its number is not used again.
    """

    def noted(job: ImportJob) -> ImportJob:
        newest = sorted({*job.corrected_by, number})[-MOST_CORRECTIONS:]
        return job.model_copy(update={"corrected_by": tuple(newest)})

    change_job(company, corrected, noted)


def corrections_of(jobs: Sequence[ImportJob]) -> dict[int, list[ImportJob]]:
    """The newest imports that correct failed rows of jobs of a company, by number, newest first."""
    keys = {
        job.number: [(TABLE, _job_key(job.company, each)) for each in reversed(job.corrected_by)]
        for job in jobs
    }
    wanted = [key for each in keys.values() for key in each]
    items = dynamo.get_many(wanted) if wanted else {}
    found = {key: ImportJob.model_validate(item) for key, item in items.items()}
    return {number: [found[key] for key in each if key in found] for number, each in keys.items()}


def external_claim(company: str, external_id: str, kind: ClaimKind = "external") -> External | None:
    item = dynamo.get(TABLE, external_key(company, external_id, kind))
    return External(item["number"], item["fingerprint"]) if item else None


def get_job(company: str, number: int) -> ImportJob | None:
    item = dynamo.get(TABLE, _job_key(company, number))
    return ImportJob.model_validate(item) if item else None


def list_jobs(
    company: str,
    kind: Kind | None = None,
    *,
    after: int | None = None,
    oldest_first: bool = False,
) -> Iterator[ImportJob]:
    """A company's jobs, newest first unless `oldest_first`, after the number `after`."""
    items = numbered(TABLE, company, "job#", after=after, oldest_first=oldest_first)
    jobs = map(ImportJob.model_validate, items)
    return (job for job in jobs if kind is None or job.kind == kind)


def list_unfinished(
    company: str, *, after: int | None = None, oldest_first: bool = False
) -> Iterator[ImportJob]:
    """The company's `unfinished_jobs` in the order of `list_jobs`; reads no other job."""
    for job in sorted(
        unfinished_jobs(company), key=lambda job: job.number, reverse=not oldest_first
    ):
        if after is None or (job.number > after if oldest_first else job.number < after):
            yield job


def numbered(
    table: str, company: str, prefix: str, *, after: int | None, oldest_first: bool
) -> dynamo.Items:
    """A company's items `<prefix><number>`, newest first unless `oldest_first`, after a number."""
    first, last = prefix, f"{prefix}~"
    if after and oldest_first:
        first = f"{prefix}{after + 1:010}"
    elif after:
        last = f"{prefix}{after - 1:010}"
    return dynamo.query(
        table,
        "pk = :company AND sk BETWEEN :first AND :last",
        {"company": company, "first": first, "last": last},
        forward=oldest_first,
        consistent=True,
    )


def unfinished_jobs(company: str | None = None) -> list[ImportJob]:
    """The jobs that have not ended, or have stopped but are not counted, of one company or all."""
    jobs = map(ImportJob.model_validate, marked(_UNFINISHED, _job_key, company))
    return [job for job in jobs if not job.is_ended or job.is_stopping]


def marked(
    marker: str, key: Callable[[str, int], dynamo.Key], company: str | None
) -> Iterator[dict[str, Any]]:
    """The items of jobs with an entry in the partition `marker`, of one company or all."""
    condition, values = "pk = :pk", {"pk": marker}
    if company is not None:
        condition, values = f"{condition} AND begins_with(sk, :of)", {**values, "of": f"{company}#"}
    entries = dynamo.query(TABLE, condition, values, consistent=True)
    named = [entry["sk"].partition("#") for entry in entries]
    keys = [(TABLE, key(company, int(number))) for company, _, number in named]
    found = dynamo.get_many(keys)
    return (found[key] for key in keys if key in found)


def put_job(job: ImportJob, before: ImportJob, checks: Sequence[dict[str, Any]] = ()) -> bool:
    """Write a job that `before` became; False if it became something else meanwhile.

    It also fails if one of the `checks` of `job_changes` does.

    `before` is as it was read. Only `shared.import_job.transition` makes the next state, which
    keeps the states that are final; heartbeats do not count as changes.
    """
    job = job.model_copy(update={"revision": before.revision + 1})
    return write_job(job, [], "revision = :before", checks=checks, before=before.revision)


def unchanged_job(company: str, number: int, job: ImportJob | None) -> dict[str, Any]:
    """The condition check, for a transaction, that a job is as it was read, or still missing."""
    key = _job_key(company, number)
    if job is None:
        return dynamo.check(TABLE, key, _FREE)
    return dynamo.check(TABLE, key, "revision = :revision", revision=job.revision)


def change_job(company: str, number: int, change: Callable[[ImportJob], ImportJob]) -> ImportJob:
    """Apply `change` to a job with an optimistic lock; exceptions of `change` propagate.

    Nothing is written if `change` returns the job that it was given. Raises NotFound.
    """
    for _ in attempts():
        before = get_job(company, number)
        if before is None:
            raise NotFound(f"There is no import {number}")
        job = change(before)
        if job is before or put_job(job, before):
            return job
    raise Busy


def claim_results(job: ImportJob, now: datetime, *, every: timedelta) -> bool:
    """Whether to have `results.csv` of a job written now: at most one request per `every` does."""
    key = dynamo.partition(job.company, job.number), f"results#{job.revision}"
    dynamodb = dynamo.client()
    try:
        dynamodb.update_item(
            TableName=dynamo.table(TABLE),
            Key=dynamo.key_of(key),
            UpdateExpression="SET requested_at = :now",
            ConditionExpression="attribute_not_exists(requested_at) OR requested_at < :before",
            ExpressionAttributeValues=dynamo.to_item(
                {":now": dynamo.stamp(now), ":before": dynamo.stamp(now - every)}
            ),
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def heartbeat(company: str, number: int, runner: str | None, now: datetime) -> bool:
    """Record that a job is running. False if the runner has lost the lease and must stop.

    The revision does not change, so the workers of a job do not conflict. Raises Busy if other
    writes of the job conflict again and again.
    """
    dynamodb, update = dynamo.client(), heartbeat_update(company, number, runner, now)
    for _ in attempts():
        try:
            dynamodb.update_item(TableName=dynamo.table(TABLE), **update)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except dynamodb.exceptions.TransactionConflictException:
            continue  # a concurrent transaction writes the job, and may end it
        return True
    raise Busy


def heartbeat_update(
    company: str, number: int, runner: str | None, now: datetime
) -> dict[str, Any]:
    """The parameters of the UpdateItem of `heartbeat`; its condition fails if the lease is lost."""
    condition = "#state IN (:validating, :running)"
    values = {":validating": "validating", ":running": "running", ":now": now.isoformat()}
    if runner is not None:
        condition += " AND runner = :runner"
        values[":runner"] = runner
    return {
        "Key": dynamo.key_of(_job_key(company, number)),
        "UpdateExpression": "SET heartbeat_at = :now",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": dynamo.to_item(values),
    }


def write_job(
    job: ImportJob,
    more: list[dict[str, Any]],
    condition: str,
    *,
    checks: Sequence[dict[str, Any]] = (),
    **values: Any,
) -> bool:
    """Write a job, its entry for the sweeper, and `more`; False if a condition failed.

    A write whose first answer was lost recognizes itself by its token, because a concurrent request
    may have written an equal job.
    """
    key, token = _job_key(job.company, job.number), secrets.token_hex(8)
    item = dynamo.record_item(job, pk=key[0], sk=key[1], token=token)
    item |= dynamo.to_item({"revision": job.revision, **writer_attribute()})
    marker = (_UNFINISHED, f"{job.company}#{job.number}")
    listed = dynamo.put(TABLE, dynamo.key_of(marker))
    if _is_over(job):
        listed = dynamo.delete(TABLE, marker)
    put, noted = dynamo.put(TABLE, item, condition, **values), _note_change(job, checks)
    if dynamo.write([*more, put, listed, *_lease(job), *noted]):
        return True
    stored = dynamo.get(TABLE, key)
    return stored is not None and stored["token"] == token


def _note_change(job: ImportJob, checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The update by which deletes see that a job of the company has changed, and these checks.

    A transaction has one operation per item, so the update has the condition of its own counter.
    """
    key = dynamo.key_of((job.company, f"changes#{job.number % _GUARDS}"))
    update = {
        "TableName": dynamo.table(TABLE),
        "Key": key,
        "UpdateExpression": "SET #at = :at ADD #n :one",
        "ExpressionAttributeNames": {"#at": "at", "#n": "n"},
        "ExpressionAttributeValues": dynamo.to_item(
            {":at": dynamo.stamp(datetime.now(UTC)), ":one": 1}
        ),
    }
    others = []
    for check in checks:
        if check["ConditionCheck"]["Key"] != key:
            others.append(check)
            continue
        update["ConditionExpression"] = check["ConditionCheck"]["ConditionExpression"]
        values = check["ConditionCheck"].get("ExpressionAttributeValues", {})
        update["ExpressionAttributeValues"] |= values
    return [{"Update": update}, *others]


def job_changes(company: str) -> tuple[list[dict[str, Any]], datetime | None]:
    """The checks, for a transaction, that no job of a company changes; and the last change's time.

    Read the jobs after this.
    """
    keys = [(company, f"changes#{n}") for n in range(_GUARDS)]
    found = dynamo.get_many((TABLE, key) for key in keys)
    checks = [
        dynamo.check(TABLE, key, "n = :n", n=found[TABLE, key]["n"])
        if (TABLE, key) in found
        else dynamo.check(TABLE, key, _FREE)
        for key in keys
    ]
    times = [datetime.fromisoformat(item["at"]) for item in found.values()]
    return checks, max(times, default=None)


def _job_key(company: str, number: int) -> tuple[str, str]:
    return company, f"job#{number:010}"


def external_key(company: str, external_id: str, kind: ClaimKind = "external") -> tuple[str, str]:
    return f"{kind}#{company}#{hashlib.sha256(external_id.encode()).hexdigest()}", "claim"

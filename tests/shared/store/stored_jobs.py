"""Jobs and claims of objects for the tests of their store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.import_job import ImportJob, State, transition
from shared.store import import_jobs, object_claims
from shared.store.object_claims import Version

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
DROPPED = Version("uploads", "acme/licenses/a.csv", "v1", 100)
WRITE = "TransactWriteItems"


def new_job(state: State = "awaiting_upload", **fields: Any) -> ImportJob:
    number = import_jobs.new_number("acme")
    given: dict[str, Any] = {
        "kind": "licenses",
        "file_name": "a.csv",
        "bucket": "uploads",
        "key": f"acme/licenses/job-{number}/a.csv",
        "created_at": NOW,
        "heartbeat_at": NOW,
    }
    return ImportJob(number=number, company="acme", state=state, **{**given, **fields})


def added(state: State = "awaiting_upload", **fields: Any) -> ImportJob:
    job = new_job(state, **fields)
    assert import_jobs.add_job(job)
    return job


def uploaded(job: ImportJob, version: str = "v1") -> Version:
    return Version(job.bucket, job.key, version, 5)


def claim(version: Version) -> ImportJob:
    job = object_claims.claim_object(*version, now=NOW)
    assert job is not None
    return job


def jobs() -> list[int]:
    return [job.number for job in import_jobs.list_jobs("acme")]


def move(to: State) -> Callable[[ImportJob], ImportJob]:
    return lambda job: transition(job, to, now=LATER)

"""Claims of objects by import jobs, in the table Imports: each version of an object has one job."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from shared.errors import Busy
from shared.import_job import ImportJob, ObjectKey, new_key_seed, parse_object_key, transition
from shared.store import dynamo
from shared.store.access import has_api_key
from shared.store.import_jobs import TABLE, get_job, new_number, write_job
from shared.store.retry import attempts

_FREE = "attribute_not_exists(pk)"


class Version(NamedTuple):
    bucket: str
    key: str
    version_id: str
    size: int


class UnknownCompany(Exception):
    """A file was put into the folder of a company without an API key, which can't see imports."""


def claim_object(
    bucket: str,
    key: str,
    version_id: str,
    size: int,
    *,
    now: datetime,
    correlation_id: str | None = None,
) -> ImportJob | None:
    """The job of a version of an object, which is created or queued at its first event.

    Repeated and concurrent calls return the same job. The first version at an import's own key
    becomes the file of that import. Later versions at this key (a form sent twice, a copy), and
    objects with other names next to it, belong to the same import, which keeps its version: they
    are never imported with other options. Any other object, and each later version of it, gets a
    job of its own.
    None if the key is not that of an import. `correlation_id` is used if a job is created. Raises
    UnknownCompany, and writes nothing, if a job would be created for a company without an API key.
    """
    place = parse_object_key(key)
    if place is None:
        return None
    version = Version(bucket, key, version_id, size)
    for _ in attempts():
        if job := claimed(version):
            return job
        owner = _owner(place)
        if owner and (owner.version_id is not None or owner.key != key):
            job, written = owner, dynamo.write([_claim_put(version, owner)])
        elif owner:
            job = _uploaded(owner, version, now)
            written = write_job(
                job, [_claim_put(version, job)], "revision = :before", before=owner.revision
            )
        else:
            if not has_api_key(place.company):
                raise UnknownCompany
            job = _dropped(place, version, now, correlation_id)
            written = write_job(job, [_claim_put(version, job)], _FREE)
        if written:
            return job
    raise Busy


def claimed(version: Version) -> ImportJob | None:
    """The job that has claimed this version of an object, or None."""
    item = dynamo.get(TABLE, _object_key(version))
    return get_job(item["company"], item["number"]) if item else None


def unclaimed(versions: Iterable[Version]) -> list[Version]:
    """The versions that no job has claimed."""
    keys = {version: _object_key(version) for version in versions}
    found = dynamo.get_many((TABLE, key) for key in keys.values())
    return [version for version, key in keys.items() if (TABLE, key) not in found]


def company_of(version: Version) -> str:
    """The company of an object, from the first folder of its key."""
    return version.key.partition("/")[0]


def digest_of(version: Version) -> str:
    name = f"{version.bucket}/{version.key}/{version.version_id}"
    return hashlib.sha256(name.encode()).hexdigest()


def _owner(place: ObjectKey) -> ImportJob | None:
    """The import in whose own folder this object is, whether it has its file already or not."""
    if place.number is None:
        return None
    job = get_job(place.company, place.number)
    folder = f"{place.company}/{place.kind}/job-{place.number}/"
    return job if job and job.key.startswith(folder) else None


def _uploaded(job: ImportJob, version: Version, now: datetime) -> ImportJob:
    """Give a job its file; a job that has ended keeps its state and can be retried."""
    has = {"bucket": version.bucket, "version_id": version.version_id, "size": version.size}
    if job.is_ended:
        return job.model_copy(update={**has, "revision": job.revision + 1})
    return transition(job, "queued", now=now, **has)


def _dropped(
    place: ObjectKey, version: Version, now: datetime, correlation_id: str | None
) -> ImportJob:
    return ImportJob(
        number=new_number(place.company),
        company=place.company,
        kind=place.kind,
        state="queued",
        file_name=place.file_name,
        bucket=version.bucket,
        key=version.key,
        version_id=version.version_id,
        size=version.size,
        key_seed=new_key_seed(),
        correlation_id=correlation_id,
        created_at=now,
        heartbeat_at=now,
    )


def _claim_put(version: Version, job: ImportJob) -> dict[str, Any]:
    pk, sk = _object_key(version)
    claim = {"pk": pk, "sk": sk, "company": job.company, "number": job.number}
    return dynamo.put(TABLE, dynamo.to_item(claim), _FREE)


def _object_key(version: Version) -> tuple[str, str]:
    return f"object#{digest_of(version)}", "claim"

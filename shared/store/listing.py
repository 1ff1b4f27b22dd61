"""A rolling listing of the uploads bucket: a few calls per run, continued by the next run.

A cycle lists all versions of all objects once, in the order of their keys. A checkpoint in the
table Imports has its position. Objects that are added before the checkpoint are found by the next
cycle: a cycle checks every version that is younger than the start of the previous cycle, minus
`OVERLAP`. So no version is missed, no matter how long a cycle takes. A lost or doubled run does no
harm, because versions are announced before the checkpoint moves.

| pk | sk | what |
|---|---|---|
| `sweep#` | `listing` | Checkpoint |
"""

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel

from shared.import_job import parse_object_key
from shared.store import dynamo
from shared.store.import_jobs import TABLE
from shared.store.object_claims import Version
from shared.store.uploads import bucket, client

OVERLAP = timedelta(days=2)
"""S3 dates a multipart object by the start of its upload; the bucket's lifecycle rule aborts
uploads after two days."""

_KEY = ("sweep#", "listing")
_RESULTS = "_results/"
_BEHIND_RESULTS = "_results0"
"""`0` is the character after `/`, so this sorts right after the keys of our reports."""


class Checkpoint(BaseModel, frozen=True, extra="ignore"):
    """The position of a cycle: the last listed key and version; empty at its start."""

    began: datetime
    """When this cycle began."""
    since: datetime
    """Older versions were checked by an earlier cycle."""
    key: str = ""
    version: str = ""
    revision: int = 0


def read_checkpoint(now: datetime) -> Checkpoint:
    """The position of the last run, or the start of a cycle."""
    item = dynamo.get(TABLE, _KEY)
    return Checkpoint.model_validate(item) if item else Checkpoint(began=now, since=now - OVERLAP)


def write_checkpoint(after: Checkpoint, before: Checkpoint) -> bool:
    """Move the checkpoint; False if a concurrent run has moved it, which then stays."""
    after = after.model_copy(update={"revision": before.revision + 1})
    pk, sk = _KEY
    item = dynamo.record_item(after, pk=pk, sk=sk)
    if before.revision:
        condition = dynamo.put(TABLE, item, "revision = :before", before=before.revision)
    else:
        condition = dynamo.put(TABLE, item, "attribute_not_exists(pk)")
    return dynamo.write([condition])


def list_versions(
    start: Checkpoint, *, now: datetime, until: datetime, calls: int
) -> tuple[list[Version], Checkpoint]:
    """List files older than `until` with at most so many calls; with the new checkpoint.

    A bucket that needs fewer calls is listed completely, once.
    """
    found: dict[Version, None] = {}
    at, ends = start, 0
    for _ in range(calls):
        page = _page(at)
        if page is None:
            at = at.model_copy(update={"key": "", "version": ""})
            continue
        for each in page.get("Versions", ()):
            if at.since <= each["LastModified"] < until and parse_object_key(each["Key"]):
                found[Version(bucket(), each["Key"], each["VersionId"], each["Size"])] = None
        if page.get("IsTruncated"):
            at = _moved_on(at, page)
            continue
        at = Checkpoint(began=now, since=at.began - OVERLAP)
        ends += 1
        if not start.key or ends > 1:
            break
    return list(found), at


def _moved_on(at: Checkpoint, page: dict[str, Any]) -> Checkpoint:
    """The checkpoint after a page; skips our reports, which can be many and are no files."""
    key, version = page["NextKeyMarker"], page.get("NextVersionIdMarker", "")
    if key.startswith(_RESULTS):
        key, version = _BEHIND_RESULTS, ""
    return at.model_copy(update={"key": key, "version": version})


def _page(at: Checkpoint) -> dict[str, Any] | None:
    """The versions after a checkpoint; None if its version no longer exists in S3."""
    markers: Any = {}
    if at.key:
        markers["KeyMarker"] = at.key
    if at.version:
        markers["VersionIdMarker"] = at.version
    try:
        page: Any = client().list_object_versions(Bucket=bucket(), **markers)
    except ClientError as error:
        if at.version and error.response["Error"]["Code"] == "InvalidArgument":
            return None
        raise
    return dict(page)

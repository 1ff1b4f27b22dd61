"""A rolling listing of the uploads bucket: a few calls a run, from where the last run stopped.

A cycle goes once through all versions of all objects, in the order of their keys. A checkpoint in
the table Imports says how far it is. What comes behind the checkpoint is seen by the next cycle:
a cycle looks at every version that is younger than the beginning of the cycle before it, less
`OVERLAP`. So no version is missed, however long a cycle takes, and a run that is lost or doubled
does no harm: what is found is announced before the checkpoint moves.

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
from shared.store.import_jobs import TABLE, Version
from shared.store.uploads import bucket, client

OVERLAP = timedelta(days=2)
"""S3 dates an object that came in parts by when its upload began; the bucket's lifecycle aborts
uploads after two days."""

_KEY = ("sweep#", "listing")
_RESULTS = "_results/"
_BEHIND_RESULTS = "_results0"
"""`0` is the character behind `/`, so this is in front of every key that is behind our reports."""


class Checkpoint(BaseModel, frozen=True, extra="ignore"):
    """How far a cycle is: the last key and version that were listed; empty at its beginning."""

    began: datetime
    """When this cycle began."""
    since: datetime
    """Older versions were looked at by an earlier cycle."""
    key: str = ""
    version: str = ""
    revision: int = 0


def read_checkpoint(now: datetime) -> Checkpoint:
    """Where the last run stopped; without one, the beginning of a cycle."""
    item = dynamo.get(TABLE, _KEY)
    return Checkpoint.model_validate(item) if item else Checkpoint(began=now, since=now - OVERLAP)


def write_checkpoint(after: Checkpoint, before: Checkpoint) -> bool:
    """False if another run has moved it meanwhile; then that one's stays."""
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
    """Files to import that are older than `until`, by so many calls at most; where to go on.

    A bucket that needs no more calls is listed wholly, once.
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
    """The checkpoint behind a page, and behind our reports: there may be many, and no files."""
    key, version = page["NextKeyMarker"], page.get("NextVersionIdMarker", "")
    if key.startswith(_RESULTS):
        key, version = _BEHIND_RESULTS, ""
    return at.model_copy(update={"key": key, "version": version})


def _page(at: Checkpoint) -> dict[str, Any] | None:
    """The versions behind a checkpoint; None if S3 does not know its version any more."""
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

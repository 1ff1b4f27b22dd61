"""Import files that are in the bucket and have no job yet.

S3 notifies ImportCsv of each new file. If that event was lost, or came before the company had an
API key, the sweeper notifies ImportCsv again. ImportCsv makes one job of a version, no matter how
many notifications it gets. Each function yields the versions that it has announced.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from shared.import_job import ImportJob
from shared.store import unknown_files
from shared.store.access import has_api_key
from shared.store.executions import announce
from shared.store.listing import list_versions, read_checkpoint, write_checkpoint
from shared.store.object_claims import Version, claimed, unclaimed
from shared.store.uploads import find_upload

EVENT_TAKES = timedelta(minutes=2)
SWEPT_EVERY = timedelta(minutes=5)
MOST_LISTINGS = 20
"""Calls a run, each for 1,000 versions: so a bucket of up to 20,000 versions is listed wholly in
each run, and a million versions take some four hours."""
MOST_LOOKED_UP = 200
MOST_COMPANIES = 100
MOST_FILES = 200
_READERS = 8


def announce_uploads(waiting: Sequence[ImportJob], now: datetime) -> Iterator[Version]:
    """Find the uploaded files of waiting jobs at their keys; jobs take turns if many wait."""
    due = [job for job in waiting if job.created_at < now - EVENT_TAKES]
    if len(due) > MOST_LOOKED_UP:
        turn = int(now.timestamp() // SWEPT_EVERY.total_seconds()) * MOST_LOOKED_UP % len(due)
        due = [*due[turn:], *due[:turn]][:MOST_LOOKED_UP]
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(find_upload, due))
    yield from _announced(version for version in found if version is not None)


def announce_dropped(now: datetime) -> Iterator[Version]:
    """Find files that were put into the bucket, by a listing that continues the last run.

    The checkpoint moves after all versions are announced, so a failed run is repeated.
    """
    start = read_checkpoint(now)
    versions, end = list_versions(start, now=now, until=now - EVENT_TAKES, calls=MOST_LISTINGS)
    yield from _announced(unknown_files.without_kept(unclaimed(versions)))
    write_checkpoint(end, start)


def announce_known() -> Iterator[Version]:
    """Announce recorded files whose company has an API key now."""
    for company in unknown_files.companies(MOST_COMPANIES):
        if not has_api_key(company):
            continue
        for version in unknown_files.files_of(company, MOST_FILES):
            if claimed(version):
                unknown_files.forget(version)
            else:
                yield from _announced([version])


def _announced(versions: Iterable[Version]) -> Iterator[Version]:
    for version in versions:
        announce(version)
        yield version

"""Export jobs: files with all records of a kind, written in parts, and their states.

A worker holds a lease, reads records in the order of their list, and uploads a part of the file. It
then stores in one transaction the part and the position after it, the checkpoint. A worker that
runs again continues there.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shared.errors import Conflict, Refused
from shared.import_job import FileFault, Kind, state_words
from shared.values import Company

type ExportState = Literal["queued", "running", "succeeded", "failed", "cancelled"]

ENDED: frozenset[ExportState] = frozenset({"succeeded", "failed", "cancelled"})
KEPT = timedelta(days=7)
"""How long a file is kept; the bucket's lifecycle rule deletes it after as many days."""
MOST_UNFINISHED = 10
"""Exports of a company that run or wait at the same time."""
MOST_RESTARTS = 3
"""How often an attempt begins the file again because S3 lost or replaced a part."""
STEP = 5_000
"""Records that are read at once, and after which a worker checks that it may continue."""
LEAST_PART = 5 * 1024**2
"""Bytes that S3 requires of every part except the last."""

_PART, _LARGE_PART = 8 * 1024**2, 32 * 1024**2
_FIRST_LARGE = 1_000

_NEXT: dict[ExportState, frozenset[ExportState]] = {
    "queued": frozenset({"running", "failed", "cancelled"}),
    "running": frozenset({"running", "succeeded", "failed", "cancelled"}),
    "failed": frozenset({"queued"}),
    "succeeded": frozenset(),
    "cancelled": frozenset(),
}


class ExportJob(BaseModel, frozen=True, extra="ignore"):
    """One export: its filters, its lease, and its checkpoint."""

    number: Annotated[int, Field(ge=1)]
    company: Company
    kind: Kind
    state: ExportState = "queued"
    product: str | None = None
    """The short code of the product whose licenses are exported."""
    product_id: int | None = None
    customer: int | None = None
    created_at__gte: datetime | None = None
    created_at__lt: datetime | None = None
    external_id: str | None = None
    requested_by: str
    """The prefix of an API key."""
    correlation_id: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heartbeat_at: datetime
    attempts: int = 1
    runner: str | None = None
    """The token of the lease: only the worker that holds it writes the job."""
    as_of: datetime | None = None
    """Records that were created later are not exported."""
    generation: int = 0
    """How often the file was begun; parts of earlier generations are not used."""
    restarts: int = 0
    """How often this attempt began the file again."""
    upload_id: str | None = None
    parts: int = 0
    place: str = ""
    """The checkpoint: the list entry of the last record in a stored part."""
    last_id: int = 0
    """The checkpoint: the id of the last record in a stored part."""
    records: int = 0
    """Records in stored parts, with those that are left out."""
    rows: int = 0
    """Rows in stored parts, without the header."""
    left_out: int = 0
    """Licenses that a file can't name, or features of licenses without a key."""
    size: int = 0
    """Bytes of stored parts."""
    reading: int = 0
    """Records that the worker has read since the checkpoint."""
    total: int | None = None
    """Records in the lists when the export began; None if there are too many to count."""
    completing: bool = False
    """Whether all parts are stored, and S3 is joining them: it can't be cancelled any more."""
    refusal: FileFault | None = None
    revision: int = 1

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED

    @property
    def expires_at(self) -> datetime | None:
        """When the file is deleted; None if there is none."""
        if self.state != "succeeded" or self.finished_at is None:
            return None
        return self.finished_at + KEPT

    @property
    def part_bytes(self) -> int:
        """The bytes of the next part: S3 allows 10,000 parts, which hold 310 GB."""
        return _PART if self.parts < _FIRST_LARGE else _LARGE_PART

    @property
    def file_name(self) -> str:
        return f"{self.kind}-export-{self.number}.csv"


class ExportProgress(BaseModel, frozen=True):
    """The progress of an export."""

    records_done: int
    records_total: int | None = Field(
        description="Counted when the export starts; null before, and if there are too many."
    )
    percent: int | None


class WrongExportState(Conflict):
    """The export's state does not allow this."""

    def __init__(self, job: ExportJob, wanted: str) -> None:
        is_completing = job.completing and job.state == "running"
        is_so = "is being completed" if is_completing else state_words(job.state)
        super().__init__(
            "export_state",
            f"Export {job.number} {is_so}: it {wanted}",
            field="state",
            value=job.state,
        )


class ExportExpired(Refused):
    """The file of an export was deleted."""

    status = 410

    def __init__(self, job: ExportJob) -> None:
        super().__init__(
            "export_expired",
            f"The file of export {job.number} was deleted {KEPT.days} days after the export:"
            " start another export",
        )


def transition(job: ExportJob, state: ExportState, *, now: datetime, **changes: Any) -> ExportJob:
    """Change the state of an export. Raises WrongExportState if `_NEXT` does not allow it."""
    if state not in _NEXT[job.state]:
        raise WrongExportState(job, f"can't be {state}")
    times: dict[str, Any] = {"heartbeat_at": now}
    if state == "running":
        times["started_at"] = job.started_at or now
    if state in ENDED:
        times |= {"finished_at": now, "runner": None, "reading": 0}
    return job.model_copy(update={**times, "state": state, **changes})


def claim(job: ExportJob, token: str, now: datetime) -> ExportJob:
    """Give a worker the lease of an export, which another one may have had.

    Returns the job itself if it has ended.
    """
    if job.is_ended:
        return job
    as_of = job.as_of or now
    return transition(job, "running", now=now, runner=token, as_of=as_of, reading=0)


def cancel(job: ExportJob, now: datetime) -> ExportJob:
    """Cancel an export; a file that S3 is joining is finished instead. Raises WrongExportState."""
    if job.state == "cancelled":
        return job
    if job.completing:
        raise WrongExportState(job, "can't be cancelled")
    return transition(job, "cancelled", now=now)


def retry(job: ExportJob, now: datetime) -> ExportJob:
    """Queue a failed export again; it continues after its last part. Raises WrongExportState."""
    if job.state != "failed":
        raise WrongExportState(job, "can't be retried")
    return transition(
        job,
        "queued",
        now=now,
        attempts=job.attempts + 1,
        restarts=0,
        refusal=None,
        finished_at=None,
    )


def restart(job: ExportJob, now: datetime) -> ExportJob:
    """Begin the file again, because S3 has lost or replaced a part of it."""
    return job.model_copy(
        update={
            "as_of": now,
            "generation": job.generation + 1,
            "restarts": job.restarts + 1,
            "upload_id": None,
            "parts": 0,
            "place": "",
            "last_id": 0,
            "records": 0,
            "rows": 0,
            "left_out": 0,
            "size": 0,
            "reading": 0,
            "total": None,
            "completing": False,
        }
    )


def progress(job: ExportJob) -> ExportProgress:
    """The progress of an export, up to the last heartbeat of its worker."""
    done, total = job.records + job.reading, job.total
    if job.state == "succeeded":
        return ExportProgress(records_done=done, records_total=done, percent=100)
    percent = None if total is None else min(99, 100 * done // max(total, 1))
    return ExportProgress(records_done=done, records_total=total, percent=percent)

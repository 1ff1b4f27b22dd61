"""Imports: a file that becomes records, the job that does so, and what each of its chunks did.

A job's `state` moves along `_NEXT` and nowhere else; a state in `ENDED` is left by a retry alone.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Self

import orjson
from pydantic import BaseModel, Field

from shared.errors import Conflict
from shared.values import Company

type Kind = Literal["licenses", "customers", "license-features"]
type OnError = Literal["skip_row", "reject_all"]
type ChosenEncoding = Literal["utf-8", "windows-1252"]
type UnknownColumns = Literal["check", "ignore"]
type State = Literal[
    "awaiting_upload",
    "queued",
    "validating",
    "running",
    "succeeded",
    "completed_with_errors",
    "failed",
    "rejected",
    "cancelled",
]
type Status = Literal["pending", "running", "success", "error"]

KINDS: tuple[Kind, ...] = ("licenses", "customers", "license-features")
ENDED: frozenset[State] = frozenset(
    {"succeeded", "completed_with_errors", "failed", "rejected", "cancelled"}
)
COUNTERS: Mapping[Kind, tuple[str, ...]] = {
    "licenses": (
        "created_customers_count",
        "existed_customers_count",
        "created_orders_count",
        "existed_orders_count",
        "created_licenses_count",
        "existed_licenses_count",
    ),
    "customers": ("created_customers_count", "existed_customers_count"),
    "license-features": ("created_license_features", "existed_license_features"),
}
"""The published counters of each kind, beside `total_row_count` and `valid_row_count`."""
MOST_ATTEMPTS = 3
"""How often a job is begun without a person asking for it."""

_BEGUN: frozenset[State] = frozenset({"validating", "running"})
_NEXT: Mapping[State, frozenset[State]] = {
    "awaiting_upload": frozenset({"queued", "failed", "cancelled"}),
    "queued": _BEGUN | ENDED | {"queued"},
    "validating": _BEGUN | ENDED | {"queued"},
    "running": _BEGUN | ENDED | {"queued"},
    "failed": frozenset({"queued"}),
    "cancelled": frozenset({"queued"}),
    "succeeded": frozenset(),
    "completed_with_errors": frozenset(),
    "rejected": frozenset(),
}
_STATUS: Mapping[State, Status] = {
    "awaiting_upload": "pending",
    "queued": "pending",
    "validating": "running",
    "running": "running",
    "succeeded": "success",
}
_KEY = re.compile(
    r"(?P<company>[a-z0-9][a-z0-9-]{0,39})/(?P<kind>licenses|customers|license-features)/"
    r"(?:job-(?P<number>[1-9][0-9]{0,9})/)?(?P<name>.*\.(?i:csv))",
    re.DOTALL,
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class FileFault(BaseModel, frozen=True):
    """Why a file was not imported at all, or not to its end."""

    code: str
    message: str
    line: int | None = None
    column: str | None = None


class ImportJob(BaseModel, frozen=True, extra="ignore"):
    """One version of one file on its way into the records of a company."""

    number: Annotated[int, Field(ge=1)]
    company: Company
    kind: Kind
    state: State
    file_name: str
    """As its sender calls it; for people, never a path."""
    bucket: str
    key: str
    version_id: str | None = None
    """None until the object is there; every read pins it."""
    size: int | None = None
    upload_id: str | None = None
    """Of the multipart upload that brings the file; None until its first part is asked for."""
    dry_run: bool = False
    on_error: OnError = "skip_row"
    external_id: str | None = None
    encoding: ChosenEncoding | None = None
    """As requested; what the file turned out to be is in `detected`."""
    unknown_columns: UnknownColumns = "check"
    """Whether a column that may be a misspelled one stops the import before it writes."""
    corrects: int | None = None
    """The import whose failed rows this file corrects."""
    corrected_by: tuple[int, ...] = ()
    """The newest imports that correct failed rows of this one; some may never have been made."""
    requested_by: str = "s3"
    """The prefix of an API key, or `s3` for a file that was dropped."""
    correlation_id: str | None = None
    """Of the request that asked for it, or the event that told of its file; in all log lines."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heartbeat_at: datetime
    """When it was last heard of: queued, begun, or at work."""
    runner: str | None = None
    """Token of whoever runs it; another may not write for it."""
    attempts: int = 1
    execution_arn: str | None = None
    file_sha256: str | None = None
    detected: dict[str, Any] | None = None
    rows: int | None = None
    chunks: int | None = None
    refusal: FileFault | None = None
    counts: dict[str, int] = {}
    """When finished: `total_row_count`, `valid_row_count`, those in `COUNTERS`, `warnings`.

    Of a job that stopped, when no worker writes any more, with `rows_done`: how many rows that is.
    """
    failed_rows: bool = False
    """Whether there is a failed.csv."""
    revision: int = 1

    @property
    def status(self) -> Status:
        """The published word for the state."""
        return _STATUS.get(self.state, "error")

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED

    @property
    def is_stopped(self) -> bool:
        """Whether it ended before its last row, after its first could be written."""
        return self.state in ("failed", "cancelled") and self.rows is not None

    @property
    def is_stopping(self) -> bool:
        """Whether it stopped and is not counted yet: rows in flight may still be written."""
        return self.is_stopped and not self.counts


class BatchResult(BaseModel, frozen=True, extra="ignore"):
    """What became of one range of the file; a later attempt at the range replaces it whole.

    `report` names the object with the details, which are of this very run: so the two never differ.
    """

    index: int
    attempt: int = 0
    """Of the job, when the range was run."""
    report: str | None = None
    phase: Literal["validate", "write"] = "write"
    """`validate` is the first of the two passes of `reject_all`."""
    rows: int = 0
    valid: int = 0
    invalid: int = 0
    created_licenses: int = 0
    existed_licenses: int = 0
    order_rows: int = 0
    customer_rows: int = 0
    created_features: int = 0
    existed_features: int = 0
    warnings: int = 0
    named: int = 0
    """Rows in the report that are compared with other batches."""
    compared: bool = False
    """Whether its rows were compared with those of earlier batches: an older run may come late."""


class Progress(BaseModel, frozen=True):
    """How far a job is; of `reject_all`, how far in the pass that its state names."""

    rows_done: int
    rows_total: int | None = Field(description="Null until the whole file was looked at.")
    percent: int | None


class ObjectKey(NamedTuple):
    """What the key of an object in the uploads bucket says."""

    company: str
    kind: Kind
    number: int | None
    """Of the job that asked for it; None for a file that was dropped."""
    file_name: str


class WrongState(Conflict):
    """The job is in a state from which this does not lead anywhere."""

    def __init__(self, job: ImportJob, wanted: str) -> None:
        super().__init__(
            "import_state",
            f"Import {job.number} is {job.state}: it can't be {wanted}".replace("_", " "),
            field="state",
            value=job.state,
        )
        self.state = job.state


class FileGone(Conflict):
    """An object that an import reads is not there, so that no attempt can get further."""

    @classmethod
    def deleted(cls, job: ImportJob) -> Self:
        return cls(
            "file_gone",
            f"{job.file_name} (version {job.version_id} of {job.key}) was deleted from the bucket,"
            " or has expired. Import the file again.",
        )

    @classmethod
    def archived(cls, job: ImportJob, storage_class: str) -> Self:
        return cls(
            "file_archived",
            f"{job.file_name} (version {job.version_id} of {job.key}) is archived as"
            f" {storage_class}. Restore it in S3 and retry, or import the file again.",
        )

    @classmethod
    def results(cls, name: str) -> Self:
        return cls(
            "results_gone",
            f"{name}, which an earlier step of the import wrote, was deleted from the bucket, or"
            " has expired. Retry the import.",
        )

    @property
    def refusal(self) -> FileFault:
        """As the reason why a job ended."""
        return FileFault(code=self.code, message=self.message)


def transition(job: ImportJob, state: State, *, now: datetime, **changes: Any) -> ImportJob:
    """The job in its next state, one revision on, with the times that go with the state.

    To the state that it is in already is a move too, except from one in which it ended. Raises
    WrongState where `_NEXT` knows no way.
    """
    if state not in _NEXT[job.state]:
        raise WrongState(job, state)
    times: dict[str, Any] = {"heartbeat_at": now}
    if state in _BEGUN:
        times["started_at"] = job.started_at or now
    if state in ENDED:
        times |= {"started_at": job.started_at or now, "finished_at": now}
    return job.model_copy(update={**times, "state": state, "revision": job.revision + 1, **changes})


def requeue(job: ImportJob, *, now: datetime) -> ImportJob:
    """The job to be run once more: whoever runs it now has lost it, and it has no outcome."""
    if job.version_id is None:
        raise WrongState(job, "run: its file never came")
    return transition(
        job,
        "queued",
        now=now,
        attempts=job.attempts + 1,
        runner=None,
        refusal=None,
        started_at=None,
        finished_at=None,
        counts={},
        failed_rows=False,
    )


def progress(job: ImportJob, results: Iterable[BatchResult]) -> Progress:
    """Sums what the chunks say of the pass that the job is in."""
    if job.counts:
        done = job.counts.get("rows_done", job.counts.get("total_row_count", 0))
    else:
        two_passes = job.on_error == "reject_all"
        phase = "validate" if two_passes and job.state == "validating" else "write"
        done = sum(each.rows for each in results if each.phase == phase)
    total = job.rows
    if total is None:
        return Progress(rows_done=done, rows_total=None, percent=100 if job.is_ended else None)
    done = min(done, total)
    percent = 100 * done // total if total else 100 * job.is_ended
    return Progress(rows_done=done, rows_total=total, percent=percent)


def counters(job: ImportJob, results: Iterable[BatchResult]) -> dict[str, int]:
    """The published counters of a job that ended.

    While an import that stopped has rows in flight, these are what its batches know by themselves:
    rows, licenses and features. Distinct customers and orders are counted at the end. An import
    that was rejected carried out no row.
    """
    names = ("total_row_count", "valid_row_count", *COUNTERS[job.kind])
    counted = job.counts
    if job.state == "rejected":
        counted = {name: counted.get(name, 0) for name in names[:2]}
    if not counted and job.state in ("failed", "cancelled") and not job.dry_run:
        done = [each for each in results if each.phase == "write"]
        counted = {
            "total_row_count": job.rows or 0,
            "valid_row_count": sum(each.valid for each in done),
            "created_licenses_count": sum(each.created_licenses for each in done),
            "existed_licenses_count": sum(each.existed_licenses for each in done),
            "created_license_features": sum(each.created_features for each in done),
            "existed_license_features": sum(each.existed_features for each in done),
        }
    return {name: counted.get(name, 0) for name in names}


def warned_rows(job: ImportJob, results: Iterable[BatchResult]) -> int:
    """How many rows of a job that ended were imported with warnings."""
    counted = sum(each.warnings for each in results)
    return job.counts.get("warnings", 0) if job.counts else counted


def parse_object_key(key: str) -> ObjectKey | None:
    """Whose file an object is, and of which kind; None for one that is no import."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    (kind,) = (kind for kind in KINDS if kind == found["kind"])
    number = int(found["number"]) if found["number"] else None
    return ObjectKey(found["company"], kind, number, shown_name(found["name"]))


def upload_key(company: str, kind: Kind, number: int, file_name: str) -> str:
    """Where the object of a job that asked for it is to be; it ends in `.csv` whatever it is."""
    safe = _UNSAFE.sub("_", file_name)[-100:].lstrip("._") or "import"
    return f"{company}/{kind}/job-{number}/{safe.removesuffix('.csv')}.csv"


def shown_name(file_name: str) -> str:
    """A file name as people may see it: no directories, no control characters, at most 255."""
    last = re.split(r"[/\\]", file_name)[-1]
    return _CONTROL.sub("", last).strip()[:255]


def request_fingerprint(request: Mapping[str, Any]) -> str:
    """The same for two requests that ask for the same."""
    return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()

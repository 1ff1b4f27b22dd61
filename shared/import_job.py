"""Import jobs: their states and transitions, and the results of their batches.

A job's state changes only as `_NEXT` allows; a job leaves a state in `ENDED` only by a retry.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self, TypedDict

import orjson
from pydantic import BaseModel, Field

from shared.day_order import Dates
from shared.errors import Conflict
from shared.values import Company

type Kind = Literal["licenses", "customers", "license-features"]
type OnError = Literal["skip_row", "reject_all"]
type ChosenEncoding = Literal["utf-8", "windows-1252"]
type UnknownColumns = Literal["check", "ignore"]
type OnExisting = Literal["keep", "update", "refuse"]
type OnMissing = Literal["create", "refuse"]
type Keys = Literal["require", "generate"]
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
MOST_ATTEMPTS = 3
"""How often a job is started without a request by a user."""

PLAN_VALID = timedelta(days=7)
"""How long after a dry run its plan can be committed."""

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
    r"(?:job-(?P<number>[1-9][0-9]{0,9})/|@(?P<mapping>[^/]*)/)?(?P<name>.*\.(?i:csv))",
    re.DOTALL,
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class FileFault(BaseModel, frozen=True):
    """The reason why a file was not imported, or not completely."""

    code: str
    message: str
    line: int | None = None
    column: str | None = None
    suggested: dict[str, str] = {}
    """Columns that unknown headers of the file may mean, in the form of a mapping's `columns`."""


class Requester(TypedDict):
    """The fields of a job that say which request has created it."""

    requested_by: str
    requested_by_name: str
    correlation_id: str


class ImportJob(BaseModel, frozen=True, extra="ignore"):
    """The import of one version of a file."""

    number: Annotated[int, Field(ge=1)]
    company: Company
    kind: Kind
    state: State
    file_name: str
    """The file name for people, as the caller named it; never a path."""
    bucket: str
    key: str
    version_id: str | None = None
    """The object version that every read is pinned to; None until the object exists."""
    size: int | None = None
    upload_id: str | None = None
    """The multipart upload of the file; None until links to its parts are requested."""
    dry_run: bool = False
    on_error: OnError = "skip_row"
    external_id: str | None = None
    encoding: ChosenEncoding | None = None
    """The requested encoding; the actual one is in `detected`."""
    unknown_columns: UnknownColumns = "check"
    """Whether a column that is probably misspelled stops the import before it writes."""
    dates: Dates = "iso"
    """The order of day, month and year in the file's dates."""
    mapping: str | None = None
    """The SHA-256 of the mapping of the file's columns, which is stored by it."""
    mapping_name: str | None = None
    """The saved mapping that it was, when the job began."""
    on_existing: OnExisting = "keep"
    """The result of a row whose record exists: unchanged, updated, or an error."""
    on_missing: OnMissing = "create"
    """The result of a row whose record does not exist: created, or an error."""
    keys: Keys = "require"
    """The result of a license row without a key: an error, or a license with a generated key."""
    key_seed: Annotated[str | None, Field(repr=False)] = None
    """The secret from which keys are generated: 32 random bytes in hexadecimal form."""
    corrects: int | None = None
    """The import whose failed rows this file corrects."""
    undoes: int | None = None
    """The import that this job undoes; see `shared.import_undo`."""
    undone_by: int | None = None
    """The job that undoes this import; it can't be retried then."""
    quiet_since: datetime | None = None
    """Of an undo: when an import of the company changed for the last time before it began."""
    corrected_by: tuple[int, ...] = ()
    """The newest imports that correct failed rows of this one; some of them may not exist."""
    requested_by: str = "s3"
    """The prefix of an API key, or `s3` for a file that was put into the bucket."""
    requested_by_name: str = ""
    """The name of the API key."""
    planned_by: int | None = None
    """The dry run whose plan this import commits."""
    plan_hash: str | None = None
    """Of a dry run that has finished: what a commit must name, see `plan_hash_of`."""
    committed_by: int | None = None
    """The import that commits the plan of this dry run."""
    correlation_id: str | None = None
    """The id of the request or event that created the job; in all log lines."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    heartbeat_at: datetime
    """When the job was last queued, started, or reported to be running."""
    runner: str | None = None
    """The token of the lease: only the execution that holds it can change the job."""
    attempts: int = 1
    execution_arn: str | None = None
    file_sha256: str | None = None
    detected: dict[str, Any] | None = None
    rows: int | None = None
    chunks: int | None = None
    planned_in: int = 0
    """The attempt that planned the file. A redriven execution keeps the plan and its results."""
    writing_began: bool = False
    """Whether the second pass of `reject_all` has begun, in this attempt or an earlier one."""
    refusal: FileFault | None = None
    counts: dict[str, int] = {}
    """When finished: `total_row_count`, `valid_row_count`, the counters in `COUNTERS` and
    `OWN_COUNTERS`, `warnings`.

    For a job that stopped midway, counted once no worker can write any more, and with `rows_done`.
    """
    failed_report: str | None = None
    """The report of the failed rows that the end of this run wrote; None if no row failed.

    Each end writes its own, so that a worker that ends late replaces no other run's rows.
    """
    revision: int = 1

    @property
    def status(self) -> Status:
        """LicenseSpring's word for the state."""
        return _STATUS.get(self.state, "error")

    @property
    def plan_expires_at(self) -> datetime | None:
        """When the plan of a dry run can no longer be committed; None without a plan."""
        is_planned = self.plan_hash is not None and self.finished_at is not None
        return self.finished_at + PLAN_VALID if is_planned and self.finished_at else None

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED

    @property
    def is_stopped(self) -> bool:
        """Whether the job failed or was cancelled after it may have written rows."""
        return self.state in ("failed", "cancelled") and self.rows is not None

    @property
    def is_stopping(self) -> bool:
        """Whether the job has stopped but is not counted: rows in flight may still be written."""
        return self.is_stopped and not self.counts


class ObjectKey(NamedTuple):
    """The parts of an object's key in the uploads bucket."""

    company: str
    kind: Kind
    number: int | None
    """The job that the object was uploaded for; None for a file that was put into the bucket."""
    file_name: str
    mapping: str | None = None
    """The saved mapping that the folder of the object names."""


_STATE_WORDS: Mapping[str, str] = {
    "succeeded": "has succeeded",
    "completed_with_errors": "has completed with errors",
    "failed": "has failed",
    "rejected": "was rejected",
    "cancelled": "was cancelled",
}


def state_words(state: str) -> str:
    """A job's state as a message says it, such as `has failed` or `is running`."""
    return _STATE_WORDS.get(state) or f"is {state.replace('_', ' ')}"


class WrongState(Conflict):
    """The job's state does not allow this transition."""

    def __init__(self, job: ImportJob, wanted: str, why: str = "") -> None:
        is_so = f"{state_words(job.state)}{', and ' if why else ''}{why}"
        super().__init__(
            "import_state",
            f"Import {job.number} {is_so}: it can't be {wanted.replace('_', ' ')}",
            field="state",
            value=job.state,
        )
        self.state = job.state


class FileGone(Conflict):
    """An object that an import reads does not exist, so retrying can't succeed."""

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
        """The reason as it is stored on the job."""
        return FileFault(code=self.code, message=self.message)


def transition(job: ImportJob, state: State, *, now: datetime, **changes: Any) -> ImportJob:
    """Change the state of a job: the job with the next revision and the state's timestamps.

    A transition to the current state is valid too, unless the job has ended. Raises WrongState if
    `_NEXT` does not allow the transition.
    """
    if state not in _NEXT[job.state]:
        raise WrongState(job, state)
    times: dict[str, Any] = {"heartbeat_at": now}
    if state in _BEGUN:
        times["started_at"] = job.started_at or now
    if state in ENDED:
        times |= {"started_at": job.started_at or now, "finished_at": now}
    return job.model_copy(update={**times, "state": state, "revision": job.revision + 1, **changes})


READING = (
    *("encoding", "unknown_columns", "dates", "mapping", "mapping_name"),
    *("on_existing", "on_missing", "keys"),
)
"""The options that decide what the rows of a file mean."""


def same_file(job: ImportJob) -> dict[str, Any]:
    """The fields of another job that reads the same version of a file in the same way.

    It generates the same keys.
    """
    file = ("company", "kind", "file_name", "bucket", "key", "version_id", "size")
    return {name: getattr(job, name) for name in (*file, *READING, "key_seed")}


def plan_hash_of(job: ImportJob, catalog: str, results: Sequence[str]) -> str:
    """The hash of a plan: of the file's version and content, its options, catalog and rows.

    `catalog` is the SHA-256 of the pinned catalog, `results` are those of the row results in order.
    """
    options = {name: getattr(job, name) for name in ("kind", "on_error", *READING)}
    of = [
        *(job.bucket, job.key, job.version_id, job.file_sha256, options, job.undoes),
        catalog,
        results,
    ]
    return hashlib.sha256(orjson.dumps(of, option=orjson.OPT_SORT_KEYS)).hexdigest()


def requeue(job: ImportJob, *, now: datetime) -> ImportJob:
    """Queue a job again: its lease ends, and its outcome is cleared."""
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
        failed_report=None,
        plan_hash=None,
    )


def parse_object_key(key: str) -> ObjectKey | None:
    """Parse the key of an object; None if it is not the key of an import file."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    (kind,) = (kind for kind in KINDS if kind == found["kind"])
    number = int(found["number"]) if found["number"] else None
    return ObjectKey(found["company"], kind, number, shown_name(found["name"]), found["mapping"])


def upload_key(company: str, kind: Kind, number: int, file_name: str) -> str:
    """The key to which the file of a job is uploaded; it always ends in `.csv`."""
    safe = _UNSAFE.sub("_", file_name)[-100:].lstrip("._") or "import"
    return f"{company}/{kind}/job-{number}/{safe.removesuffix('.csv')}.csv"


def shown_name(file_name: str) -> str:
    """Sanitize a file name: no directories, no control characters, at most 255 characters."""
    last = re.split(r"[/\\]", file_name)[-1]
    return _CONTROL.sub("", last).strip()[:255]


def new_key_seed() -> str:
    """A new `key_seed`. A job keeps it, so that each run gives a row the same key."""
    return secrets.token_hex(32)


def request_fingerprint(request: Mapping[str, Any]) -> str:
    """The fingerprint of a request, which is equal for equivalent requests."""
    return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()

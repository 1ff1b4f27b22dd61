"""Import jobs: their states and transitions, and the results of their batches.

A job's state changes only as `_NEXT` allows; a job leaves a state in `ENDED` only by a retry.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
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
"""LicenseSpring's counters by kind, in addition to `total_row_count` and `valid_row_count`."""
OWN_COUNTERS: Mapping[Kind, tuple[str, ...]] = {
    "licenses": ("updated_licenses_count", "unchanged_licenses_count"),
    "customers": ("updated_customers_count", "unchanged_customers_count"),
    "license-features": ("updated_license_features", "unchanged_license_features"),
}
"""Our own counters by kind, whose sum is the number of existing records."""
UNDO_COUNTERS: Mapping[Kind, tuple[str, ...]] = {
    "licenses": (
        *("reverted_licenses_count", "reverted_orders_count", "reverted_customers_count"),
        *("kept_licenses_count", "kept_orders_count", "kept_customers_count"),
    ),
    "customers": ("reverted_customers_count", "kept_customers_count"),
    "license-features": ("reverted_license_features", "kept_license_features"),
}
"""The counters of an undo by kind; in addition, `kept_because_<reason>` counts kept records."""
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


class BatchCounts(BaseModel, frozen=True):
    """The records that a batch has created or found, by kind; a `Batch` counts each of them."""

    created_licenses: int = 0
    existed_licenses: int = 0
    order_rows: int = 0
    customer_rows: int = 0
    created_features: int = 0
    existed_features: int = 0
    updated_licenses: int = 0
    updated_customers: int = 0
    updated_features: int = 0
    reverted_licenses: int = 0
    reverted_customers: int = 0
    reverted_features: int = 0
    kept_licenses: int = 0
    kept_customers: int = 0
    kept_features: int = 0


class BatchResult(BatchCounts, frozen=True, extra="ignore"):
    """The result of one batch; a later result replaces it unless its precedence is lower.

    `report` is the key of the object with the details. Each attempt has its own object, so result
    and details always belong together.
    """

    index: int
    attempt: int = 0
    """The job's attempt when the batch was run."""
    report: str | None = None
    phase: Literal["validate", "write"] = "write"
    """The pass: `validate` is the first of the two passes of `reject_all`."""
    rows: int = 0
    valid: int = 0
    invalid: int = 0
    warnings: int = 0
    named: int = 0
    """Number of rows in the report that have to be compared with other batches."""
    kept: int = 0
    """Number of records that an undo has kept."""
    compared: bool = False
    """Whether the rows were compared with earlier batches."""
    row_report: str | None = None
    """The key of the object with the results of the rows, of the same run as `report`."""
    created_rows: int = 0
    updated_rows: int = 0
    reverted_rows: int = 0
    kept_rows: int = 0
    """Rows by outcome."""

    @property
    def precedence(self) -> int:
        """Later attempts precede earlier ones; within an attempt, the second pass the first one,
        and results of rows that were compared with earlier batches those of rows that were not."""
        return 4 * self.attempt + 2 * (self.phase == "write") + self.compared


def has_outcomes(job: ImportJob, result: BatchResult) -> bool:
    """Whether the rows of a batch have outcomes other than `failed`.

    Rows that only the first pass of `reject_all` has seen were not written, unless the import is a
    dry run. Nothing of a rejected import was written.
    """
    return job.state != "rejected" and (job.dry_run or result.phase == "write")


class Progress(BaseModel, frozen=True):
    """The progress of a job; with `reject_all`, the progress of the current pass."""

    rows_done: int
    rows_total: int | None = Field(description="Null until the whole file has been read.")
    percent: int | None


class ObjectKey(NamedTuple):
    """The parts of an object's key in the uploads bucket."""

    company: str
    kind: Kind
    number: int | None
    """The job that the object was uploaded for; None for a file that was put into the bucket."""
    file_name: str
    mapping: str | None = None
    """The saved mapping that the folder of the object names."""


class WrongState(Conflict):
    """The job's state does not allow this transition."""

    def __init__(self, job: ImportJob, wanted: str, why: str = "") -> None:
        is_so = f"is {job.state}{', and ' if why else ''}{why}"
        super().__init__(
            "import_state",
            f"Import {job.number} {is_so}: it can't be {wanted}".replace("_", " "),
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


def progress(job: ImportJob, results: Iterable[BatchResult]) -> Progress:
    """Add up the batch results of the job's current pass."""
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
    """The counters of a job that has ended.

    While a stopped import has rows in flight, only rows, licenses and features are counted, from
    the batch results. Distinct customers and orders are counted at the end. A rejected import has
    created nothing.
    """
    counted = job.counts
    if job.undoes is not None:
        counted = counted or undo_counts([*results])
        names = ("total_row_count", "valid_row_count", *UNDO_COUNTERS[job.kind])
        reasons = {name: n for name, n in counted.items() if name.startswith("kept_because_")}
        return {name: counted.get(name, 0) for name in names} | reasons
    names = ("total_row_count", "valid_row_count", *COUNTERS[job.kind], *OWN_COUNTERS[job.kind])
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
        counted = with_unchanged(counted, updated_rows(done))
    return {name: counted.get(name, 0) for name in names}


def undo_counts(results: Sequence[BatchResult]) -> dict[str, int]:
    """The counts of an undo from the results of its batches, without orders and their customers."""
    rows = sum(each.rows for each in results)
    counts = {"total_row_count": rows, "valid_row_count": rows}
    for verb in ("reverted", "kept"):
        counts |= {
            f"{verb}_licenses_count": sum(getattr(each, f"{verb}_licenses") for each in results),
            f"{verb}_customers_count": sum(getattr(each, f"{verb}_customers") for each in results),
            f"{verb}_license_features": sum(getattr(each, f"{verb}_features") for each in results),
        }
    return counts


def updated_rows(results: Iterable[BatchResult]) -> tuple[int, int, int]:
    """The rows of batches that updated a license, a customer and a feature."""
    licenses = customers = features = 0
    for each in results:
        licenses += each.updated_licenses
        customers += each.updated_customers
        features += each.updated_features
    return licenses, customers, features


def with_unchanged(counts: Mapping[str, int], updated: Sequence[int]) -> dict[str, int]:
    """The counts with those in `OWN_COUNTERS`: existing records that were updated, and the others.

    `updated` are the rows that updated a license, a customer and a feature.
    """
    found = dict(counts)
    for kind, number in zip(KINDS, updated, strict=True):
        existed = counts.get(COUNTERS[kind][-1], 0)
        found |= dict(zip(OWN_COUNTERS[kind], (number, existed - number), strict=True))
    return found


def warned_rows(job: ImportJob, results: Iterable[BatchResult]) -> int:
    """The number of rows that were imported with warnings, of a job that has ended."""
    counted = sum(each.warnings for each in results)
    return job.counts.get("warnings", 0) if job.counts else counted


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

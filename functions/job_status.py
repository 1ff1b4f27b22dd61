"""HTTP API: status and results of imports, cancel and retry; exports. Trigger: API Gateway."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from functions import export_jobs
from functions.import_rows import (
    PLACES,
    START,
    AnyRow,
    ListedOutcome,
    count_of,
    errors_page,
    rows_page,
)
from functions.import_views import (
    all_at_once,
    attention_list,
    import_result,
    import_view,
    requester,
    why_ended,
)
from functions.web.api import Answer, Api, Caller, Page
from functions.web.cursors import Cursor, read_cursor
from functions.web.paging import Examined, Limit, PageQuery, either_name, page_of
from functions.web.response_size import PAGE_BYTES
from shared.access import allow
from shared.column_mapping import ColumnMapping
from shared.contract.imports import (
    CustomersResult,
    FeaturesResult,
    ImportResult,
    ImportView,
    InvalidRow,
    LicensesResult,
)
from shared.errors import NotFound
from shared.import_job import (
    ImportJob,
    Kind,
    State,
    Status,
    WrongState,
    requeue,
    state_words,
    transition,
)
from shared.store.batch_results import batch_results
from shared.store.executions import announce_job, request_results, start, stop
from shared.store.import_jobs import (
    change_job,
    claim_results,
    get_job,
    list_jobs,
    list_unfinished,
)
from shared.store.import_mappings import job_mapping
from shared.store.links import attachment, presigned_get
from shared.store.uploads import check_file, get_result, planned_results, result_size
from shared.values import Flag
from shared.workflows.import_plan import commit_plan
from shared.workflows.import_results import results_name
from shared.workflows.undo_import import (
    begin_undo,
    commit_undo,
    retry_undo,
    start_unless_held_back,
    start_waiting,
)

_MOST_INLINE = 4_000_000
"""Bytes of a file that is sent in the response, as Base64."""
_RESULTS_SECONDS = 2
"""How long a client waits before it asks for `results.csv` again."""
_REQUESTED_EVERY = timedelta(minutes=2)
"""How often the same `results.csv` is requested to be written, until it exists."""
_CSV = "text/csv; charset=utf-8"

type _AnyCase = Annotated[
    Status, BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text)
]

api = Api("Import results")


class ResultQuery(PageQuery, frozen=True, extra="forbid"):
    """Filters of imports; LicenseSpring documents both names, in upper or lower case."""

    status__iexact: _AnyCase | None = None
    status_iexact: _AnyCase | None = None


class ImportQuery(ResultQuery, frozen=True, extra="forbid"):
    """Filters of imports of all kinds."""

    kind: Kind | None = None
    state: State | None = None
    unfinished: Annotated[
        bool, Field(description="Only imports that have not ended or are still stopping.")
    ] = False
    needs_attention: Annotated[
        bool, Field(description="Only imports whose `needs_attention` is true.")
    ] = False


class ErrorsQuery(BaseModel, frozen=True, extra="forbid"):
    """The requested page of invalid rows."""

    limit: Limit = 100
    cursor: str | None = None


class UndoRequest(BaseModel):
    """How to undo an import."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"dry_run": True}}
    )

    dry_run: Annotated[Flag, Field(description="Count what would happen, and write nothing.")] = (
        False
    )


class RowsQuery(ErrorsQuery, frozen=True, extra="forbid"):
    """The requested page of rows, and their outcome."""

    outcome: Annotated[
        ListedOutcome | None,
        Field(description="The outcome of the rows in the list; all rows if it is left out."),
    ] = None


class CommitRequest(BaseModel):
    """The plan to commit."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"hash": "9f86d081…"}}
    )

    hash: Annotated[str, Field(max_length=64, description="`plan.hash` of the dry run.")]


@api.get("/api/v1/licenses-import-results/", scope="records:read", refusals=("alias_conflict",))
def list_license_imports(caller: Caller, query: ResultQuery) -> Page[ImportResult[LicensesResult]]:
    """List license imports, newest first by default, with few of their invalid rows."""
    return _listed_results(caller, query, "licenses")


@api.get("/api/v1/licenses-import-results/<id>/", scope="records:read")
def show_license_import(caller: Caller, id: int) -> ImportResult[LicensesResult]:
    """Get the result of a license import."""
    return import_result(caller, _job(caller, id, "licenses"))


@api.get("/api/v1/customers-import-results/", scope="records:read", refusals=("alias_conflict",))
def list_customer_imports(
    caller: Caller, query: ResultQuery
) -> Page[ImportResult[CustomersResult]]:
    """List customer imports, newest first by default, with few of their invalid rows."""
    return _listed_results(caller, query, "customers")


@api.get("/api/v1/customers-import-results/<id>/", scope="records:read")
def show_customer_import(caller: Caller, id: int) -> ImportResult[CustomersResult]:
    """Get the result of a customer import."""
    return import_result(caller, _job(caller, id, "customers"))


@api.get(
    "/api/v1/license-features-import-results/", scope="records:read", refusals=("alias_conflict",)
)
def list_license_feature_imports(
    caller: Caller, query: ResultQuery
) -> Page[ImportResult[FeaturesResult]]:
    """List license feature imports, newest first by default, with few of their invalid rows."""
    return _listed_results(caller, query, "license-features")


@api.get("/api/v1/license-features-import-results/<id>/", scope="records:read")
def show_license_feature_import(caller: Caller, id: int) -> ImportResult[FeaturesResult]:
    """Get the result of a license feature import."""
    return import_result(caller, _job(caller, id, "license-features"))


@api.get("/api/v1/imports/", scope="records:read", refusals=("alias_conflict",))
def list_imports(caller: Caller, query: ImportQuery) -> Page[ImportView]:
    """List imports of all kinds, newest first unless `order_by` is `created_at`."""
    return _listed(
        caller,
        query,
        query.kind,
        lambda job: import_view(caller, job),
        state=query.state,
        unfinished=query.unfinished,
        needs_attention=query.needs_attention,
    )


@api.get("/api/v1/imports/<id>/", scope="records:read")
def show_import(caller: Caller, id: int) -> ImportView:
    """Get an import, with its `progress`."""
    return import_view(caller, _job(caller, id))


@api.get("/api/v1/imports/<id>/errors/", scope="records:read")
def list_import_errors(caller: Caller, id: int, query: ErrorsQuery) -> Page[InvalidRow]:
    """List the rows that were not imported, in the order of the file."""
    job = _job(caller, id)
    results = batch_results(job.company, job.number)
    counted = sum(each.invalid for each in results) + (why_ended(job) is not None)
    cursor = read_cursor(caller, query, PLACES)
    why = None if cursor else why_ended(job)
    most = query.limit - (why is not None)
    taken, place = errors_page(job, results, cursor.place if cursor else START, most=most)
    onward = Cursor(place, counted).spelled(caller, query) if place else None
    return Page(
        limit=query.limit,
        count=counted,
        next=caller.link(limit=query.limit, cursor=onward) if onward else None,
        cursor=onward,
        results=[*([why] if why else []), *taken],
    )


@api.get("/api/v1/imports/<id>/rows/", scope="records:read")
def list_import_rows(caller: Caller, id: int, query: RowsQuery) -> Page[AnyRow]:
    """List the rows of an import with their outcome, in the order of the file.

    `created`, `updated`, `unchanged`: imported, with the ids of the records; in a dry run, what
    would happen. `failed`: not imported, with the errors. `warning`: imported with warnings.
    Of an undo, `reverted`: undone, and `kept`: not undone, for the reason that `?outcome=kept`
    gives. At most 10 warnings per row are listed, and texts are cut after 200 characters.
    """
    job = _job(caller, id)
    results = batch_results(job.company, job.number)
    cursor = read_cursor(caller, query, PLACES)
    place = cursor.place if cursor else START
    taken, place_after = rows_page(job, results, place, outcome=query.outcome, most=query.limit)
    counted = sum(count_of(job, each, query.outcome) for each in results)
    onward = Cursor(place_after, counted).spelled(caller, query) if place_after else None
    filters = {} if query.outcome is None else {"outcome": query.outcome}
    link = caller.link(**filters, limit=query.limit, cursor=onward) if onward else None
    return Page(count=counted, limit=query.limit, next=link, cursor=onward, results=taken)


@api.get("/api/v1/imports/<id>/failed.csv", scope="records:read", content_type=_CSV, moves=True)
def download_failed_rows(caller: Caller, id: int) -> Answer[str]:
    """Download the rows that were not imported, to correct them and import the file again.

    For a large file the response is a 307 with a link that expires after some minutes.
    """
    job = _job(caller, id)
    report = f"{job.failed_report}.rows"
    size = result_size(job, report) if job.failed_report else None
    if size is None:
        raise NotFound(f"Import {id} {state_words(job.state)} and has no failed rows")
    return _file(job, report, size, "failed")


@api.get(
    "/api/v1/imports/<id>/results.csv",
    scope="records:read",
    content_type=_CSV,
    moves=True,
    pends=True,
    refusals=("import_state", "file_gone", "file_archived"),
)
def download_results(caller: Caller, id: int) -> Answer[str]:
    """Download the file with the result of each row: its columns, outcome and ids.

    The file is written when it is first requested. Until then the response is a 202: repeat the
    request after `Retry-After` seconds. For a large file the response is a 307 with a link that
    expires after some minutes.
    """
    job = _job(caller, id)
    if not job.is_ended or job.is_stopping:
        raise WrongState(job, "downloaded with its results: wait for its end")
    if job.rows is None:
        raise NotFound(f"Import {id} {state_words(job.state)} and has no rows")
    report = results_name(job)
    size = result_size(job, report)
    if size is None:
        check_file(job)
        if claim_results(job, datetime.now(UTC), every=_REQUESTED_EVERY):
            request_results(job)
        return Answer("", status=202, headers={"Retry-After": str(_RESULTS_SECONDS)})
    return _file(job, report, size, "results")


def _file(job: ImportJob, report: str, size: int, what: str) -> Answer[str]:
    """The response with a report, or with a link to it if it is large."""
    name = f"{job.file_name.removesuffix('.csv')}-{what}.csv"
    if size > _MOST_INLINE:
        link = presigned_get(job, report, file_name=name, content_type=_CSV)
        return Answer("", status=307, headers={"Location": link})
    headers = {"Content-Disposition": attachment(name)}
    return Answer(get_result(job, report) or b"", headers=headers)


@api.get("/api/v1/imports/<id>/mapping/", scope="records:read")
def show_job_mapping(caller: Caller, id: int) -> ColumnMapping:
    """Get the mapping of the file's columns, as it was when the import began.

    Corrected rows have the columns of the file: import them with this mapping.
    """
    job = _job(caller, id)
    if job.mapping is None:
        raise NotFound(f"Import {id} has no mapping")
    return job_mapping(job)


@api.post("/api/v1/imports/<id>/cancel/", scope="imports:write", refusals=("import_state",))
def cancel_import(caller: Caller, id: int) -> ImportView:
    """Cancel an import that has not ended. Imported rows are kept.

    Rows in flight are still written: `stopping` is true until they are written and counted.
    """
    now = datetime.now(UTC)
    job = change_job(
        caller.company,
        id,
        lambda job: job if job.state == "cancelled" else transition(job, "cancelled", now=now),
    )
    stop(job)
    if job.is_stopping:
        announce_job(job)
    start_waiting(job)
    return import_view(caller, job)


@api.post(
    "/api/v1/imports/<id>/commit/",
    scope="imports:write",
    status=202,
    refusals=(
        *("import_state", "plan_changed", "plan_expired", "file_gone", "file_archived"),
        "import_running",
    ),
)
def commit_import(caller: Caller, id: int, request: CommitRequest) -> Answer[ImportView]:
    """Commit the plan of a dry run: import the same file version exactly as the dry run has shown.

    A row for which anything else would happen now is not written, and has the error
    `not_as_planned`; with `reject_all`, nothing is written then. The plan of an undo reverts
    nothing that its dry run has not shown as `reverted`, and also needs the scope `imports:undo`. A
    plan is committed once: a repeated request answers with the same import.
    """
    by = requester(caller)
    if _job(caller, id).undoes is not None:
        allow(caller.key.scopes, "imports:undo")
        job, is_replay = commit_undo(caller.company, id, request.hash, by)
    else:
        job, is_replay = commit_plan(caller.company, id, request.hash, by)
    if job.state == "queued":
        start(job)
    headers = {"Idempotent-Replayed": "true"} if is_replay else {}
    return Answer(import_view(caller, job), headers=headers)


@api.post(
    "/api/v1/imports/<id>/retry/",
    scope="imports:write",
    refusals=("import_state", "file_gone", "file_archived", "import_running"),
)
def retry_import(caller: Caller, id: int) -> ImportView:
    """Retry an import that failed or was cancelled; rows are never imported twice.

    Refused with `file_gone` if the version of the file was deleted, and an undo with
    `import_running` while an import of the company runs.
    """
    job, now = _job(caller, id), datetime.now(UTC)
    if job.undoes is not None and not job.dry_run and job.state in ("failed", "cancelled"):
        check_file(job)
        job = retry_undo(job)
    else:
        job = change_job(caller.company, id, lambda job: _again(job, now))
    start_unless_held_back(job)
    return import_view(caller, job)


@api.post(
    "/api/v1/imports/<id>/undo/",
    scope="imports:undo",
    status=202,
    refusals=("import_state", "nothing_to_undo", "import_running", "file_gone", "file_archived"),
)
def undo_import(caller: Caller, id: int, request: UndoRequest) -> Answer[ImportView]:
    """Undo an import: remove the records that it created, and set back those that it changed.

    What was changed or used since is kept. The response is a new import, whose `undoes` is this
    one. An import is undone once: further requests get the same response, with
    `Idempotent-Replayed: true`. With `dry_run`, nothing is written, and `counts` are those of the
    undo. No import of the company writes until the undo has ended: imports that are sent meanwhile
    wait for it.
    """
    by = requester(caller)
    undo, is_replayed = begin_undo(caller.company, id, by, dry_run=request.dry_run)
    headers = {"Location": f"{caller.base_url}/api/v1/imports/{undo.number}/"}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    if not undo.is_ended:
        announce_job(undo)
    return Answer(import_view(caller, undo), headers=headers)


def _again(job: ImportJob, now: datetime) -> ImportJob:
    if job.undone_by is not None:
        raise WrongState(job, "run again", f"import {job.undone_by} undoes it")
    if job.state not in ("failed", "cancelled"):
        raise WrongState(job, "run again")
    after = requeue(job, now=now)
    check_file(job)
    if job.execution_arn and not _is_redrivable(job):
        return after.model_copy(update={"execution_arn": None})
    return after


def _is_redrivable(job: ImportJob) -> bool:
    """Whether the job's execution can be redriven; otherwise a new execution starts.

    For the execution, chunks that stopped because the job had ended are done and never run again,
    although rows are missing. So the execution itself must have ended before. A redriven execution
    also needs the planner's manifest.
    """
    ended_first = job.refusal is not None and job.refusal.code == "import_failed"
    return ended_first and all(result_size(job, name) is not None for name in planned_results(job))


def _job(caller: Caller, number: int, kind: Kind | None = None) -> ImportJob:
    job = get_job(caller.company, number)
    if job is None or (kind is not None and (job.kind != kind or job.undoes is not None)):
        raise NotFound(f"There is no import {number}" + (f" of {kind}" if kind else ""))
    return job


def _listed_results(caller: Caller, query: ResultQuery, kind: Kind) -> Page[ImportResult[Any]]:
    most_bytes = PAGE_BYTES // query.limit
    return _listed(
        caller,
        query,
        kind,
        lambda job: import_result(caller, job, most_bytes=most_bytes),
        is_published=lambda job: job.undoes is None,
    )


def _listed[V](
    caller: Caller,
    query: ResultQuery,
    kind: Kind | None,
    view: Callable[[ImportJob], V],
    *,
    state: State | None = None,
    unfinished: bool = False,
    needs_attention: bool = False,
    is_published: Callable[[ImportJob], bool] = lambda _: True,
) -> Page[V]:
    status = either_name(query, "status__iexact", "status_iexact")

    def is_wanted(job: ImportJob) -> bool:
        has = kind in (None, job.kind) and status in (None, job.status)
        return has and state in (None, job.state) and is_published(job)

    examined = Examined()

    def place(job: ImportJob) -> str:
        return str(job.number)

    def walk(after: str | None) -> Iterator[ImportJob]:
        start, oldest_first = int(after) if after else None, query.oldest_first
        if unfinished or status in ("pending", "running"):
            jobs = list_unfinished(caller.company, after=start, oldest_first=oldest_first)
        else:
            jobs = list_jobs(caller.company, kind, after=start, oldest_first=oldest_first)
        found = filter(is_wanted, examined.first(jobs, place))
        return attention_list(found) if needs_attention else found

    return page_of(
        caller,
        query,
        walk=walk,
        place=place,
        load=lambda jobs: all_at_once(view, jobs),
        examined=examined,
    )


api.include(export_jobs.routes)

handler = api.handler

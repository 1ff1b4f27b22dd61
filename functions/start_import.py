"""HTTP API: starts imports, with a file that comes in a form or one that goes straight to S3."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from functions.import_views import RESULT_PATHS, import_fields
from functions.web.api import Answer, Api, Caller, IdempotencyKey, metrics
from functions.web.upload import Upload
from shared.columns import template
from shared.contract.imports import (
    PartLink,
    PartLinks,
    StartedImport,
    TakenImport,
    UploadForm,
    UploadParts,
)
from shared.errors import Busy, Conflict, Fault, NotFound, Refused
from shared.import_job import (
    KINDS,
    ChosenEncoding,
    ImportJob,
    Kind,
    OnError,
    UnknownColumns,
    WrongState,
    request_fingerprint,
    shown_name,
    upload_key,
)
from shared.store.import_jobs import (
    add_job,
    change_job,
    external_claim,
    get_job,
    new_number,
    note_correction,
)
from shared.store.links import (
    LARGEST_OBJECT,
    LARGEST_POST,
    abort_multipart,
    attachment,
    begin_multipart,
    link_seconds,
    parts_of,
    presigned_abort,
    presigned_complete,
    presigned_part,
    presigned_post,
)
from shared.store.retry import contended
from shared.store.uploads import bucket, put_upload
from shared.values import Flag

MOST_LINKS = 100
"""In one answer; each has some 2 KB."""
_NOTED_EVERY = timedelta(hours=1)
"""How often a job notes that its parts are still on their way."""

_ENCODING = "Detected if it is left out; a file that is valid UTF-8 is always read as that."
_UNKNOWN_COLUMNS = (
    "`check` stops before anything is written if an unknown column is similar to one that the file"
    " lacks; `ignore` leaves the column out, with a warning in `detected`."
)

api = Api("Imports")


def _file_name(text: str) -> str:
    if not (shown := shown_name(text)):
        raise ValueError("must name a file, such as licenses.csv")
    return shown


type Corrected = Annotated[
    Annotated[int, Field(ge=1, le=9_999_999_999)] | None,
    Field(description="The import of the same kind whose failed rows this file corrects."),
]


class FormQuery(BaseModel, frozen=True, extra="forbid"):
    """How to import the file of a form."""

    dry_run: Annotated[bool, Field(description="Do everything but write.")] = False
    on_error: Annotated[
        OnError, Field(description="Import the rows that are valid, or nothing if one is not.")
    ] = "skip_row"
    encoding: Annotated[ChosenEncoding | None, Field(description=_ENCODING)] = None
    unknown_columns: Annotated[UnknownColumns, Field(description=_UNKNOWN_COLUMNS)] = "ignore"
    corrects: Corrected = None


class ImportRequest(BaseModel):
    """A file that the caller is about to send to S3, and how to import it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {"kind": "licenses", "file_name": "licenses.csv", "size": 104857600}
        },
    )

    kind: Kind
    file_name: Annotated[str, Field(max_length=1000), AfterValidator(_file_name)]
    size: Annotated[
        int,
        Field(
            strict=True, ge=0, le=LARGEST_OBJECT, description="In bytes; a smaller file will do."
        ),
    ]
    dry_run: Flag = False
    on_error: OnError = "skip_row"
    external_id: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"),
        Field(description="The caller's name for this import: the same never starts two."),
    ] = None
    encoding: Annotated[ChosenEncoding | None, Field(description=_ENCODING)] = None
    unknown_columns: Annotated[UnknownColumns, Field(description=_UNKNOWN_COLUMNS)] = "check"
    corrects: Corrected = None


class PartsRequest(BaseModel):
    """The parts that the caller is about to send."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"part_numbers": [1, 2, 3]}}
    )

    part_numbers: Annotated[
        list[Annotated[int, Field(strict=True, ge=1)]],
        Field(max_length=MOST_LINKS, description="Counted from 1; none to renew the other links."),
    ]


@api.post(
    "/api/v1/licenses/import_from_csv/", scope="imports:write", refusals=("external_id_reused",)
)
def import_licenses(
    caller: Caller, upload: Upload, query: FormQuery, idempotency_key: IdempotencyKey = None
) -> Answer[TakenImport]:
    """Imports licenses from a CSV file in a form.

    `GET /api/v1/licenses-import-results/{job_id}/` tells what becomes of it.
    """
    return _take(caller, "licenses", upload, query, idempotency_key)


@api.post(
    "/api/v1/customers/import_from_csv/", scope="imports:write", refusals=("external_id_reused",)
)
def import_customers(
    caller: Caller, upload: Upload, query: FormQuery, idempotency_key: IdempotencyKey = None
) -> Answer[TakenImport]:
    """Imports customers from a CSV file in a form.

    `GET /api/v1/customers-import-results/{job_id}/` tells what becomes of it.
    """
    return _take(caller, "customers", upload, query, idempotency_key)


@api.post(
    "/api/v1/licenses/import_features_from_csv/",
    scope="imports:write",
    refusals=("external_id_reused",),
)
def import_license_features(
    caller: Caller, upload: Upload, query: FormQuery, idempotency_key: IdempotencyKey = None
) -> Answer[TakenImport]:
    """Imports features of licenses from a CSV file in a form.

    `GET /api/v1/license-features-import-results/{job_id}/` tells what becomes of it.
    """
    return _take(caller, "license-features", upload, query, idempotency_key)


@api.post(
    "/api/v1/imports/",
    scope="imports:write",
    status=202,
    refusals=("external_id_reused",),
)
def start_import(caller: Caller, request: ImportRequest) -> Answer[StartedImport]:
    """Starts an import of a file of any size.

    The file is then sent to S3 with the form answered, or in parts by the links that `parts_url`
    gives; above 5 GB, in parts only. The import begins when the file is there. The same
    `external_id` with the same request answers with the same import, and
    `Idempotent-Replayed: true`; for another request it is refused.
    """
    _check_corrected(caller, request, pointer="/corrects")
    asked = request_fingerprint(request.model_dump(mode="json"))
    job, headers = _begin(
        caller, asked, request.external_id, lambda number: _new_job(caller, number, request)
    )
    headers["Location"] = f"{caller.base_url}/api/v1/imports/{job.number}/"
    upload = _upload(caller, job, request.size) if job.state == "awaiting_upload" else None
    view = StartedImport.model_construct(**import_fields(caller, job), upload=upload)
    return Answer(view, headers=headers)


@api.post("/api/v1/imports/<id>/parts/", scope="imports:write", refusals=("import_state",))
def sign_import_parts(caller: Caller, id: int, request: PartsRequest) -> PartLinks:
    """Gives links by which the file of an import is sent to S3 in parts.

    Ask for the links of some parts, send these, and ask for the next: a link that has expired is
    replaced by asking again, and a part that is sent again takes the place of the first. When all
    parts are there, their ETags go to `complete_url`; links to no part at all renew it.
    """
    job = change_job(caller.company, id, lambda job: _awaiting(job, datetime.now(UTC)))
    size, count = parts_of(job.size or 0)
    _refuse_numbers(request.part_numbers, count)
    if job.upload_id is None:
        job = _begin_multipart(job)
    return PartLinks.model_construct(
        upload_id=str(job.upload_id),
        part_size=size,
        part_count=count,
        parts=[
            PartLink(part_number=number, url=presigned_part(job, number))
            for number in request.part_numbers
        ],
        complete_url=presigned_complete(job),
        abort_url=presigned_abort(job),
        expires_in=link_seconds(),
    )


@api.get(
    "/api/v1/import-templates/<kind>.csv",
    scope="records:read",
    content_type="text/csv; charset=utf-8",
)
def get_import_template(caller: Caller, kind: str) -> Answer[str]:
    """Gives an empty file of a kind: all its columns, and one row as an example.

    The kinds are `licenses`, `customers` and `license-features`.
    """
    if kind not in KINDS:
        raise NotFound(f"There is no kind of import {kind}; there are: {', '.join(KINDS)}")
    headers = {"Content-Disposition": attachment(f"{kind}.csv")}
    return Answer(template(kind), headers=headers)


def _upload(caller: Caller, job: ImportJob, size: int) -> UploadForm | UploadParts:
    """How the file of a job is sent: by a form, or if it is too large for one, in parts."""
    parts_url = f"{caller.base_url}/api/v1/imports/{job.number}/parts/"
    if size > LARGEST_POST:
        part_size, count = parts_of(size)
        return UploadParts(parts_url=parts_url, part_size=part_size, part_count=count)
    form = presigned_post(job, size)
    return UploadForm(**form, parts_url=parts_url, expires_in=link_seconds())


def _awaiting(job: ImportJob, now: datetime) -> ImportJob:
    """The job, which waits for its file, and is given time for it from the last such request on."""
    if job.state != "awaiting_upload":
        raise WrongState(job, "sent in parts")
    if now - job.heartbeat_at < _NOTED_EVERY:
        return job
    return job.model_copy(update={"heartbeat_at": now})


def _refuse_numbers(numbers: Sequence[int], count: int) -> None:
    """Refuse parts that the file does not have, and any that is named twice."""
    faults = []
    for at, number in enumerate(numbers):
        path = ("part_numbers", at)
        if number > count:
            message = f"must be at most {count}: a file of the announced size has no more parts"
            faults.append(Fault.at(path, "invalid_value", message, number))
        elif number in numbers[:at]:
            message = "names a part twice; name each part once"
            faults.append(Fault.at(path, "invalid_value", message, number))
    if faults:
        raise Refused("validation_error", faults[0].message, faults=faults)


def _begin_multipart(job: ImportJob) -> ImportJob:
    """The job with its multipart upload, of which it has one however many begin it at once."""
    upload_id = begin_multipart(job)

    def noted(current: ImportJob) -> ImportJob:
        current = _awaiting(current, current.heartbeat_at)
        return current if current.upload_id else current.model_copy(update={"upload_id": upload_id})

    job = change_job(job.company, job.number, noted)
    if job.upload_id != upload_id:
        abort_multipart(job, upload_id)
    return job


def _take(
    caller: Caller, kind: Kind, upload: Upload, query: FormQuery, idempotency_key: str | None
) -> Answer[TakenImport]:
    """Stores the file of a form; what S3 says of the new object starts its import."""
    request = ImportRequest(
        kind=kind,
        file_name=upload.file_name,
        size=len(upload.data),
        external_id=idempotency_key,
        **dict(query),
    )
    _check_corrected(caller, request)
    digest = hashlib.sha256(upload.data).hexdigest()
    asked = request_fingerprint({**request.model_dump(mode="json"), "sha256": digest})
    job, headers = _begin(
        caller, asked, idempotency_key, lambda number: _new_job(caller, number, request)
    )
    if job.state == "awaiting_upload":
        put_upload(job, upload.data)
    headers["Location"] = f"{caller.base_url}/api/v1/{RESULT_PATHS[kind]}/{job.number}/"
    return Answer(TakenImport(job_id=job.number), headers=headers)


def _begin(
    caller: Caller, asked: str, external_id: str | None, make: Callable[[int], ImportJob]
) -> tuple[ImportJob, dict[str, str]]:
    """A new job, or the one that was begun for this `external_id`, with the header that says so."""
    for _ in contended():
        if external_id and (claim := external_claim(caller.company, external_id)):
            job = get_job(caller.company, claim.number)
            if job is None or claim.fingerprint != asked:
                raise Conflict(
                    "external_id_reused",
                    f"Another import was asked for under the external_id {external_id}",
                    field="external_id",
                    value=external_id,
                )
            return job, {"Idempotent-Replayed": "true"}
        job = make(new_number(caller.company))
        if job.corrects is not None:
            note_correction(caller.company, job.corrects, job.number)
        if add_job(job, external=asked):
            metrics.add_metric("ImportRequested", MetricUnit.Count, 1)
            return job, {}
    raise Busy


def _check_corrected(caller: Caller, request: ImportRequest, pointer: str | None = None) -> None:
    """Refuse an import that says it corrects one that the company has not, or of another kind."""
    if request.corrects is None:
        return
    job = get_job(caller.company, request.corrects)
    if job is None or job.kind != request.kind:
        message = f"There is no import {request.corrects} of {request.kind}"
        fault = Fault("invalid_value", message, "corrects", pointer, request.corrects)
        raise Refused("validation_error", message, faults=[fault])


def _new_job(caller: Caller, number: int, request: ImportRequest) -> ImportJob:
    now = datetime.now(UTC)
    return ImportJob(
        number=number,
        company=caller.company,
        state="awaiting_upload",
        bucket=bucket(),
        key=upload_key(caller.company, request.kind, number, request.file_name),
        requested_by=caller.prefix,
        correlation_id=caller.request_id,
        created_at=now,
        heartbeat_at=now,
        **dict(request),
    )


handler = api.handler

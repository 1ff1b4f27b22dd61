"""HTTP API: start imports, by form or by upload to S3. Trigger: API Gateway."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from functions import import_mappings
from functions.import_views import RESULT_PATHS, import_fields, requester
from functions.web.api import Answer, Api, Caller, IdempotencyKey, metrics
from functions.web.upload import Upload
from shared.column_mapping import (
    NO_MAPPING,
    ColumnMapping,
    MappingName,
    mapping_faults,
    pinned,
)
from shared.columns import template
from shared.contract.imports import (
    PartLink,
    PartLinks,
    StartedImport,
    TakenImport,
    UploadForm,
    UploadParts,
)
from shared.day_order import Dates
from shared.errors import Busy, Conflict, Fault, NotFound, Refused
from shared.import_job import (
    KINDS,
    ChosenEncoding,
    ImportJob,
    Keys,
    Kind,
    OnError,
    OnExisting,
    OnMissing,
    UnknownColumns,
    WrongState,
    new_key_seed,
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
from shared.store.import_mappings import get_mapping, job_mapping_item
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
"""Links per response; each has about 2 KB."""
_NOTED_EVERY = timedelta(hours=1)
"""How often a job records that its upload in parts is still active."""

_ENCODING = "Detected if it is left out; a file that is valid UTF-8 is always read as that."
_UNKNOWN_COLUMNS = (
    "`check` stops before anything is written if an unknown column is similar to one that the file"
    " lacks; `ignore` leaves the column out, with a warning in `detected`."
)
_ON_EXISTING = (
    "The result of a row whose record exists: `keep` changes nothing, `update` sets the fields that"
    " the row names, `refuse` is an error."
)
_ON_MISSING = "The result of a row whose record does not exist: it is created, or it is an error."

_KEYS = (
    "The result of a license row whose `license__license_key` is blank: `require` is an error,"
    " `generate` gives the license a key."
)
_MAPPING = (
    "What the columns and values of the file mean: a mapping, or the name of a saved one, whose"
    " content at this time is used."
)
_DATES = (
    "The order of day, month and year in dates that end in the year: `dmy` reads 31.12.2027, `mdy`"
    " reads 12/31/2027, and `iso` reads neither. Dates such as 2027-12-31 are always read."
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
    """The options of an import by form."""

    dry_run: Annotated[bool, Field(description="Validate and count, but write nothing.")] = False
    on_error: Annotated[
        OnError, Field(description="Import the rows that are valid, or nothing if one is not.")
    ] = "skip_row"
    encoding: Annotated[ChosenEncoding | None, Field(description=_ENCODING)] = None
    unknown_columns: Annotated[UnknownColumns, Field(description=_UNKNOWN_COLUMNS)] = "ignore"
    dates: Annotated[Dates, Field(description=_DATES)] = "iso"
    mapping: Annotated[
        MappingName | None, Field(description="The name of a saved mapping of its columns.")
    ] = None
    on_existing: Annotated[OnExisting, Field(description=_ON_EXISTING)] = "keep"
    on_missing: Annotated[OnMissing, Field(description=_ON_MISSING)] = "create"
    keys: Annotated[Keys, Field(description=_KEYS)] = "require"
    corrects: Corrected = None


class ImportRequest(BaseModel):
    """A file that will be uploaded to S3, and the options of its import."""

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
            strict=True, ge=0, le=LARGEST_OBJECT, description="In bytes; the file may be smaller."
        ),
    ]
    dry_run: Flag = False
    on_error: OnError = "skip_row"
    external_id: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"),
        Field(description="Idempotency key: requests with the same value start one import."),
    ] = None
    encoding: Annotated[ChosenEncoding | None, Field(description=_ENCODING)] = None
    unknown_columns: Annotated[UnknownColumns, Field(description=_UNKNOWN_COLUMNS)] = "check"
    dates: Annotated[Dates, Field(description=_DATES)] = "iso"
    mapping: Annotated[ColumnMapping | MappingName | None, Field(description=_MAPPING)] = None
    on_existing: Annotated[OnExisting, Field(description=_ON_EXISTING)] = "keep"
    on_missing: Annotated[OnMissing, Field(description=_ON_MISSING)] = "create"
    keys: Annotated[Keys, Field(description=_KEYS)] = "require"
    corrects: Corrected = None


class PartsRequest(BaseModel):
    """The parts that will be uploaded."""

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
    """Import licenses from a CSV file in a form.

    `GET /api/v1/licenses-import-results/{job_id}/` returns the status and the result.
    """
    return _take(caller, "licenses", upload, query, idempotency_key)


@api.post(
    "/api/v1/customers/import_from_csv/", scope="imports:write", refusals=("external_id_reused",)
)
def import_customers(
    caller: Caller, upload: Upload, query: FormQuery, idempotency_key: IdempotencyKey = None
) -> Answer[TakenImport]:
    """Import customers from a CSV file in a form.

    `GET /api/v1/customers-import-results/{job_id}/` returns the status and the result.
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
    """Import license features from a CSV file in a form.

    `GET /api/v1/license-features-import-results/{job_id}/` returns the status and the result.
    """
    return _take(caller, "license-features", upload, query, idempotency_key)


@api.post(
    "/api/v1/imports/",
    scope="imports:write",
    status=202,
    refusals=("external_id_reused",),
)
def start_import(caller: Caller, request: ImportRequest) -> Answer[StartedImport]:
    """Start an import of a file of any size.

    Then upload the file to S3 with the form in the response, or in parts by the links from
    `parts_url`; files above 5 GB only in parts. The import begins when the file has arrived. A
    request with the same `external_id` and the same body gets the same import and
    `Idempotent-Replayed: true`; with another body it is refused.
    """
    _check_keys(request, pointer="/keys")
    _check_corrected(caller, request, pointer="/corrects")
    if isinstance(request.mapping, ColumnMapping):
        import_mappings.refuse_mapping(request.mapping, request.kind, ("mapping",))
    fingerprint = request_fingerprint(request.model_dump(mode="json"))
    job, headers = _begin(
        caller,
        fingerprint,
        request.external_id,
        lambda number: _new_job(caller, number, request, pointer="/mapping"),
    )
    headers["Location"] = f"{caller.base_url}/api/v1/imports/{job.number}/"
    upload = _upload(caller, job, request.size) if job.state == "awaiting_upload" else None
    view = StartedImport.model_construct(**import_fields(caller, job), upload=upload)
    return Answer(view, headers=headers)


@api.post("/api/v1/imports/<id>/parts/", scope="imports:write", refusals=("import_state",))
def sign_import_parts(caller: Caller, id: int, request: PartsRequest) -> PartLinks:
    """Get links to upload the file of an import to S3 in parts.

    Request the links of some parts, upload these, and request the next ones. Request a link again
    if it has expired; a part that is uploaded again replaces the first one. When all parts are
    uploaded, send their ETags to `complete_url`; a request without parts renews this link.
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
    """Download a template: a file with all columns of a kind and an example row.

    The kinds are `licenses`, `customers` and `license-features`.
    """
    if kind not in KINDS:
        raise NotFound(f"There is no kind of import {kind}; there are: {', '.join(KINDS)}")
    headers = {"Content-Disposition": attachment(f"{kind}.csv")}
    return Answer(template(kind), headers=headers)


def _upload(caller: Caller, job: ImportJob, size: int) -> UploadForm | UploadParts:
    """How to upload the file of a job: by a form, or in parts if it is too large for a form."""
    parts_url = f"{caller.base_url}/api/v1/imports/{job.number}/parts/"
    if size > LARGEST_POST:
        part_size, count = parts_of(size)
        return UploadParts(parts_url=parts_url, part_size=part_size, part_count=count)
    form = presigned_post(job, size)
    return UploadForm(**form, parts_url=parts_url, expires_in=link_seconds())


def _awaiting(job: ImportJob, now: datetime) -> ImportJob:
    """Extend the time that a job waits for its file. Raises WrongState if it does not wait."""
    if job.state != "awaiting_upload":
        raise WrongState(job, "sent in parts")
    if now - job.heartbeat_at < _NOTED_EVERY:
        return job
    return job.model_copy(update={"heartbeat_at": now})


def _refuse_numbers(numbers: Sequence[int], count: int) -> None:
    """Raise Refused for part numbers that the file does not have, or that are repeated."""
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
    """Begin the multipart upload of a job; concurrent requests get the same upload."""
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
    """Store the file of a form; the S3 event of the new object starts the import."""
    request = ImportRequest(
        kind=kind,
        file_name=upload.file_name,
        size=len(upload.data),
        external_id=idempotency_key,
        **{
            name: value
            for name, value in query
            if name != "dates" or "dates" in query.model_fields_set
        },
    )
    _check_keys(request)
    _check_corrected(caller, request)
    digest = hashlib.sha256(upload.data).hexdigest()
    fingerprint = request_fingerprint({**request.model_dump(mode="json"), "sha256": digest})
    job, headers = _begin(
        caller, fingerprint, idempotency_key, lambda number: _new_job(caller, number, request)
    )
    if job.state == "awaiting_upload":
        put_upload(job, upload.data)
    headers["Location"] = f"{caller.base_url}/api/v1/{RESULT_PATHS[kind]}/{job.number}/"
    return Answer(TakenImport(job_id=job.number), headers=headers)


def _begin(
    caller: Caller,
    fingerprint: str,
    external_id: str | None,
    make: Callable[[int], tuple[ImportJob, bytes | None]],
) -> tuple[ImportJob, dict[str, str]]:
    """Create a job, or find the job of this `external_id`; with the header of a replay.

    `make` returns a job and the content of its mapping.
    """
    for _ in contended():
        if external_id and (claim := external_claim(caller.company, external_id)):
            job = get_job(caller.company, claim.number)
            if job is None or claim.fingerprint != fingerprint:
                raise Conflict(
                    "external_id_reused",
                    f"Another import has the external_id {external_id}",
                    field="external_id",
                    value=external_id,
                )
            return job, {"Idempotent-Replayed": "true"}
        job, content = make(new_number(caller.company))
        item = job_mapping_item(job, content) if content else None
        if job.corrects is not None:
            note_correction(caller.company, job.corrects, job.number)
        if add_job(job, external=fingerprint, with_item=item):
            metrics.add_metric("ImportRequested", MetricUnit.Count, 1)
            return job, {}
    raise Busy


def _check_corrected(caller: Caller, request: ImportRequest, pointer: str | None = None) -> None:
    """Raise Refused if the corrected import does not exist or has another kind."""
    if request.corrects is None:
        return
    job = get_job(caller.company, request.corrects)
    if job is None or job.kind != request.kind:
        message = f"There is no import {request.corrects} of {request.kind}"
        fault = Fault("invalid_value", message, "corrects", pointer, request.corrects)
        raise Refused("validation_error", message, faults=[fault])


def _check_keys(request: ImportRequest, pointer: str | None = None) -> None:
    """Raise Refused if keys are to be generated for records that have none."""
    if request.keys == "generate" and request.kind != "licenses":
        message = f"{request.kind} have no keys to generate: leave keys out"
        fault = Fault("invalid_value", message, "keys", pointer, request.keys)
        raise Refused("validation_error", message, faults=[fault])


def _mapping_of(caller: Caller, request: ImportRequest, pointer: str | None) -> ColumnMapping:
    """The mapping of a request. Raises Refused if there is no saved one for this kind of file."""
    if isinstance(request.mapping, ColumnMapping):
        return request.mapping
    if request.mapping is None:
        return NO_MAPPING
    saved = get_mapping(caller.company, request.mapping)
    if saved is not None:
        faults = mapping_faults(saved.mapping, request.kind)
        message = faults[0].message if faults else None
    else:
        message = "is not the name of a saved mapping; GET /api/v1/import-mappings/ lists them"
    if saved is None or message:
        fault = Fault("invalid_value", message or "", "mapping", pointer, request.mapping)
        raise Refused("validation_error", f"mapping: {message}", faults=[fault])
    return saved.mapping


def _new_job(
    caller: Caller, number: int, request: ImportRequest, pointer: str | None = None
) -> tuple[ImportJob, bytes | None]:
    """A new job, and the content of its mapping, which is pinned with it."""
    now = datetime.now(UTC)
    mapping = _mapping_of(caller, request, pointer)
    stored = None if request.mapping is None else pinned(mapping)
    options = {
        **vars(request),
        "mapping": stored and stored.sha256,
        "mapping_name": request.mapping if isinstance(request.mapping, str) else None,
    }
    if request.keys == "generate":
        options["key_seed"] = new_key_seed()
    if mapping.dates and "dates" not in request.model_fields_set:
        options["dates"] = mapping.dates
    job = ImportJob(
        number=number,
        company=caller.company,
        state="awaiting_upload",
        bucket=bucket(),
        key=upload_key(caller.company, request.kind, number, request.file_name),
        created_at=now,
        heartbeat_at=now,
        **requester(caller),
        **options,
    )
    return job, stored and stored.content


api.include(import_mappings.routes)

handler = api.handler

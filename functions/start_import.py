"""HTTP API: starts imports, with a file that comes in a form or one that goes straight to S3."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from functions.http import Answer, Api, Caller, IdempotencyKey, metrics
from functions.import_views import RESULT_PATHS, import_fields
from functions.upload import Upload
from shared.errors import Busy, Conflict, NotFound
from shared.imports import (
    KINDS,
    ChosenEncoding,
    ImportJob,
    Kind,
    OnError,
    request_fingerprint,
    shown_name,
    upload_key,
)
from shared.reports import StartedImport, TakenImport, UploadForm, UploadParts
from shared.rows import template
from shared.store.imports import add_job, external_claim, get_job, new_number
from shared.store.uploads import (
    LARGEST_OBJECT,
    LARGEST_POST,
    LINK_SECONDS,
    PARTS_SECONDS,
    attachment,
    bucket,
    presigned_parts,
    presigned_post,
    put_upload,
)
from shared.values import Flag

_TRIES = 4

api = Api("Imports")


def _file_name(text: str) -> str:
    if not (shown := shown_name(text)):
        raise ValueError("must name a file, such as licenses.csv")
    return shown


class FormQuery(BaseModel, frozen=True, extra="forbid"):
    """How to import the file of a form."""

    dry_run: Annotated[bool, Field(description="Do everything but write.")] = False
    on_error: Annotated[
        OnError, Field(description="Import the rows that are valid, or nothing if one is not.")
    ] = "skip_row"
    encoding: Annotated[
        ChosenEncoding | None, Field(description="For a file that is not in Unicode.")
    ] = None


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
    encoding: ChosenEncoding | None = None


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

    The file is then sent to S3 with the form answered, or above 5 GB in the parts answered. The
    import begins when the file is there. The same `external_id` with the same request answers
    with the same import, and `Idempotent-Replayed: true`; for another request it is refused.
    """
    asked = request_fingerprint(request.model_dump(mode="json"))
    job, headers = _begin(
        caller, asked, request.external_id, lambda number: _new_job(caller, number, request)
    )
    form: UploadForm | UploadParts | None = None
    if job.state == "awaiting_upload" and request.size > LARGEST_POST:
        parts = presigned_parts(job, request.size)
        form = UploadParts.model_validate({**parts, "expires_in": PARTS_SECONDS})
    elif job.state == "awaiting_upload":
        fields = presigned_post(job, request.size)
        form = UploadForm.model_validate({**fields, "expires_in": LINK_SECONDS})
    headers["Location"] = f"{caller.base_url}/api/v1/imports/{job.number}/"
    view = StartedImport.model_construct(**import_fields(caller, job), upload=form)
    return Answer(view, headers=headers)


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
    for _ in range(_TRIES):
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
        if add_job(job, external=asked):
            metrics.add_metric("ImportRequested", MetricUnit.Count, 1)
            return job, {}
    raise Busy


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

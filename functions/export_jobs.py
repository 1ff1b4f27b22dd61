"""HTTP API: exports of any size. `functions.job_status` serves these routes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.web.api import Answer, Api, Caller, Page, metrics
from functions.web.paging import PageQuery, page_of
from shared.contract.exports import ExportView
from shared.errors import Busy, Conflict, Fault, NotFound, refuse
from shared.export_job import (
    MOST_UNFINISHED,
    ExportExpired,
    ExportJob,
    WrongExportState,
    cancel,
    progress,
    retry,
)
from shared.import_job import Kind, request_fingerprint
from shared.store.catalog import get_product
from shared.store.customers import get_customer
from shared.store.export_executions import start_export
from shared.store.export_files import drop_parts, presigned_export
from shared.store.export_jobs import (
    add_export,
    change_export,
    get_export,
    list_exports,
    unfinished_exports,
)
from shared.store.import_jobs import external_claim, new_number
from shared.store.retry import contended
from shared.values import Code, OptionalMoment, RecordId

routes = Api("Exports")


class ExportRequest(BaseModel):
    """What to export."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"kind": "licenses"}}
    )

    kind: Kind
    product: Annotated[
        Code | RecordId | None, Field(description="Only licenses of the product; code or id.")
    ] = None
    customer: Annotated[
        RecordId | None, Field(description="Only licenses of the customer with this id.")
    ] = None
    created_at__gte: OptionalMoment = None
    created_at__lt: OptionalMoment = None
    external_id: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"),
        Field(description="Idempotency key: requests with the same value start one export."),
    ] = None


@routes.post(
    "/api/v1/exports/",
    scope="records:read",
    status=202,
    refusals=("external_id_reused", "invalid_range", "unknown_product", "too_many_exports"),
)
def create_export(caller: Caller, request: ExportRequest) -> Answer[ExportView]:
    """Start an export of any size.

    The file has the columns of an import of its kind, and the records that exist when the export
    starts. A request with the same `external_id` and the same body gets the same export and
    `Idempotent-Replayed: true`; with another body it is refused.
    """
    fingerprint = request_fingerprint(request.model_dump(mode="json"))
    job, headers = _begin(caller, request, fingerprint)
    if job.state == "queued":
        start_export(job)
    headers["Location"] = f"{caller.base_url}/api/v1/exports/{job.number}/"
    return Answer(_view(caller, job), headers=headers)


@routes.get("/api/v1/exports/", scope="records:read")
def list_all_exports(caller: Caller, query: PageQuery) -> Page[ExportView]:
    """List exports, newest first unless `order_by` is `created_at`."""
    return page_of(
        caller,
        query,
        walk=lambda after: list_exports(
            caller.company, after=int(after) if after else None, oldest_first=query.oldest_first
        ),
        place=lambda job: str(job.number),
        load=lambda jobs: [_view(caller, job) for job in jobs],
    )


@routes.get("/api/v1/exports/<id>/", scope="records:read")
def show_export(caller: Caller, id: int) -> ExportView:
    """Get an export, with its `progress`."""
    return _view(caller, _export(caller, id))


@routes.get(
    "/api/v1/exports/<id>/file.csv",
    scope="records:read",
    status=307,
    content_type="text/csv; charset=utf-8",
    refusals=("export_state", "export_expired"),
    moves=True,
)
def download_export(caller: Caller, id: int) -> Answer[str]:
    """Download the file of an export.

    The response is a 307 with a link that expires after an hour, or earlier with the credentials
    of the function. The file is deleted after seven days.
    """
    job = _export(caller, id)
    if job.expires_at is None:
        raise WrongExportState(job, "has no file")
    if datetime.now(UTC) >= job.expires_at:
        raise ExportExpired(job)
    return Answer("", status=307, headers={"Location": presigned_export(job)})


@routes.post("/api/v1/exports/<id>/cancel/", scope="records:read", refusals=("export_state",))
def cancel_export(caller: Caller, id: int) -> ExportView:
    """Cancel an export that has not ended. A cancelled export has no file."""
    now = datetime.now(UTC)
    job = change_export(caller.company, id, lambda job: cancel(job, now))
    drop_parts(job)
    return _view(caller, job)


@routes.post("/api/v1/exports/<id>/retry/", scope="records:read", refusals=("export_state",))
def retry_export(caller: Caller, id: int) -> ExportView:
    """Retry an export that failed. It continues where it stopped; no record is exported twice."""
    now = datetime.now(UTC)
    job = change_export(caller.company, id, lambda job: retry(job, now))
    start_export(job)
    return _view(caller, job)


def _begin(
    caller: Caller, request: ExportRequest, fingerprint: str
) -> tuple[ExportJob, dict[str, str]]:
    """Create an export, or find the one of this `external_id`; with the header of a replay."""
    make: Callable[[int], ExportJob] | None = None
    external_id = request.external_id
    for _ in contended():
        if external_id and (claim := external_claim(caller.company, external_id, "export-id")):
            job = get_export(caller.company, claim.number)
            if job is None or claim.fingerprint != fingerprint:
                raise Conflict(
                    "external_id_reused",
                    f"Another export has the external_id {external_id}",
                    field="external_id",
                    value=external_id,
                )
            return job, {"Idempotent-Replayed": "true"}
        make = make or _maker(caller, request)
        job = make(new_number(caller.company, "next-export"))
        if add_export(job, fingerprint=fingerprint):
            metrics.add_metric("ExportRequested", MetricUnit.Count, 1)
            return job, {}
    raise Busy


def _maker(caller: Caller, request: ExportRequest) -> Callable[[int], ExportJob]:
    """Validate the request, and return what makes the export with a number. Raises Refused."""
    _refuse_filters(request)
    product = get_product(caller.company, request.product) if request.product is not None else None
    if request.product is not None and product is None:
        message = f"There is no product {request.product}"
        refuse([Fault.at(("product",), "unknown_product", message, request.product)])
    if request.customer is not None and get_customer(caller.company, request.customer) is None:
        message = f"There is no customer {request.customer}: send the id of one, or no customer"
        refuse([Fault.at(("customer",), "validation_error", message, request.customer)])
    if len(unfinished_exports(caller.company)) >= MOST_UNFINISHED:
        raise Conflict(
            "too_many_exports",
            f"{MOST_UNFINISHED} exports are running: wait until one has ended, or cancel one",
        )
    now = datetime.now(UTC)

    def make(number: int) -> ExportJob:
        return ExportJob(
            number=number,
            company=caller.company,
            product=product.short_code if product else None,
            product_id=product.id if product else None,
            requested_by=caller.prefix,
            correlation_id=caller.request_id,
            created_at=now,
            heartbeat_at=now,
            **request.model_dump(exclude={"product"}),
        )

    return make


def _refuse_filters(request: ExportRequest) -> None:
    """Raise Refused for filters that the kind does not have, and for a reversed range."""
    faults = []
    for name in ("product", "customer"):
        if request.kind == "customers" and getattr(request, name) is not None:
            message = f"filters licenses: leave {name} out, or export the kind licenses"
            value = getattr(request, name)
            faults.append(Fault.at((name,), "validation_error", message, value))
    since, until = request.created_at__gte, request.created_at__lt
    if since and until and since > until:
        message = f"must not be after created_at__lt, which is {until.isoformat()}"
        value = since.isoformat()
        faults.append(Fault.at(("created_at__gte",), "invalid_range", message, value))
    refuse(faults)


def _export(caller: Caller, number: int) -> ExportJob:
    job = get_export(caller.company, number)
    if job is None:
        raise NotFound(f"There is no export {number}")
    return job


def _view(caller: Caller, job: ExportJob) -> ExportView:
    shown = {name: getattr(job, name) for name in ExportView.model_fields if hasattr(job, name)}
    url = f"{caller.base_url}/api/v1/exports/{job.number}/file.csv"
    has_file = job.expires_at is not None and datetime.now(UTC) < job.expires_at
    return ExportView.model_construct(
        **{
            **shown,
            "id": job.number,
            "progress": progress(job),
            "count": job.rows,
            "size": job.size if job.state == "succeeded" else None,
            "file_url": url if has_file else None,
        }
    )

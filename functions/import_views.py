"""Makes the views of imports that callers read, out of jobs and what their chunks did."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from functions.http import Caller
from shared.imports import ChunkResult, ImportJob, Kind, Refusal, counters, progress
from shared.reports import (
    CustomersResult,
    FeaturesResult,
    ImportResult,
    ImportView,
    InvalidRow,
    LicensesResult,
    RowFault,
)
from shared.store.imports import chunk_results
from shared.store.uploads import get_result

MOST_BYTES = 4_000_000
"""Of invalid rows in one answer; Lambda answers with at most 6 MB."""
_READERS = 8


_VIEWS: dict[Kind, type[ImportResult[Any]]] = {
    "licenses": ImportResult[LicensesResult],
    "customers": ImportResult[CustomersResult],
    "license-features": ImportResult[FeaturesResult],
}
RESULT_PATHS: dict[Kind, str] = {
    "licenses": "licenses-import-results",
    "customers": "customers-import-results",
    "license-features": "license-features-import-results",
}


def import_view(caller: Caller, job: ImportJob) -> ImportView:
    """Reads what the chunks of the job did so far."""
    return ImportView.model_construct(**import_fields(caller, job))


def import_fields(caller: Caller, job: ImportJob) -> dict[str, Any]:
    """The fields of `import_view`, for a view that says more."""
    results = _results(job)
    shown = {name: getattr(job, name) for name in ImportView.model_fields if hasattr(job, name)}
    return {
        **shown,
        "id": job.number,
        "progress": progress(job, results),
        "counts": counters(job, results) if job.is_ended else None,
        **_urls(caller, job),
    }


def import_result(
    caller: Caller, job: ImportJob, *, most_bytes: int = MOST_BYTES
) -> ImportResult[Any]:
    """The published view; of the invalid rows as many as fit into `most_bytes`."""
    results = _results(job)
    result = None
    if job.is_ended:
        counted = counters(job, results)
        result = {**counted, "invalid_rows": _first_invalid(job, counted, most_bytes)}
    view = _VIEWS[job.kind]
    return view.model_validate(
        {
            **{name: getattr(job, name) for name in view.model_fields if hasattr(job, name)},
            "id": job.number,
            "result": result,
            "progress": progress(job, results),
            **_urls(caller, job),
        }
    )


def all_at_once[V](view: Callable[[ImportJob], V], jobs: Sequence[ImportJob]) -> list[V]:
    """A view of each job, in their order; each reads DynamoDB and S3."""
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(view, jobs))


def why_ended(job: ImportJob) -> InvalidRow | None:
    """Why the job ended before its last row, as a row of its report that is no row."""
    refusal = job.refusal
    if refusal is None and job.state == "cancelled":
        refusal = Refusal(code="import_cancelled", message="The import was cancelled")
    if refusal is None and job.state == "failed":
        refusal = Refusal(code="import_failed", message="The import failed: it can be retried")
    if refusal is None:
        return None
    fault = RowFault(column=refusal.column, code=refusal.code, message=refusal.message)
    return InvalidRow(row=None, line=refusal.line, errors=[fault])


def fitting(rows: Iterable[dict[str, Any]], most_bytes: int) -> list[InvalidRow]:
    """The first of `rows` that fit; the very first in any case, so that a page moves on."""
    taken: list[InvalidRow] = []
    for row in rows:
        most_bytes -= len(orjson.dumps(row))
        if taken and most_bytes < 0:
            break
        taken.append(InvalidRow.model_validate(row))
    return taken


def _first_invalid(job: ImportJob, counted: dict[str, int], most_bytes: int) -> list[InvalidRow]:
    why = why_ended(job)
    rows = [why] if why else []
    if counted["total_row_count"] > counted["valid_row_count"]:
        told = get_result(job, "result.json")
        rows += fitting(orjson.loads(told), most_bytes) if told else []
    return rows


def _results(job: ImportJob) -> list[ChunkResult]:
    """What the chunks say; a job that is finished has summed it up."""
    return [] if job.counts else chunk_results(job.company, job.number)


def _urls(caller: Caller, job: ImportJob) -> dict[str, str | None]:
    home = f"{caller.base_url}/api/v1/imports/{job.number}"
    failed = f"{home}/failed.csv" if job.failed_rows else None
    return {"errors_url": f"{home}/errors/", "failed_rows_url": failed}

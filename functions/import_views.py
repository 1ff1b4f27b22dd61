"""Build the views of imports from jobs and batch results."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Any

import orjson

from functions.web.api import Caller
from functions.web.response_size import PAGE_BYTES, sent_bytes
from shared.contract.imports import (
    Correction,
    CustomersResult,
    DetectedFile,
    FeaturesResult,
    ImportResult,
    ImportView,
    InvalidRow,
    LicensesResult,
    PlanView,
    RowFaultView,
)
from shared.import_counts import BatchResult, counters, progress, warned_rows
from shared.import_job import FileFault, ImportJob, Kind, Requester
from shared.store.batch_results import batch_results
from shared.store.import_jobs import corrections_of
from shared.store.uploads import get_result

_READERS = 8
_READ_FOR_LISTS = 1_000_000
"""Bytes of invalid rows that a list reads per import; up to 100 imports can have 25 MB each."""
_READ_FOR_ONE = 8_000_000
_SHOWN = 200
"""Characters per value in a shortened row."""
_FEW = 10
"""Faults in a row that is still too large when shortened."""
_ROWS = json.JSONDecoder()

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


def requester(caller: Caller) -> Requester:
    """The fields of a job that the caller creates."""
    return {
        "requested_by": caller.prefix,
        "requested_by_name": caller.key.name,
        "correlation_id": caller.request_id,
    }


def import_view(caller: Caller, job: ImportJob) -> ImportView:
    """The view of an import with its current progress."""
    return ImportView.model_construct(**import_fields(caller, job))


def import_fields(caller: Caller, job: ImportJob) -> dict[str, Any]:
    """The fields of `import_view`, for views with more fields."""
    results = _results(job)
    corrections = _corrections(job, corrections_of([job])[job.number])
    shown = {name: getattr(job, name) for name in ImportView.model_fields if hasattr(job, name)}
    return {
        **shown,
        "id": job.number,
        "progress": progress(job, results),
        "counts": _counts(job, results),
        "stopping": job.is_stopping,
        "plan": _plan(job),
        "corrections": corrections,
        "needs_attention": _needs_attention(job, corrections),
        "detected": DetectedFile.model_validate(job.detected) if job.detected else None,
        **_urls(caller, job),
    }


def import_result(
    caller: Caller, job: ImportJob, *, most_bytes: int = PAGE_BYTES
) -> ImportResult[Any]:
    """LicenseSpring's view, with as many invalid rows as fit into `most_bytes`."""
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
            "warnings": warned_rows(job, results) if job.is_ended else None,
            "progress": progress(job, results),
            **_urls(caller, job),
        }
    )


def _plan(job: ImportJob) -> PlanView | None:
    if job.plan_hash is None or job.plan_expires_at is None:
        return None
    return PlanView(
        hash=job.plan_hash, expires_at=job.plan_expires_at, committed_by=job.committed_by
    )


def _counts(job: ImportJob, results: Sequence[BatchResult]) -> dict[str, int] | None:
    if not job.is_ended:
        return None
    return {**counters(job, results), "warnings": warned_rows(job, results)}


def all_at_once[V](view: Callable[[ImportJob], V], jobs: Sequence[ImportJob]) -> list[V]:
    """The views of jobs, made in parallel, because each reads DynamoDB and S3."""
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(view, jobs))


def why_ended(job: ImportJob) -> InvalidRow | None:
    """The reason why a job failed or was cancelled, as an entry without a row number."""
    refusal = job.refusal
    if refusal is None and job.state == "cancelled":
        refusal = FileFault(code="import_cancelled", message="The import was cancelled")
    if refusal is None and job.state == "failed":
        refusal = FileFault(code="import_failed", message="The import failed: it can be retried")
    if refusal is None:
        return None
    fault = RowFaultView(column=refusal.column, code=refusal.code, message=refusal.message)
    return InvalidRow(row=None, line=refusal.line, errors=[fault])


def fitting(
    rows: Iterable[dict[str, Any]], most_bytes: int, *, at_least_one: bool = True
) -> list[InvalidRow]:
    """The first rows that fit; with `at_least_one`, the first row is shortened if necessary."""
    taken: list[InvalidRow] = []
    for row in rows:
        shown = InvalidRow.model_validate(row)
        if at_least_one and not taken:
            shown = shortened(shown, most_bytes)
        most_bytes -= _row_bytes(shown)
        if most_bytes < 0 and (taken or not at_least_one):
            break
        taken.append(shown)
    return taken


def _row_bytes(row: InvalidRow) -> int:
    return sent_bytes(row.model_dump_json()) + 1


def shortened(row: InvalidRow, most_bytes: int) -> InvalidRow:
    """The row, with its values cut and `shortened` set if it does not fit."""
    if _row_bytes(row) <= most_bytes:
        return row
    errors = [
        fault.model_copy(
            update={"message": cut_text(fault.message), "value": cut_text(fault.value)}
        )
        for fault in row.errors
    ]
    data = {cut_text(column): cut_text(cell) for column, cell in row.data.items()}
    cut = row.model_copy(update={"errors": errors, "data": data, "shortened": True})
    if _row_bytes(cut) <= most_bytes:
        return cut
    return cut.model_copy(update={"errors": errors[:_FEW], "data": {}})


def cut_text(value: Any) -> Any:
    """Cut a text to `_SHOWN` characters; other values are not changed."""
    return value[:_SHOWN] + "…" if isinstance(value, str) and len(value) > _SHOWN else value


def _first_invalid(job: ImportJob, counted: dict[str, int], most_bytes: int) -> list[InvalidRow]:
    why = why_ended(job)
    rows = [why] if why else []
    if counted["total_row_count"] > counted["valid_row_count"]:
        rows += fitting(_stored_rows(job, most_bytes), most_bytes)
    return rows


def _stored_rows(job: ImportJob, most_bytes: int) -> Iterator[dict[str, Any]]:
    """The first rows of the stored result, of which only the necessary bytes are read."""
    if job.failed_report is None:
        return
    most = _READ_FOR_ONE if most_bytes >= PAGE_BYTES else _READ_FOR_LISTS
    stored = get_result(job, f"{job.failed_report}.json", most=most)
    if stored is None:
        return
    rows = list(_whole_rows(stored))
    if not rows and len(stored) == most:
        rows = orjson.loads(get_result(job, f"{job.failed_report}.json") or b"[]")
    yield from rows


def _whole_rows(stored: bytes) -> Iterator[dict[str, Any]]:
    """The complete rows of a JSON array whose end may be cut off."""
    text, at = stored.decode(errors="ignore"), 1
    while text[at : at + 1] == "{":
        try:
            row, end = _ROWS.raw_decode(text, at)
        except json.JSONDecodeError:
            return
        yield row
        at = end + 1


def _results(job: ImportJob) -> list[BatchResult]:
    """The batch results; a finished job has the totals."""
    return [] if job.counts else batch_results(job.company, job.number)


def _corrections(job: ImportJob, found: Sequence[ImportJob]) -> list[Correction]:
    """Imports that correct a job, newest first; together they resolve at most its failed rows."""
    left = _failed_rows(job)
    resolved = {}
    for each in sorted(found, key=lambda each: each.number):
        resolved[each.number] = min(_written_rows(each), left)
        left -= resolved[each.number]
    return [
        Correction(id=each.number, state=each.state, resolved_rows=resolved[each.number])
        for each in found
    ]


def _failed_rows(job: ImportJob) -> int:
    """Rows that an import left to correct: no row of a rejected import was written."""
    total = job.counts.get("total_row_count", 0)
    if not total:
        return sys.maxsize  # its file was refused as a whole
    return total if job.state == "rejected" else total - job.counts["valid_row_count"]


def attention_list(jobs: Iterable[ImportJob]) -> Iterator[ImportJob]:
    """The jobs whose `needs_attention` is true; reads the corrections of 25 jobs at a time."""
    for some in batched(filter(_is_faulty, jobs), 25, strict=False):
        found = corrections_of(some)
        yield from (
            job for job in some if _needs_attention(job, _corrections(job, found[job.number]))
        )


def _is_faulty(job: ImportJob) -> bool:
    """Whether a job failed, or rows of it did; an undone import and a dry run left nothing open."""
    is_faulty = job.state in ("completed_with_errors", "failed", "rejected")
    return is_faulty and not job.dry_run and job.undone_by is None


def _needs_attention(job: ImportJob, corrections: Sequence[Correction]) -> bool:
    resolved = sum(each.resolved_rows for each in corrections)
    failed = _failed_rows(job)
    return _is_faulty(job) and (resolved < failed if failed < sys.maxsize else not resolved)


def _written_rows(job: ImportJob) -> int:
    is_written = job.is_ended and not job.dry_run and job.state != "rejected"
    is_written = is_written and job.undone_by is None
    return job.counts.get("valid_row_count", 0) if is_written else 0


def _urls(caller: Caller, job: ImportJob) -> dict[str, str | None]:
    home = f"{caller.base_url}/api/v1/imports/{job.number}"
    failed = f"{home}/failed.csv" if job.failed_report else None
    return {
        "errors_url": f"{home}/errors/",
        "failed_rows_url": failed,
        "mapping_url": f"{home}/mapping/" if job.mapping else None,
    }

"""Report a batch of rows: counts, results of rows, and the rows with errors or warnings."""

import secrets
from typing import Any

import orjson

from shared.column_mapping import ColumnMapping, written_column, written_fault
from shared.csv_format.dialect import Dialect
from shared.csv_format.reader import failed_row
from shared.differences import limited
from shared.import_counts import BatchCounts, BatchResult
from shared.import_job import ImportJob
from shared.row_entries import InvalidRecord
from shared.row_results import CREATED, KEPT, REVERTED, UPDATED
from shared.store import bulk, uploads
from shared.store.batch_results import batch_result_put
from shared.store.import_jobs import TABLE
from shared.store.patience import Patience
from shared.store.signed_http import Exchange
from shared.workflows.batch import Batch


def report_batch(
    job: ImportJob,
    phase: str,
    dialect: Dialect,
    mapping: ColumnMapping,
    done: Batch,
    patience: Patience,
    *,
    compared: bool,
) -> Exchange[bool]:
    """Write the reports of a batch. Returns the write of its result, which always has them.

    `compared` says that the batch was imported again, with the rows that repeat an earlier batch's.
    """
    report, warned, token = None, _warned_rows(dialect, done), secrets.token_hex(4)
    row_report = f"rows-{done.first_row}-{token}.json"
    invalid = [_as_written(mapping, dialect, bad) for bad in done.invalid]
    if invalid or warned or any(done.made.values()):
        details = {
            "invalid": [_invalid(dialect, bad) for bad in invalid],
            "warnings": warned,
            "made": done.made,
            "failed": b"".join(_failed(dialect, bad) for bad in invalid).decode(),
        }
        report = f"chunk-{done.first_row}-{token}.json"
        with patience.turns.released():
            uploads.put_result(job, report, orjson.dumps(details))
    stored = done.results.stored()
    with patience.turns.released():
        uploads.put_result(job, row_report, stored)
    result = batch_result_put(
        job.company,
        job.number,
        BatchResult(
            index=done.first_row,
            attempt=job.attempts,
            report=report,
            phase="validate" if phase == "validate" else "write",
            rows=done.rows,
            valid=done.rows - len(done.invalid),
            invalid=len(done.invalid),
            warnings=len(warned),
            kept=done.results.kept_records(),
            named=len(done.made.get("named", ())),
            compared=compared,
            row_report=row_report,
            created_rows=done.results.count(CREATED),
            updated_rows=done.results.count(UPDATED),
            reverted_rows=done.results.count(REVERTED),
            kept_rows=done.results.count(KEPT),
            **{name: getattr(done, name) for name in BatchCounts.model_fields},
        ),
    )
    return bulk.write("PutItem", TABLE, result, patience)


def _warned_rows(dialect: Dialect, done: Batch) -> list[dict[str, Any]]:
    """The imported rows with warnings, each `{row, line, warnings}`, in order."""
    failed = {bad.record.row for bad in done.invalid}
    rows: dict[int, dict[str, Any]] = {}
    for warning in done.warnings:
        row, line = warning["row"], warning["line"]
        if row not in failed:
            known = rows.setdefault(row, {"row": row, "line": line, "warnings": []})
            about = {name: value for name, value in warning.items() if name not in ("row", "line")}
            about["column"] = written_column(warning["column"], dialect)
            known["warnings"].append(about)
    return [{**rows[row], "warnings": limited(rows[row]["warnings"])} for row in sorted(rows)]


def _as_written(mapping: ColumnMapping, dialect: Dialect, bad: InvalidRecord) -> InvalidRecord:
    """A row with the file's columns and values in its faults."""
    fields = bad.record.fields
    faults = [written_fault(fault, mapping, dialect, fields) for fault in bad.faults]
    return bad._replace(faults=faults)


def _invalid(dialect: Dialect, bad: InvalidRecord) -> dict[str, Any]:
    cells = zip(dialect.columns, bad.record.fields, strict=False)
    return {
        "row": bad.record.row,
        "line": bad.record.line,
        "errors": bad.faults,
        "data": {column: cell for column, cell in cells if cell},
    }


def _failed(dialect: Dialect, bad: InvalidRecord) -> bytes:
    codes = [fault["code"] for fault in bad.faults]
    messages = [f"{fault['column']}: {fault['message']}." for fault in bad.faults]
    return failed_row(dialect, bad.record, codes, messages)

"""The results of an import's rows, from the reports of its batches."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest

import orjson

from shared.columns import BUNDLE_KEY, KINDS
from shared.csv_format.dialect import Dialect
from shared.csv_format.header import RESULT_COLUMNS
from shared.csv_format.planner import Chunk, plan
from shared.csv_format.reader import Record, records, report_header, report_row
from shared.errors import Busy
from shared.import_counts import BatchResult, has_outcomes
from shared.import_job import ImportJob, Kind
from shared.row_results import CREATED, RowResult, RowResults
from shared.store import uploads
from shared.store.batch_results import batch_results, recount_created, recount_undone
from shared.store.import_mappings import job_mapping
from shared.workflows.import_totals import Totals, details_of

type KeysOf = Callable[[Record], Sequence[str]]
_CHUNK_BYTES = 1024 * 1024
_THREADS = 8
_IDS: dict[Kind, str] = {"licenses": "licenses", "customers": "customers"}
"""The ids of the records that rows create. A row of features has no id of its own."""


def row_results(job: ImportJob, result: BatchResult) -> RowResults:
    """The results of a batch's rows. Raises FileGone if they were deleted from the bucket."""
    if result.row_report is None:
        return RowResults.of(result.index, [])
    return RowResults.read(uploads.need_result(job, result.row_report))


def correct_rows(total: Totals) -> None:
    """Correct the results of rows that depend on other batches.

    The result depends on the batches alone, so it is the same if this runs twice.
    """
    _correct_repeats(total)
    _correct_parts(total)


def _correct_parts(total: Totals) -> None:
    """Correct what an undo does with an order or a customer that several batches name."""
    job = total.job

    def correct(result: BatchResult) -> None:
        if result.row_report is None:
            return
        rows = row_results(job, result)
        for part in total.parts[result.index]:
            rows.undo(*part)
        recount_undone(job.company, job.number, result, rows, _stored_again(job, rows))

    with ThreadPoolExecutor(_THREADS) as executor:
        differing = (result for result in total.results if result.index in total.parts)
        [*executor.map(correct, differing)]


def _correct_repeats(total: Totals) -> None:
    """Correct rows that report as created what a row of an earlier batch creates.

    Batches do not know each other in a dry run, and customers are written by each batch that has
    one of their rows. The first row of the file creates the record; the others name it only.
    """
    job = total.job
    for result in total.results:
        ids = total.again.get(result.index)
        if not ids or result.row_report is None:
            continue
        rows = row_results(job, result)
        report = result.row_report
        if repeated := _repeated(job, result, rows, ids):
            rows.repeat(repeated)
            if job.kind == "licenses":
                rows.forget_parts(repeated)
            report = _stored_again(job, rows)
        recount_created(job.company, job.number, result, rows.count(CREATED), report)


def _stored_again(job: ImportJob, rows: RowResults) -> str:
    """Store corrected results; returns the report's name, which has a digest of its content.

    So a write of the results before, or of these, that S3 applies late changes nothing.
    """
    stored = rows.stored()
    name = f"rows-{rows.first_row}-{hashlib.sha256(stored).hexdigest()[:16]}.json"
    uploads.put_result(job, name, stored)
    return name


def _repeated(job: ImportJob, result: BatchResult, rows: RowResults, ids: set[int]) -> list[int]:
    """The rows that create one of these records."""
    if job.kind == "license-features":
        named = details_of(job, result)["made"]["named"]
        wanted = {row for row, id, _ in named if id in ids}
        return [
            each.row for each in rows.rows() if each.outcome == "created" and each.row in wanted
        ]
    column = getattr(rows, _IDS[job.kind])
    created = zip(column, rows.outcomes, strict=True)
    return [
        rows.first_row + at
        for at, (id, outcome) in enumerate(created)
        if outcome == CREATED and id in ids
    ]


def results_name(job: ImportJob) -> str:
    """The report with `results.csv` of a job as it is now: a retry has other results."""
    return f"results-{job.revision}.rows"


def write_results(job: ImportJob, keys_of: KeysOf | None = None) -> None:
    """Write `results.csv`: the rows of the file with their results, read from it again.

    `keys_of` returns the generated keys of a row. Writing it twice writes the same. Raises FileGone
    if the file or a report was deleted.
    """
    uploads.put_parts(job, results_name(job), results_csv(job, keys_of))


def results_csv(job: ImportJob, keys_of: KeysOf | None = None) -> Iterator[bytes]:
    """The lines of `results.csv`. A row without a result was not imported: its cells are blank.

    A row that was imported has its generated key, and a row with a quantity is a line for each of
    its licenses, so that importing the file issues no more.
    """
    dialect = Dialect.model_validate(job.detected)
    yield report_header(dialect, RESULT_COLUMNS)
    results = _in_order(job, batch_results(job.company, job.number))
    result = next(results, None)
    for chunk in _chunks(job):
        data = uploads.read_range(job, chunk.start, chunk.end)
        if not chunk.is_intact(data):
            raise Busy
        place = {"first_row": chunk.first_row, "first_line": chunk.first_line}
        for record in records(data, dialect, **place):
            while result is not None and result.row < record.row:
                result = next(results, None)
            own = result if result is not None and result.row == record.row else None
            keys = keys_of(record) if keys_of and own is not None and own.license_id else ()
            if own is None or not keys:
                yield report_row(dialect, record, (str(record.row), *_cells(own)))
                continue
            licenses = (own.license_id, *own.more_license_ids)
            for key, id in zip_longest(keys, licenses[: len(keys)]):
                shown = _with_key(dialect, record, key)
                cells = _cells(own._replace(license_id=id or None))
                yield report_row(dialect, shown, (str(record.row), *cells))


def _with_key(dialect: Dialect, record: Record, key: str) -> Record:
    """The row with the key of one license, and no quantity."""
    own = {"license__license_key": key, "license__quantity": ""}
    cells = zip(dialect.names, record.fields, strict=False)
    return record._replace(fields=[own.get(name, cell) for name, cell in cells])


def _in_order(job: ImportJob, results: Iterable[BatchResult]) -> Iterator[RowResult]:
    for result in results:
        is_final = has_outcomes(job, result)
        for row in row_results(job, result).rows():
            if is_final or row.outcome == "failed":
                yield row


def _cells(result: RowResult | None) -> Iterator[str]:
    if result is None:
        yield from ("", "", "", "")
        return
    yield result.outcome
    for id in (result.license_id, result.order_id, result.customer_id):
        yield "" if id is None else str(id)


def _chunks(job: ImportJob) -> Iterable[Chunk]:
    """The chunks of the file: those that the planner has stored, or the plan of a small file."""
    stored = uploads.get_result(job, "manifest.json")
    if stored is not None:
        return map(Chunk.model_validate, orjson.loads(stored))
    mapping = job_mapping(job)
    return plan(
        uploads.stream(job),
        required=mapping.required(job.kind),
        known=KINDS[job.kind].columns,
        encoding=job.encoding,
        mapped=mapping.headers,
        chunk_size=_CHUNK_BYTES,
        together=BUNDLE_KEY,
    ).chunks

"""The results of an import's rows, from the reports of its batches."""

from shared.import_job import BatchResult, ImportJob, Kind
from shared.row_results import CREATED, RowResults
from shared.store import uploads
from shared.store.batch_results import recount_created
from shared.workflows.import_totals import Totals, details_of

_IDS: dict[Kind, str] = {"licenses": "licenses", "customers": "customers"}
"""The ids of the records that rows create. A row of features has no id of its own."""


def row_results(job: ImportJob, result: BatchResult) -> RowResults:
    """The results of a batch's rows. Raises FileGone if they were deleted from the bucket."""
    if result.row_report is None:
        return RowResults.of(result.index, [])
    return RowResults.read(uploads.need_result(job, result.row_report))


def correct_repeats(total: Totals) -> None:
    """Correct rows that report as created what a row of an earlier batch creates.

    Batches do not know each other in a dry run, and customers are written by each batch that has
    one of their rows. The first row of the file creates the record; the others name it only. The
    result depends on the batches alone, so it is the same if this runs twice.
    """
    job = total.job
    for result in total.results:
        ids = total.again.get(result.index)
        if not ids or result.row_report is None:
            continue
        rows = row_results(job, result)
        if repeated := _repeated(job, result, rows, ids):
            rows.repeat(repeated)
            if job.kind == "licenses":
                rows.forget_parts(repeated)
            uploads.put_result(job, result.row_report, rows.stored())
        recount_created(job.company, job.number, result, rows.count(CREATED))


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

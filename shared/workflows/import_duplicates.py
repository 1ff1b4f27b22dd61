"""Refuse duplicate rows of different batches: rows with the same key and other values.

Rows that created a license or a feature are compared with the stored record instead.
"""

from collections.abc import Callable, Iterable

from shared.csv_format.planner import Chunk
from shared.errors import Busy
from shared.import_job import ImportJob
from shared.store.batch_results import batch_results
from shared.workflows.import_chunk import import_chunk, working
from shared.workflows.import_lifecycle import claimed
from shared.workflows.import_totals import repeated_rows


def refuse_duplicates(
    job: ImportJob,
    phase: str,
    milliseconds_left: Callable[[], int],
    chunks: Callable[[], Iterable[Chunk]],
    read: Callable[[Chunk], bytes],
) -> ImportJob:
    """Run the batches again whose rows repeat a row of an earlier batch with other values.

    The results of these batches are overwritten, so running this twice changes nothing. Returns the
    job, which is running: a retry queues it, and may redrive the step that calls this. Raises Busy
    if the invocation has no time left; finished batches stay.
    """
    results = [each for each in batch_results(job.company, job.number) if each.phase == phase]
    repeated = repeated_rows(job, results)
    if not repeated:
        return job
    job = claimed(job, phase)
    with working(job, phase, milliseconds_left) as work:
        for chunk in chunks():
            end = chunk.first_row + chunk.rows
            again = {at: rows for at, rows in repeated.items() if chunk.first_row <= at < end}
            if again and import_chunk(work, chunk, read(chunk), again=again) < chunk.rows:
                raise Busy
    return job

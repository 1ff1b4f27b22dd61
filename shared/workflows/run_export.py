"""Run an export: read records in steps, upload parts, and join them to the file.

A part is stored with the position after it in one transaction. So records are in the file once,
even if a worker is lost or runs twice: what it has read since its last part is read again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.columns import KINDS
from shared.errors import Busy
from shared.export_job import (
    LEAST_PART,
    MOST_RESTARTS,
    ExportJob,
    claim,
    restart,
    transition,
)
from shared.exported_row import csv_lines
from shared.import_job import FileFault
from shared.store.export_files import (
    UploadLost,
    begin_export_file,
    drop_parts,
    join_parts,
    upload_part,
)
from shared.store.export_jobs import (
    StoredPart,
    change_export,
    heartbeat_export,
    parts_of_export,
)
from shared.workflows.export_records import Step, count_records, steps

STOP_MS = 90_000
"""Time that a worker leaves for a last part; a step takes seconds."""
_BOM = "\ufeff"


class ExportStopped(Exception):
    """The export has ended, or another worker has its lease."""


@dataclass
class _Part:
    """What was read since the checkpoint."""

    data: bytearray = field(default_factory=bytearray)
    records: int = 0
    rows: int = 0
    left_out: int = 0
    place: str = ""
    last_id: int = 0

    def add(self, step: Step) -> None:
        self.data += csv_lines(step.rows).encode()
        self.records += step.records
        self.rows += len(step.rows)
        self.left_out += step.left_out
        self.place, self.last_id = step.place, step.last_id


def run_export(company: str, number: int, token: str, remaining_ms: Callable[[], int]) -> ExportJob:
    """Continue an export until it has ended, or time is short.

    Returns the export. Raises ExportStopped if it has ended before, or another worker has its
    lease, and Busy if the time was too short for a part.
    """
    job = change_export(company, number, lambda job: claim(job, token, datetime.now(UTC)))
    if job.is_ended:
        raise ExportStopped
    try:
        return _Worker(job, token, remaining_ms).run()
    except UploadLost:
        return _restart(job, token)


class _Worker:
    """Holds the lease of an export, and its state as it was written last."""

    def __init__(self, job: ExportJob, token: str, remaining_ms: Callable[[], int]) -> None:
        self.job, self._token, self._remaining_ms = job, token, remaining_ms

    def run(self) -> ExportJob:
        """Write parts, and finish the file after the last record."""
        if not self.job.completing:
            self._begin()
            part, began_with = _Part(), self.job.parts
            for step in steps(self.job):
                part.add(step)
                self._check(part)
                is_short = self._remaining_ms() < STOP_MS
                if len(part.data) >= (LEAST_PART if is_short else self.job.part_bytes):
                    self._store(part)
                    part = _Part()
                if is_short and self.job.parts == began_with:
                    raise Busy  # the next worker would not get any further either
                if is_short:
                    return self.job
            self._store(part, is_last=True)
        join_parts(self.job, parts_of_export(self.job))
        return self._change(
            lambda job: transition(job, "succeeded", now=datetime.now(UTC), completing=False)
        )

    def _begin(self) -> None:
        """Begin the upload of the file, and count its records, once."""
        if self.job.upload_id is not None:
            return
        upload_id, total = begin_export_file(self.job), count_records(self.job)
        unused = self.job.model_copy(update={"upload_id": upload_id})
        try:
            self._change(
                lambda job: job.model_copy(update={"upload_id": upload_id, "total": total})
            )
        except ExportStopped:
            drop_parts(unused)
            raise

    def _check(self, part: _Part) -> None:
        """Raise ExportStopped if the export was cancelled or another worker has its lease."""
        if not heartbeat_export(self.job, part.records, datetime.now(UTC)):
            raise ExportStopped

    def _store(self, part: _Part, *, is_last: bool = False) -> None:
        """Upload a part, and store it with the position after it."""
        stored, number = None, self.job.parts + 1
        if not self.job.parts:
            part.data[:0] = (_BOM + csv_lines([KINDS[self.job.kind].columns])).encode()
        if part.data:
            stored = upload_part(self.job, number, bytes(part.data))

        def after(job: ExportJob) -> ExportJob:
            return job.model_copy(
                update={
                    "heartbeat_at": datetime.now(UTC),
                    "parts": number if stored else job.parts,
                    "place": part.place or job.place,
                    "last_id": part.last_id or job.last_id,
                    "records": job.records + part.records,
                    "rows": job.rows + part.rows,
                    "left_out": job.left_out + part.left_out,
                    "size": job.size + len(part.data),
                    "reading": 0,
                    "completing": is_last,
                }
            )

        self._change(after, stored)

    def _change(
        self, change: Callable[[ExportJob], ExportJob], part: StoredPart | None = None
    ) -> ExportJob:
        """Write the export while this worker has its lease. Raises ExportStopped otherwise."""
        known = self.job

        def changed(job: ExportJob) -> ExportJob:
            if job.runner != self._token or job.state != "running":
                raise ExportStopped
            if job.revision != known.revision:
                raise AssertionError("only the worker with the lease changes a running export")
            return change(job)

        self.job = change_export(known.company, known.number, changed, part=part)
        return self.job


def _restart(job: ExportJob, token: str) -> ExportJob:
    """Begin the file of an export again, or fail the export if that happened too often."""

    def changed(current: ExportJob) -> ExportJob:
        if current.runner != token or current.state != "running":
            raise ExportStopped
        now = datetime.now(UTC)
        again = restart(current, now)
        if again.restarts > MOST_RESTARTS:
            message = f"S3 lost parts of the file {again.restarts} times. It can be retried."
            refusal = FileFault(code="export_failed", message=message)
            return transition(again, "failed", now=now, refusal=refusal)
        return again

    before = change_export(job.company, job.number, lambda current: current)
    after = change_export(job.company, job.number, changed)
    drop_parts(before)
    return after

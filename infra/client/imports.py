"""The part of the client that imports: uploads of files, import jobs and their results."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypedDict, Unpack

from infra.client.connection import LinkRefused, Query, Resource
from infra.client.uploads import Uploader
from shared.column_mapping import ColumnMapping
from shared.contract.imports import (
    ImportView,
    InvalidRow,
    KeptRow,
    MappingEntry,
    MappingView,
    ResultRow,
    StartedImport,
    WarnedRow,
)
from shared.day_order import Dates
from shared.import_job import (
    ENDED,
    ChosenEncoding,
    Keys,
    Kind,
    OnError,
    OnExisting,
    OnMissing,
    UnknownColumns,
)

POLL_SECONDS = 0.3
"""Seconds between two requests for the state of a running import."""


class ImportOptions(TypedDict, total=False):
    """The options of an import; those that are left out are the API's defaults."""

    dry_run: bool
    on_error: OnError
    encoding: ChosenEncoding | None
    """None detects it."""
    unknown_columns: UnknownColumns
    dates: Dates
    """How the file writes dates that do not begin with the year; `iso` refuses them."""
    mapping: ColumnMapping | str | None
    """What the columns and values of the file mean, or the name of a saved mapping."""
    on_existing: OnExisting
    on_missing: OnMissing
    keys: Keys
    """`generate` gives licenses without a key one; `require` refuses them."""
    corrects: int | None
    """The import whose failed rows the file fixes."""
    external_id: str | None
    """Idempotency key: requests with the same one start one import."""


class Imports(Resource):
    """Import jobs of all kinds of files. The API of jobs is an extension by Keywright.

    It runs the same imports as LicenseSpring: Import Licenses from CSV, Import Customers from CSV
    and Import License Features from CSV, and takes files of any size.
    """

    def start(
        self, file_name: str, kind: Kind, *, size: int, **options: Unpack[ImportOptions]
    ) -> StartedImport:
        """Start an import and return it with the upload that its file is to be sent by.

        `size` is in bytes. Without an `external_id`, a random one is used.
        """
        body = {"kind": kind, "file_name": file_name, "size": size, **options}
        if isinstance(mapping := options.get("mapping"), ColumnMapping):
            body["mapping"] = mapping.model_dump(mode="json", exclude_defaults=True)
        body["external_id"] = options.get("external_id") or str(uuid.uuid4())
        answer = self._connection.send("POST", "/imports/", idempotent=True, body=body)
        return StartedImport.model_validate_json(answer.content)

    def upload(self, started: StartedImport, file: BinaryIO) -> None:
        """Upload the file of a started import to S3, reading it as it is sent.

        Raises LinkRefused, after cancelling the import, if S3 rejects the file.
        """
        uploader = Uploader(self._connection, started)
        try:
            uploader.send(file)
        except LinkRefused:
            uploader.cancel_import()
            raise

    def send(
        self,
        path: Path,
        kind: Kind,
        *,
        reading: Callable[[BinaryIO], BinaryIO] = lambda file: file,
        **options: Unpack[ImportOptions],
    ) -> StartedImport:
        """Start the import of a file and upload the file; returns before the import has run.

        `reading` wraps the open file, for instance to show progress. Raises LinkRefused if S3
        rejects the file.
        """
        started = self.start(path.name, kind, size=path.stat().st_size, **options)
        if started.upload is not None:
            with path.open("rb") as file:
                self.upload(started, reading(file))
        return started

    def wait(
        self, number: int, *, on_progress: Callable[[ImportView], object] | None = None
    ) -> ImportView:
        """Poll an import until it has ended and return it, whatever its final state is.

        `on_progress` is called with the import after each poll, every 0.3 s.
        """
        while True:
            job = self.show(number)
            if on_progress is not None:
                on_progress(job)
            if job.state in ENDED:
                return job
            time.sleep(POLL_SECONDS)

    def show(self, number: int) -> ImportView:
        """Return an import with its state, progress and counts. Raises ApiProblem `not_found`."""
        return self._connection.read(ImportView, f"/imports/{number}/")

    def list(self, **query: Query) -> Iterator[ImportView]:
        """Yield imports, newest first, one page per request.

        Filters are `kind`, `state`, `unfinished` and `needs_attention`.
        """
        return self._connection.pages(ImportView, "/imports/", **query)

    def errors(self, number: int) -> Iterator[InvalidRow]:
        """Yield the rows that were not imported and their errors, one page per request."""
        return self._connection.pages(InvalidRow, f"/imports/{number}/errors/")

    def warnings(self, number: int, *, limit: int) -> Iterator[WarnedRow]:
        """Yield the rows that were imported with warnings, `limit` rows per request."""
        path = f"/imports/{number}/rows/"
        return self._connection.pages(WarnedRow, path, outcome="warning", limit=limit)

    def kept(self, number: int, *, limit: int) -> Iterator[KeptRow]:
        """Yield the records that an undo has kept and why, `limit` per request."""
        path = f"/imports/{number}/rows/"
        return self._connection.pages(KeptRow, path, outcome="kept", limit=limit)

    def save_failed_rows(self, job: ImportView, path: Path) -> Path | None:
        """Write failed.csv, the rows to fix and import again, to `path`; None if no row failed."""
        if job.failed_rows_url is None:
            return None
        with path.open("wb") as file:
            file.writelines(self._connection.download(f"/imports/{job.id}/failed.csv"))
        return path

    def mappings(self) -> Iterator[MappingEntry]:
        """Yield the saved mappings by name, without their content, one page per request."""
        return self._connection.pages(MappingEntry, "/import-mappings/")

    def mapping(self, name: str) -> MappingView:
        """Return a saved mapping. Raises ApiProblem `not_found`."""
        return self._connection.read(MappingView, f"/import-mappings/{name}/")

    def save_mapping(self, name: str, mapping: ColumnMapping) -> MappingView:
        """Save a mapping, or replace the one with this name. Raises ApiProblem."""
        body = mapping.model_dump(mode="json", exclude_defaults=True)
        return self._connection.write(MappingView, "PUT", f"/import-mappings/{name}/", body)

    def rows(self, number: int, **query: Query) -> Iterator[ResultRow]:
        """Yield the results of rows, one page per request; the filter is `outcome`."""
        return self._connection.pages(ResultRow, f"/imports/{number}/rows/", **query)

    def save_results(self, number: int, path: Path) -> None:
        """Write results.csv, the file with the result of each row, to `path`.

        Raises ApiProblem `import_state` while the import runs.
        """
        parts = self._connection.download(f"/imports/{number}/results.csv")
        first = next(parts, b"")
        with path.open("wb") as file:
            file.write(first)
            file.writelines(parts)

    def commit(self, number: int, plan_hash: str) -> ImportView:
        """Commit the plan of a dry run, and return the import that does; repeating it is safe.

        Raises ApiProblem `import_state`, `plan_changed`, `plan_expired`, or `file_gone`.
        """
        path, body = f"/imports/{number}/commit/", {"hash": plan_hash}
        answer = self._connection.send("POST", path, body=body, idempotent=True)
        return ImportView.model_validate_json(answer.content)

    def cancel(self, number: int) -> ImportView:
        """Cancel an import; rows already written are kept. Raises ApiProblem `import_state`."""
        return self._connection.write(ImportView, "POST", f"/imports/{number}/cancel/")

    def retry(self, number: int) -> ImportView:
        """Run a failed or cancelled import again. Raises ApiProblem `import_state`."""
        return self._connection.write(ImportView, "POST", f"/imports/{number}/retry/")

    def undo(self, number: int, *, dry_run: bool = False) -> ImportView:
        """Start the undo of an import, once, or a dry run of it; returns the import that does it.

        Raises ApiProblem `import_state`, `import_running`, `nothing_to_undo` or `file_gone`.
        """
        body = {"dry_run": dry_run}
        return self._connection.write(ImportView, "POST", f"/imports/{number}/undo/", body=body)

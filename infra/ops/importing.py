"""The part of the client that imports: a file on its way to S3, and what becomes of it."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from infra.ops.connection import Connection, LinkRefused, Query
from infra.ops.uploading import Uploader
from shared.imports import ENDED, ChosenEncoding, Kind, OnError, UnknownColumns
from shared.reports import ImportView, InvalidRow, StartedImport, WarnedRow

SECONDS_BETWEEN = 0.3
"""Between two looks at an import that is under way."""


class Imports:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(
        self,
        file_name: str,
        kind: Kind,
        *,
        size: int,
        dry_run: bool = False,
        on_error: OnError = "skip_row",
        encoding: ChosenEncoding | None = None,
        unknown_columns: UnknownColumns = "check",
        external_id: str | None = None,
    ) -> StartedImport:
        """An import that waits for its file; the same `external_id` never starts two."""
        body = {
            "kind": kind,
            "file_name": file_name,
            "size": size,
            "dry_run": dry_run,
            "on_error": on_error,
            "encoding": encoding,
            "unknown_columns": unknown_columns,
            "external_id": external_id or str(uuid.uuid4()),
        }
        answer = self._connection.send("POST", "/imports/", repeatable=True, body=body)
        return StartedImport.model_validate_json(answer.content)

    def upload(self, started: StartedImport, file: BinaryIO) -> None:
        """Send the file to S3 as the API says; it is read as it is sent.

        Raises LinkRefused if S3 does not take it; then the import is cancelled.
        """
        uploader = Uploader(self._connection, started)
        try:
            uploader.send(file)
        except LinkRefused:
            uploader.drop()
            raise

    def send(
        self,
        path: Path,
        kind: Kind,
        *,
        dry_run: bool = False,
        on_error: OnError = "skip_row",
        encoding: ChosenEncoding | None = None,
        unknown_columns: UnknownColumns = "check",
        external_id: str | None = None,
        reading: Callable[[BinaryIO], BinaryIO] = lambda file: file,
    ) -> StartedImport:
        """Start the import of a file and upload it; `reading` may watch the file being read."""
        started = self.start(
            path.name,
            kind,
            size=path.stat().st_size,
            dry_run=dry_run,
            on_error=on_error,
            encoding=encoding,
            unknown_columns=unknown_columns,
            external_id=external_id,
        )
        if started.upload is not None:
            with path.open("rb") as file:
                self.upload(started, reading(file))
        return started

    def wait(
        self, number: int, *, seen: Callable[[ImportView], object] | None = None
    ) -> ImportView:
        """The import when it has ended; `seen` is told of it as often as it is looked at."""
        while True:
            job = self.show(number)
            if seen is not None:
                seen(job)
            if job.state in ENDED:
                return job
            time.sleep(SECONDS_BETWEEN)

    def show(self, number: int) -> ImportView:
        return self._connection.read(ImportView, f"/imports/{number}/")

    def list(self, **query: Query) -> Iterator[ImportView]:
        """Newest first."""
        return self._connection.pages(ImportView, "/imports/", **query)

    def errors(self, number: int) -> Iterator[InvalidRow]:
        """The rows that were not imported, page by page as they are asked for."""
        return self._connection.pages(InvalidRow, f"/imports/{number}/errors/")

    def warnings(self, number: int, *, limit: int) -> Iterator[WarnedRow]:
        """The rows that were imported with warnings, `limit` on a page."""
        path = f"/imports/{number}/rows/"
        return self._connection.pages(WarnedRow, path, outcome="warning", limit=limit)

    def save_failed_rows(self, job: ImportView, path: Path) -> Path | None:
        """Write the rows that failed to `path`, to be mended and sent again; None without any."""
        if job.failed_rows_url is None:
            return None
        with path.open("wb") as file:
            file.writelines(self._connection.download(f"/imports/{job.id}/failed.csv"))
        return path

    def cancel(self, number: int) -> ImportView:
        return self._connection.write(ImportView, "POST", f"/imports/{number}/cancel/")

    def retry(self, number: int) -> ImportView:
        return self._connection.write(ImportView, "POST", f"/imports/{number}/retry/")

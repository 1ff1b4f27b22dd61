"""The part of the client that exports: export jobs and their files."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict, Unpack

from infra.client.connection import Query, Resource
from shared.contract.exports import ExportView
from shared.export_job import ENDED
from shared.import_job import Kind

POLL_SECONDS = 1.0
"""Seconds between two requests for the state of a running export."""


class ExportOptions(TypedDict, total=False):
    """The filters of an export, and its idempotency key."""

    product: str | int | None
    customer: int | None
    created_at__gte: str | None
    created_at__lt: str | None
    external_id: str | None
    """Requests with the same one start one export."""


class Exports(Resource):
    """Export jobs of all kinds of files. The API of jobs is an extension by Keywright."""

    def start(self, kind: Kind, **options: Unpack[ExportOptions]) -> ExportView:
        """Start an export. Without an `external_id`, a random one is used."""
        body = {"kind": kind, **options}
        body["external_id"] = options.get("external_id") or str(uuid.uuid4())
        answer = self._connection.send("POST", "/exports/", idempotent=True, body=body)
        return ExportView.model_validate_json(answer.content)

    def wait(
        self, number: int, *, on_progress: Callable[[ExportView], object] | None = None
    ) -> ExportView:
        """Poll an export until it has ended and return it, whatever its final state is."""
        while True:
            job = self.show(number)
            if on_progress is not None:
                on_progress(job)
            if job.state in ENDED:
                return job
            time.sleep(POLL_SECONDS)

    def show(self, number: int) -> ExportView:
        """Return an export with its state and progress. Raises ApiProblem `not_found`."""
        return self._connection.read(ExportView, f"/exports/{number}/")

    def list(self, **query: Query) -> Iterator[ExportView]:
        """Yield exports, newest first, one page per request."""
        return self._connection.pages(ExportView, "/exports/", **query)

    def save(self, job: ExportView, path: Path) -> None:
        """Write the file of an export to `path`, which appears when it is complete.

        Raises ApiProblem, such as `export_state` or `export_expired`.
        """
        unfinished = path.with_name(f"{path.name}.part")
        with unfinished.open("wb") as file:
            file.writelines(self._connection.download(f"/exports/{job.id}/file.csv"))
        unfinished.replace(path)

    def cancel(self, number: int) -> ExportView:
        """Cancel an export, which then has no file. Raises ApiProblem `export_state`."""
        return self._connection.write(ExportView, "POST", f"/exports/{number}/cancel/")

    def retry(self, number: int) -> ExportView:
        """Continue a failed export where it stopped. Raises ApiProblem `export_state`."""
        return self._connection.write(ExportView, "POST", f"/exports/{number}/retry/")

"""Files that appear in the bucket, and their import, over the real store."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import import_csv
from shared.import_job import ImportJob
from shared.store import import_jobs, uploads
from tests.functions.shop import Shop
from tests.grants.recorder import outside
from tests.http_event import Reply
from tests.partiql import Inserts, inserting


class Context(LambdaContext):
    """A function with time left, in milliseconds."""

    left = 900_000
    _aws_request_id = "event-1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return Context.left


@dataclass
class Files:
    """A shop's files."""

    shop: Shop
    inserts: Inserts
    patch: pytest.MonkeyPatch
    """What a test replaces while the files are open."""

    def drop(
        self,
        text: str | bytes,
        kind: str = "licenses",
        name: str = "a.csv",
        metadata: Mapping[str, str] | None = None,
    ) -> Any:
        """Puts a file into the bucket; the event that S3 raises."""
        key = f"{self.shop.company}/{kind}/{name}"
        data = text if isinstance(text, bytes) else text.encode()
        with outside():
            put = uploads.client().put_object(
                Bucket=uploads.bucket(), Key=key, Body=data, Metadata=metadata or {}
            )
        found = {"key": quote_plus(key), "size": len(data), "versionId": put["VersionId"]}
        return {"Records": [{"s3": {"bucket": {"name": uploads.bucket()}, "object": found}}]}

    def run(self, event: Any, left: int = 900_000) -> Any:
        Context.left = left
        return import_csv.handler(event, Context())

    def imported(
        self,
        text: str | bytes,
        kind: str = "licenses",
        name: str = "a.csv",
        metadata: Mapping[str, str] | None = None,
    ) -> ImportJob:
        """Drops a file, and lets its event do its work."""
        self.run(self.drop(text, kind, name, metadata))
        return self.last()

    def last(self) -> ImportJob:
        """The newest job."""
        return next(import_jobs.list_jobs(self.shop.company))

    def set_state(self, number: int, state: str) -> None:
        """Sets the state of an import, whatever it is now."""
        changed = {"state": state}
        import_jobs.change_job(
            self.shop.company, number, lambda job: job.model_copy(update=changed)
        )

    def delete(self, job: ImportJob) -> None:
        """Deletes the file of an import from the bucket."""
        version = job.version_id or ""
        with outside():
            uploads.client().delete_object(Bucket=job.bucket, Key=job.key, VersionId=version)

    def prepared(self, text: str, kind: str = "licenses", **options: Any) -> Any:
        """A job with options, requested through the API, and the event of its file."""
        body = {"kind": kind, "file_name": "a.csv", "size": len(text.encode()), **options}
        reply = self.shop.post("/imports/", body)
        assert reply.status == 202, reply.text
        name = self.last().key.split("/", 2)[2]
        return self.drop(text, kind, name)

    def requested(self, text: str, kind: str = "licenses", **options: Any) -> ImportJob:
        """Requests an import with options, and lets the event of its file do its work."""
        self.run(self.prepared(text, kind, **options))
        return self.last()

    def ask(self, number: int, action: str, **body: Any) -> Reply:
        """Cancels, retries, undoes or commits an import."""
        return self.shop.post(f"/imports/{number}/{action}/", body)

    def shown(self, job: ImportJob) -> Any:
        """An import as the API shows it."""
        return self.shop.get(f"/imports/{job.number}/").json()

    def rows(self, job: ImportJob, query: str = "") -> list[dict[str, Any]]:
        """The results of rows, all of them on one page."""
        return self.shop.listed(f"/imports/{job.number}/rows/", query)

    def errors(self, job: ImportJob) -> list[dict[str, Any]]:
        return list(self.shop.get(f"/imports/{job.number}/errors/").ok()["results"])

    def failed_csv(self, job: ImportJob) -> str:
        reply = self.shop.get(f"/imports/{job.number}/failed.csv")
        assert reply.status == 200, reply.text
        return reply.text

    def license_count(self) -> int:
        return int(self.shop.get("/licenses/").json()["count"])

    def step(self, name: str, **more: Any) -> Any:
        """Runs a step of the newest job."""
        job = self.last()
        return self.run({"step": name, "company": job.company, "number": job.number, **more})

    def chunks(self) -> list[Any]:
        """The chunks of the newest job, once it is planned."""
        return list(orjson.loads(uploads.need_result(self.last(), "manifest.json")))

    def plan(self) -> list[Any]:
        """Plans the newest job; its chunks."""
        self.step("plan")
        return self.chunks()

    def by_machine(self, again: bool = False) -> None:
        """Runs the newest job as the state machine does, each chunk twice if `again`."""
        planned = self.step("plan")
        manifest = orjson.loads(uploads.get_result(self.last(), "manifest.json") or b"[]")
        for phase in planned["passes"]:
            second = phase == "write" and "validate" in planned["passes"]
            if second and self.step("decide")["go"] == "finish":
                break
            for chunk in reversed(manifest):
                for _ in range(1 + again):
                    self.chunk(chunk, phase)
        self.step("finish")

    def chunk(self, chunk: Any, phase: str = "write", left: int = 900_000) -> int:
        """One range, by as many workers as it takes; answers how many."""
        job = self.last()
        event = {"step": "chunk", "pass": phase, "company": job.company, "number": job.number}
        event |= {"chunk": chunk, "done_rows": 0, "done": False}
        workers = 0
        while not event["done"]:
            event = self.run(event, left)
            workers += 1
        return workers


@contextmanager
def open_files(shop: Shop) -> Iterator[Files]:
    with inserting() as inserts, pytest.MonkeyPatch.context() as patch:
        yield Files(shop, inserts, patch)


def ended_execution(job: ImportJob, status: str = "FAILED") -> dict[str, Any]:
    """The detail of the event of Step Functions about the ended execution of a job."""
    named = orjson.dumps({"company": job.company, "number": job.number}).decode()
    return {"status": status, "executionArn": job.execution_arn, "input": named}


def counts(job: ImportJob, *names: str) -> list[int]:
    """Published counters of a job by the middle of their names: `created_licenses` and so on."""
    return [next(v for k, v in job.counts.items() if k.startswith(name)) for name in names]

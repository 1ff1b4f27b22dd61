"""Files that appear in the bucket, and their import, over the real store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import orjson
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import import_csv, job_status, start_import
from shared.import_job import ImportJob
from shared.store import import_jobs, uploads
from tests.functions.shop import Shop
from tests.grants.recorder import outside
from tests.http_event import send
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

    def drop(self, text: str | bytes, kind: str = "licenses", name: str = "a.csv") -> Any:
        """Puts a file into the bucket; the event that S3 raises."""
        key = f"{self.shop.company}/{kind}/{name}"
        data = text if isinstance(text, bytes) else text.encode()
        with outside():
            put = uploads.client().put_object(Bucket=uploads.bucket(), Key=key, Body=data)
        found = {"key": quote_plus(key), "size": len(data), "versionId": put["VersionId"]}
        return {"Records": [{"s3": {"bucket": {"name": uploads.bucket()}, "object": found}}]}

    def run(self, event: Any, left: int = 900_000) -> Any:
        Context.left = left
        return import_csv.handler(event, Context())

    def imported(self, text: str | bytes, kind: str = "licenses", name: str = "a.csv") -> ImportJob:
        """Drops a file, and lets its event do its work."""
        self.run(self.drop(text, kind, name))
        return self.last()

    def last(self) -> ImportJob:
        """The newest job."""
        return next(import_jobs.list_jobs(self.shop.company))

    def prepared(self, text: str, kind: str = "licenses", **options: Any) -> Any:
        """A job with options, requested through the API, and the event of its file."""
        body = {"kind": kind, "file_name": "a.csv", "size": len(text.encode()), **options}
        reply = send(start_import.handler, "POST", "/api/v1/imports/", body=body, key=self.shop.key)
        assert reply.status == 202, reply.text
        name = self.last().key.split("/", 2)[2]
        return self.drop(text, kind, name)

    def errors(self, job: ImportJob) -> list[dict[str, Any]]:
        path = f"/api/v1/imports/{job.number}/errors/"
        reply = send(job_status.handler, "GET", path, key=self.shop.key)
        assert reply.status == 200, reply.text
        return list(reply.json()["results"])

    def failed_csv(self, job: ImportJob) -> str:
        path = f"/api/v1/imports/{job.number}/failed.csv"
        reply = send(job_status.handler, "GET", path, key=self.shop.key)
        assert reply.status == 200, reply.text
        return reply.text

    def license_count(self) -> int:
        return int(self.shop.get("/licenses/").json()["count"])

    def by_machine(self, again: bool = False) -> None:
        """Runs the newest job as the state machine does, each chunk twice if `again`."""
        job = self.last()
        named = {"company": job.company, "number": job.number}
        planned = self.run({"step": "plan", **named})
        manifest = orjson.loads(uploads.get_result(self.last(), "manifest.json") or b"[]")
        for phase in planned["passes"]:
            second = phase == "write" and "validate" in planned["passes"]
            if second and self.run({"step": "decide", **named})["go"] == "finish":
                break
            for chunk in reversed(manifest):
                for _ in range(1 + again):
                    self.chunk(chunk, phase)
        self.run({"step": "finish", **named})

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
    with inserting() as inserts:
        yield Files(shop, inserts)


def counts(job: ImportJob, *names: str) -> list[int]:
    """Published counters of a job by the middle of their names: `created_licenses` and so on."""
    return [next(v for k, v in job.counts.items() if k.startswith(name)) for name in names]

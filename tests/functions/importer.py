"""Call the import API as one company, and prepare its jobs and files."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from shared.import_counts import BatchResult
from shared.import_job import ImportJob, State, transition
from shared.store import import_jobs, object_claims, uploads
from tests.batch_results import put_batch_result
from tests.engine import Engine
from tests.functions.shop import Shop, open_shop
from tests.http_event import Reply

BOUNDARY = "----form7MA4YWxkTrZu0gW"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
CSV = b"email\r\nana@acme.example\r\n"


def part(data: bytes = CSV, *, name: str = "file", file_name: str | None = "a.csv") -> bytes:
    """One part of a form, from its boundary on."""
    disposition = f'form-data; name="{name}"'
    if file_name is not None:
        disposition += f'; filename="{file_name}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: text/csv\r\n\r\n"
    return head.encode() + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts or (part(),)) + f"--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True)
class Importer:
    """Call the API as one company."""

    company: str
    key: str
    engine: Engine = field(default_factory=Engine)
    """What runs its imports."""

    def get(self, path: str, query: str = "") -> Reply:
        return Shop(self.company, self.key).get(path, query)

    def post(self, path: str, body: Any = None, **more: Any) -> Reply:
        return Shop(self.company, self.key).post(path, body, **more)

    def send(self, body: Any = None, kind: str = "customers", **more: Any) -> Reply:
        """Sends a form with a file."""
        headers = {"content-type": FORM, **more.pop("headers", {})}
        sent = form() if body is None else body
        return self.post(f"/{kind}/import_from_csv/", sent, headers=headers, **more)

    def request_upload(self, **body: Any) -> Reply:
        """Request an upload."""
        given = {"kind": "licenses", "file_name": "licenses.csv", "size": 100}
        return self.post("/imports/", given | body)

    def job(self, number: int) -> ImportJob:
        job = import_jobs.get_job(self.company, number)
        assert job is not None
        return job

    def dropped(self, kind: str = "licenses", version: str = "v1") -> ImportJob:
        """A file that appeared in the bucket, and was noticed."""
        key = f"{self.company}/{kind}/a.csv"
        job = object_claims.claim_object("uploads", key, version, 5, now=datetime.now(UTC))
        assert job is not None
        return job

    def stored(self, kind: str = "licenses") -> ImportJob:
        """A file that is in the bucket, and was noticed."""
        key = f"{self.company}/{kind}/a.csv"
        put = uploads.client().put_object(Bucket="uploads", Key=key, Body=CSV)
        return self.dropped(kind, put["VersionId"])

    def move(self, number: int, state: State, **changes: Any) -> ImportJob:
        return import_jobs.change_job(
            self.company,
            number,
            lambda job: transition(job, state, now=datetime.now(UTC), **changes),
        )

    def chunk(self, job: ImportJob, index: int, bad: int = 0, **counts: Any) -> None:
        """What a chunk did, with a report of its bad rows."""
        result = BatchResult(index=index, report=f"chunk-{index}.json", invalid=bad, **counts)
        put_batch_result(job.company, job.number, result)
        rows = [bad_row(index * 1000 + n + 1) for n in range(bad)]
        uploads.put_result(job, f"chunk-{index}.json", orjson.dumps({"invalid": rows}))


def bad_row(row: int) -> dict[str, Any]:
    fault = {
        "column": "product__short_code",
        "field": "short_code",
        "code": "unknown_product",
        "message": "There is no product nope",
        "value": "nope",
    }
    return {"row": row, "line": row + 1, "errors": [fault], "data": {"product__short_code": "nope"}}


def new_importer(company: str = "acme") -> Importer:
    return Importer(company, open_shop(company).key)

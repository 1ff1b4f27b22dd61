"""Start exports of a shop, and run their steps as the state machine does."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from functions import export_chunk
from shared.export_job import ExportJob
from shared.store import export_jobs, uploads
from tests.functions.import_files import Context
from tests.functions.shop import Shop
from tests.grants.recorder import outside

type Row = dict[str, str]


@dataclass(frozen=True)
class Exporter:
    """A shop's exports."""

    shop: Shop

    def start(self, kind: str = "licenses", **body: Any) -> int:
        """Request an export: its number."""
        number: int = self.shop.post("/exports/", {"kind": kind, **body}).ok(202)["id"]
        return number

    def step(self, number: int, left: int = 900_000) -> dict[str, Any]:
        """Run one step, with so many milliseconds left."""
        Context.left = left
        event = {"company": self.shop.company, "number": number}
        return export_chunk.handler(event, Context())

    def run(self, number: int, left: int = 900_000) -> ExportJob:
        """Run steps until the export is done."""
        while not self.step(number, left)["done"]:
            pass
        return self.job(number)

    def exported(self, kind: str = "licenses", **body: Any) -> str:
        """The text of the file of a new export, without its byte order mark."""
        job = self.run(self.start(kind, **body))
        assert job.state == "succeeded", job.refusal
        return self.text(job.number)

    def text(self, number: int) -> str:
        data = self.file(number)
        assert data is not None
        assert len(data) == self.job(number).size
        assert data.startswith(b"\xef\xbb\xbf")
        return data.decode("utf-8-sig")

    def file(self, number: int) -> bytes | None:
        """The file in the bucket, or None."""
        job = self.job(number)
        key = f"_exports/{self.shop.company}/{number}/{job.generation}"
        with outside():
            found = uploads.client().list_objects_v2(Bucket=uploads.bucket(), Prefix=key)
            if "Contents" not in found:
                return None
            return uploads.client().get_object(Bucket=uploads.bucket(), Key=key)["Body"].read()

    def job(self, number: int) -> ExportJob:
        job = export_jobs.get_export(self.shop.company, number)
        assert job is not None
        return job


def rows_of(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def keys_of(text: str) -> list[str]:
    """The license keys of a file."""
    return [row["license__license_key"] for row in rows_of(text)]

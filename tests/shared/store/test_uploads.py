"""Reports in S3, read whole or not at all."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from shared.errors import Busy
from shared.import_job import ImportJob
from shared.store import uploads
from tests.shared.value_import import import_job

REPORT = b'{"invalid":[],"warnings":[]}'

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def job(tables: None) -> ImportJob:
    """A job with a report."""
    job = import_job(state="running", bucket=uploads.bucket())
    uploads.put_result(job, "report.json", REPORT)
    return job


@contextmanager
def answers_cut(times: int) -> Iterator[None]:
    """For so many times, S3 announces the whole report and sends less."""
    left = iter(range(times))

    def cut(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if next(left, None) is None:
            return None

        class Raw:
            def read(self, *_: Any) -> bytes:
                return b""

            def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
                yield REPORT[:9]

        headers: Any = {"Content-Length": str(len(REPORT))}
        return AWSResponse(request.url, 200, headers, Raw())

    events: Any = uploads.client().meta.events  # the stubs know no handler that answers
    events.register_first("before-send.s3.GetObject", cut)
    try:
        yield
    finally:
        events.unregister("before-send.s3.GetObject", cut)


def test_a_report_that_arrives_cut_is_read_again(job: ImportJob) -> None:
    with answers_cut(2):
        assert uploads.get_result(job, "report.json") == REPORT


def test_a_report_that_never_arrives_whole_is_not_taken_for_one(job: ImportJob) -> None:
    with answers_cut(9), pytest.raises(Busy):
        uploads.get_result(job, "report.json")


def test_a_report_that_is_not_there_is_none(job: ImportJob) -> None:
    assert uploads.get_result(job, "other.json") is None


def test_a_file_that_arrives_otherwise_than_it_was_sent_is_not_read_to_its_end(
    job: ImportJob,
) -> None:
    put = uploads.client().put_object(Bucket=job.bucket, Key=job.key, Body=b"a,b\n1,2\n")
    sent = job.model_copy(update={"version_id": put["VersionId"], "size": 8})
    assert b"".join(uploads.stream(sent, part=5)) == b"a,b\n1,2\n"

    with corrupt_bodies():
        parts = uploads.stream(sent, part=5)
        assert next(parts) == b"a,b\n1"
        with pytest.raises(Busy):
            next(parts)


@contextmanager
def corrupt_bodies() -> Iterator[None]:
    """S3 hands over other bytes than it was given, as many of them."""

    def corrupt(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Body"] = io.BytesIO(b"a,b\n1" if parsed["ContentLength"] == 5 else b",3\n")

    events: Any = uploads.client().meta.events  # the stubs know no handler that answers
    events.register("after-call.s3.GetObject", corrupt)
    try:
        yield
    finally:
        events.unregister("after-call.s3.GetObject", corrupt)

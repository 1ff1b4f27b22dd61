"""Presigned URLs, by which callers upload files to S3 and download reports.

A URL expires with the credentials that signed it, if not earlier. AWS (re:Post, "Why is my
presigned URL expiring before the expiration time that I specified?"): "If you created a presigned
URL using a temporary token, then the URL expires when the token expires." S3 checks the time when a
request begins, so a request that began in time is completed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from shared.import_job import ImportJob
from shared.store.uploads import client, result_key, session

LARGEST_POST = 5 * 1024**3
"""Bytes that S3 accepts in one request."""
LARGEST_OBJECT = 5 * 1024**4
"""Bytes of the largest object in S3."""
LINK_SECONDS = 3600
"""How long a URL is valid."""
ASSURED_SECONDS = 900
"""How long credentials without a known expiry are valid at least: a function's credentials come
from its environment, and must outlast its longest invocation of 15 minutes."""

_SKEW = timedelta(seconds=60)
_MOST_PARTS = 10_000
_LEAST_PART = 16 * 1024**2
_MEBIBYTE = 1024**2


class Parts(NamedTuple):
    """The parts of a multipart upload; all parts except the last have `part_size` bytes."""

    part_size: int
    part_count: int


def parts_of(size: int) -> Parts:
    """The parts for a file of so many bytes, within S3's limits for number and size."""
    part_size = -(-size // _MOST_PARTS // _MEBIBYTE) * _MEBIBYTE
    part_size = max(part_size, _LEAST_PART)
    return Parts(part_size, max(1, -(-size // part_size)))


def link_seconds() -> int:
    """How many seconds a URL that is signed now is valid for certain, at most LINK_SECONDS.

    Refreshable credentials have an expiry; those from the environment do not.
    """
    credentials: Any = session().get_credentials()
    token = credentials.get_frozen_credentials().token  # refreshes them if they expire soon
    expiry: datetime | None = getattr(credentials, "_expiry_time", None)
    if expiry is not None:
        left = int((expiry - _SKEW - datetime.now(UTC)).total_seconds())
        return max(1, min(LINK_SECONDS, left))
    return min(LINK_SECONDS, ASSURED_SECONDS) if token else LINK_SECONDS


def presigned_post(job: ImportJob, max_size: int) -> dict[str, Any]:
    """`url` and `fields` of a form that uploads the job's object, up to `max_size` bytes."""
    return client().generate_presigned_post(
        job.bucket,
        job.key,
        Conditions=[["content-length-range", 0, max_size]],
        ExpiresIn=LINK_SECONDS,
    )


def begin_multipart(job: ImportJob) -> str:
    """Begin a multipart upload: its id. S3's lifecycle rule aborts uploads that never complete."""
    upload = client().create_multipart_upload(
        Bucket=job.bucket, Key=job.key, ContentType="text/csv"
    )
    return upload["UploadId"]


def abort_multipart(job: ImportJob, upload_id: str) -> None:
    client().abort_multipart_upload(Bucket=job.bucket, Key=job.key, UploadId=upload_id)


def presigned_part(job: ImportJob, number: int) -> str:
    """The URL to PUT a part to; S3 answers with its ETag."""
    return _multipart_link("upload_part", job, PartNumber=number)


def presigned_complete(job: ImportJob) -> str:
    """The URL to POST the ETags of all parts to, as an XML document."""
    return _multipart_link("complete_multipart_upload", job)


def presigned_abort(job: ImportJob) -> str:
    """The URL to DELETE, which aborts the upload and deletes its parts."""
    return _multipart_link("abort_multipart_upload", job)


def _multipart_link(operation: str, job: ImportJob, **more: Any) -> str:
    named = {"Bucket": job.bucket, "Key": job.key, "UploadId": job.upload_id, **more}
    return client().generate_presigned_url(operation, Params=named, ExpiresIn=LINK_SECONDS)


def presigned_get(job: ImportJob, name: str, *, file_name: str, content_type: str) -> str:
    """A URL of a report, which a browser saves as `file_name`."""
    return client().generate_presigned_url(
        "get_object",
        Params={
            "Bucket": job.bucket,
            "Key": result_key(job, name),
            "ResponseContentType": content_type,
            "ResponseContentDisposition": attachment(file_name),
        },
        ExpiresIn=LINK_SECONDS,
    )


def attachment(file_name: str) -> str:
    """A Content-Disposition that makes a browser save the file under any name (RFC 6266)."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "-_." else "_" for c in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"

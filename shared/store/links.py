"""Presigned links, by which callers send files to S3 and read reports without rights of their own.

A link ends with the credentials that signed it, whatever it says itself. AWS (re:Post, "Why is my
presigned URL expiring before the expiration time that I specified?"): "If you created a presigned
URL using a temporary token, then the URL expires when the token expires." S3 looks at the time
when a request begins, so a request that has begun in time goes on to its end.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from shared.import_job import ImportJob
from shared.store.uploads import client, result_key, session

LARGEST_POST = 5 * 1024**3
"""Bytes that S3 takes in one request."""
LARGEST_OBJECT = 5 * 1024**4
"""Bytes that S3 keeps as one object."""
LINK_SECONDS = 3600
"""For which a link is signed."""
ASSURED_SECONDS = 900
"""For which credentials hold whose end nobody tells: a function gets its own by its environment,
and its longest call, which they must outlast, takes 15 minutes."""

_SKEW = timedelta(seconds=60)
_MOST_PARTS = 10_000
_LEAST_PART = 16 * 1024**2
_MEBIBYTE = 1024**2


class Parts(NamedTuple):
    """How a file is cut for a multipart upload: every part but the last has `part_size` bytes."""

    part_size: int
    part_count: int


def parts_of(size: int) -> Parts:
    """The parts of a file of so many bytes: few enough, and large enough, for S3 to take them."""
    part_size = -(-size // _MOST_PARTS // _MEBIBYTE) * _MEBIBYTE
    part_size = max(part_size, _LEAST_PART)
    return Parts(part_size, max(1, -(-size // part_size)))


def link_seconds() -> int:
    """For how long a link that is signed now is sure to hold, at most LINK_SECONDS.

    Credentials that refresh themselves know when they end; those of an environment do not.
    """
    credentials: Any = session().get_credentials()
    token = credentials.get_frozen_credentials().token  # refreshes them if they end soon
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
    """The id of a new multipart upload; one that is never completed is cleared away."""
    begun = client().create_multipart_upload(Bucket=job.bucket, Key=job.key, ContentType="text/csv")
    return begun["UploadId"]


def abort_multipart(job: ImportJob, upload_id: str) -> None:
    client().abort_multipart_upload(Bucket=job.bucket, Key=job.key, UploadId=upload_id)


def presigned_part(job: ImportJob, number: int) -> str:
    """The link to which a part goes by PUT; S3 answers with its ETag."""
    return _multipart_link("upload_part", job, PartNumber=number)


def presigned_complete(job: ImportJob) -> str:
    """The link to which the ETags of all parts go by POST, in an XML document."""
    return _multipart_link("complete_multipart_upload", job)


def presigned_abort(job: ImportJob) -> str:
    """The link that by DELETE ends the upload, and drops the parts that were sent."""
    return _multipart_link("abort_multipart_upload", job)


def _multipart_link(operation: str, job: ImportJob, **more: Any) -> str:
    named = {"Bucket": job.bucket, "Key": job.key, "UploadId": job.upload_id, **more}
    return client().generate_presigned_url(operation, Params=named, ExpiresIn=LINK_SECONDS)


def presigned_get(job: ImportJob, name: str, *, file_name: str, content_type: str) -> str:
    """A link to a report, which a browser saves as `file_name`."""
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
    """The header that has a browser save what it gets, whatever letters it has (RFC 6266)."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "-_." else "_" for c in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"

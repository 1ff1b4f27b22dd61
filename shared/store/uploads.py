"""S3: the files to import, each read at the version that its job has, and what jobs report.

`<company>/<kind>/…csv` are the callers' files; `_results/<company>/<number>/…` are ours, under
names that do not end in `.csv`, so that none of them is taken for an import.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import Busy
from shared.imports import ImportJob, place_of
from shared.store.imports import Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART = 8 * 1024 * 1024
"""Bytes that are read from S3 in one go."""
LARGEST_POST = 5 * 1024**3
"""Bytes that S3 takes in one request."""
LINK_SECONDS = 3600
LARGEST_OBJECT = 5 * 1024**4
"""Bytes that S3 keeps as one object."""
PARTS_SECONDS = 6 * 3600
_MOST_PARTS = 1000
_MEBIBYTE = 1024**2

_TRIES = 3
_MD5 = re.compile(r"[0-9a-f]{32}")
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404"})


@cache
def client() -> "S3Client":
    """The low-level client, made on first use."""
    config = Config(
        signature_version="s3v4",
        connect_timeout=1,
        read_timeout=10,
        max_pool_connections=16,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    made: S3Client = botocore.session.get_session().create_client("s3", config=config)  # type: ignore[assignment]  # the stubs know only boto3's way
    return made


def bucket() -> str:
    """The name of the uploads bucket, which the stack puts into the environment."""
    return os.environ["UPLOADS_BUCKET"]


def read_range(job: ImportJob, start: int, end: int) -> bytes:
    """The bytes from `start` up to `end`, which is not part of them, of the version that is pinned.

    Raises Busy if S3 does not hand over all of them; whether they are the right ones is known by
    the digest that the planner noted.
    """
    return _read(job, start, end)[0]


def _read(job: ImportJob, start: int, end: int) -> tuple[bytes, str | None]:
    """A range, and the MD5 of the whole object if S3 tells it."""
    if start >= end:
        return b"", None
    for _ in range(_TRIES):
        try:
            answer = client().get_object(
                Bucket=job.bucket, Key=job.key, **_pin(job), Range=f"bytes={start}-{end - 1}"
            )
            # A server may answer a range with the whole; the local emulator does for a version.
            whole = "ContentRange" not in answer
            data = answer["Body"].read(end)[start:] if whole else answer["Body"].read()
        except (BotoCoreError, HTTPException, OSError):
            continue
        if len(data) == end - start:
            return data, _md5_of(answer)
    raise Busy


def _md5_of(answer: Mapping[str, Any]) -> str | None:
    """The ETag is that of an object that came in one piece and is encrypted with S3's own key."""
    etag = answer.get("ETag", "").strip('"')
    own_key = answer.get("ServerSideEncryption", "AES256") == "AES256"
    return etag if own_key and _MD5.fullmatch(etag) else None


def stream(job: ImportJob, *, part: int = PART) -> Iterator[bytes]:
    """The pinned version from its first byte to its last, in parts.

    Raises Busy in place of the last part if these are not the bytes that S3 was given.
    """
    size = job.size
    if size is None:
        size = client().head_object(Bucket=job.bucket, Key=job.key, **_pin(job))["ContentLength"]
    digest = hashlib.md5(usedforsecurity=False)
    for start in range(0, size, part):
        data, known = _read(job, start, min(start + part, size))
        digest.update(data)
        if known and start + part >= size and known != digest.hexdigest():
            raise Busy
        yield data


def put_upload(job: ImportJob, data: bytes) -> None:
    """Write the object that a job waits for, once: what raises its event must not come twice."""
    for _ in range(_TRIES):
        try:
            client().put_object(
                Bucket=job.bucket,
                Key=job.key,
                Body=data,
                ContentType="text/csv",
                IfNoneMatch="*",
            )
            return
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                return
            if error.response["Error"]["Code"] != "ConditionalRequestConflict":
                raise
    raise Busy


def presigned_post(job: ImportJob, max_size: int) -> dict[str, Any]:
    """`url` and `fields` of a form that uploads the job's object, up to `max_size` bytes."""
    return client().generate_presigned_post(
        job.bucket,
        job.key,
        Conditions=[["content-length-range", 0, max_size]],
        ExpiresIn=LINK_SECONDS,
    )


def put_result(job: ImportJob, name: str, data: bytes) -> None:
    """Write one of the job's reports, in the place of what an earlier attempt wrote."""
    client().put_object(Bucket=job.bucket, Key=result_key(job, name), Body=data)


def presigned_parts(job: ImportJob, size: int) -> dict[str, Any]:
    """`part_size`, a link for each part, and one to complete the upload: above `LARGEST_POST`.

    The bytes `n * part_size` up to the next part go by PUT to link `n`; the ETags that S3 answers
    go in an XML document by POST to `complete_url`. What is never completed is cleared away.
    """
    part_size = -(-size // _MOST_PARTS // _MEBIBYTE) * _MEBIBYTE
    place = {"Bucket": job.bucket, "Key": job.key}
    upload = client().create_multipart_upload(
        Bucket=job.bucket, Key=job.key, ContentType="text/csv"
    )["UploadId"]

    def link(operation: str, **more: Any) -> str:
        named = {**place, "UploadId": upload, **more}
        return client().generate_presigned_url(operation, Params=named, ExpiresIn=PARTS_SECONDS)

    numbers = range(1, -(-size // part_size) + 1)
    return {
        "upload_id": upload,
        "part_size": part_size,
        "part_urls": [link("upload_part", PartNumber=number) for number in numbers],
        "complete_url": link("complete_multipart_upload"),
    }


def put_parts(job: ImportJob, name: str, parts: Iterable[bytes]) -> None:
    """Write a report of any size, a few megabytes of it in memory at a time."""
    held, upload = bytearray(), ""
    sent: list[Any] = []
    place: Any = {"Bucket": job.bucket, "Key": result_key(job, name)}
    for part in parts:
        held += part
        if len(held) >= PART:
            upload = upload or client().create_multipart_upload(**place)["UploadId"]
            sent.append(_sent_part(place, upload, len(sent) + 1, bytes(held)))
            held.clear()
    if not upload:
        put_result(job, name, bytes(held))
        return
    if held:
        sent.append(_sent_part(place, upload, len(sent) + 1, bytes(held)))
    client().complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": sent})


def _sent_part(place: Any, upload: str, number: int, data: bytes) -> Any:
    answer = client().upload_part(**place, UploadId=upload, PartNumber=number, Body=data)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def get_result(job: ImportJob, name: str, *, most: int | None = None) -> bytes | None:
    """A report, or its first `most` bytes; None if there is none.

    Raises Busy if S3 does not hand it over.
    """
    asked: dict[str, Any] = {"Bucket": job.bucket, "Key": result_key(job, name)}
    if most is not None:
        asked["Range"] = f"bytes=0-{most - 1}"
    for _ in range(_TRIES):
        try:
            return client().get_object(**asked)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        except (BotoCoreError, HTTPException, OSError):
            continue
    raise Busy


def result_size(job: ImportJob, name: str) -> int | None:
    """Bytes of a report; None if there is none."""
    try:
        return client().head_object(Bucket=job.bucket, Key=result_key(job, name))["ContentLength"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise


def delete_result(job: ImportJob, name: str) -> None:
    client().delete_object(Bucket=job.bucket, Key=result_key(job, name))


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


def result_key(job: ImportJob, name: str) -> str:
    return f"_results/{job.company}/{job.number}/{name}"


def versions(since: datetime, until: datetime) -> Iterator[Version]:
    """Every version of a file to import that came in a time; our own reports are not looked at."""
    for company in _companies():
        pages = client().get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=bucket(), Prefix=company):
            for found in page.get("Versions", ()):
                if since <= found["LastModified"] < until and place_of(found["Key"]):
                    yield Version(bucket(), found["Key"], found["VersionId"], found["Size"])


def _companies() -> Iterator[str]:
    """The first folders of the bucket, without ours."""
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket(), Delimiter="/")
    for page in pages:
        for found in page.get("CommonPrefixes", ()):
            if not found["Prefix"].startswith("_"):
                yield found["Prefix"]


def _pin(job: ImportJob) -> dict[str, Any]:
    return {"VersionId": job.version_id} if job.version_id else {}

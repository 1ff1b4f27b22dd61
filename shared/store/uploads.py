"""S3: the files to import, each read at the version that its job has, and what jobs report.

Links for callers are in `shared.store.links`, and listings in `shared.store.listing`.

`<company>/<kind>/…csv` are the callers' files; `_results/<company>/<number>/…` are ours, under
names that do not end in `.csv`, so that none of them is taken for an import.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import Busy
from shared.import_job import FileGone, ImportJob
from shared.store.import_jobs import Version
from shared.store.retry import attempts

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

PART = 8 * 1024 * 1024
"""Bytes that are read from S3 in one go."""
PLANNED = ("catalog.json", "manifest.json")
"""What the planner of a large import writes, and the state machine goes on with."""

_TRIES = 3
_MD5 = re.compile(r"[0-9a-f]{32}")
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_GONE = _ABSENT | {"MethodNotAllowed", "405"}
"""S3 answers 405 for a version that is a delete marker."""
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@cache
def session() -> "Session":
    """The session that the client's credentials come from."""
    return botocore.session.get_session()


@cache
def client() -> "S3Client":
    """The low-level client, made on first use.

    Its links name the bucket's regional endpoint. By default botocore signs them for the global
    one, `bucket.s3.amazonaws.com`: S3 answers 307 there until the name of a new bucket has spread,
    and in opt-in regions it refuses the request. An emulator has one host for all buckets.
    """
    has_own_endpoint = "AWS_ENDPOINT_URL_S3" in os.environ or "AWS_ENDPOINT_URL" in os.environ
    config = Config(
        signature_version="s3v4",
        s3={
            "addressing_style": "path" if has_own_endpoint else "virtual",
            "us_east_1_regional_endpoint": "regional",
        },
        connect_timeout=1,
        read_timeout=10,
        max_pool_connections=16,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    made: S3Client = session().create_client("s3", config=config)  # type: ignore[assignment]  # the stubs know only boto3's way
    return made


def bucket() -> str:
    """The name of the uploads bucket, which the stack puts into the environment."""
    return os.environ["UPLOADS_BUCKET"]


def read_range(job: ImportJob, start: int, end: int) -> bytes:
    """The bytes from `start` up to `end`, which is not part of them, of the version that is pinned.

    Raises Busy if S3 does not hand over all of them, and FileGone if it never will; whether they
    are the right ones is known by the digest that the planner noted.
    """
    return _read(job, start, end)[0]


def check_file(job: ImportJob) -> None:
    """Raise FileGone if the version that the job has can't be read any more."""
    try:
        found = client().head_object(Bucket=job.bucket, Key=job.key, **_pin(job))
    except ClientError as error:
        raise _file_error(job, error) from None
    storage_class: str = found.get("StorageClass", "STANDARD")
    is_restored = 'ongoing-request="false"' in found.get("Restore", "")
    if storage_class in _ARCHIVES and not is_restored:
        raise FileGone.archived(job, storage_class)
    if archive := found.get("ArchiveStatus"):
        raise FileGone.archived(job, archive)


def metadata(job: ImportJob) -> Mapping[str, str]:
    """The metadata of the file's object, by names in lower case. Raises FileGone."""
    try:
        return client().head_object(Bucket=job.bucket, Key=job.key, **_pin(job))["Metadata"]
    except ClientError as error:
        raise _file_error(job, error) from None


def find_upload(job: ImportJob) -> Version | None:
    """The newest version of the object that a job waits for; None if there is none."""
    try:
        found = client().head_object(Bucket=job.bucket, Key=job.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise
    return Version(job.bucket, job.key, found.get("VersionId", ""), found["ContentLength"])


def _file_error(job: ImportJob, error: ClientError) -> Exception:
    """FileGone if no attempt can read the file; any other error as it is.

    A denied access (403) is not that: an operator has to see it.
    """
    answer: Mapping[str, Any] = error.response["Error"]
    if answer["Code"] in _GONE:
        return FileGone.deleted(job)
    if answer["Code"] == "InvalidObjectState":
        return FileGone.archived(job, answer.get("StorageClass", "GLACIER"))
    return error


def _read(job: ImportJob, start: int, end: int) -> tuple[bytes, str | None]:
    """A range, and the MD5 of the whole object if S3 tells it."""
    if start >= end:
        return b"", None
    for _ in attempts(_TRIES):
        try:
            answer = client().get_object(
                Bucket=job.bucket, Key=job.key, **_pin(job), Range=f"bytes={start}-{end - 1}"
            )
            # A server may answer a range with the whole; the local emulator does for a version.
            whole = "ContentRange" not in answer
            data = answer["Body"].read(end)[start:] if whole else answer["Body"].read()
        except ClientError as error:
            raise _file_error(job, error) from None
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
        try:
            found = client().head_object(Bucket=job.bucket, Key=job.key, **_pin(job))
        except ClientError as error:
            raise _file_error(job, error) from None
        size = found["ContentLength"]
    digest = hashlib.md5(usedforsecurity=False)
    for start in range(0, size, part):
        data, known = _read(job, start, min(start + part, size))
        digest.update(data)
        if known and start + part >= size and known != digest.hexdigest():
            raise Busy
        yield data


def put_upload(job: ImportJob, data: bytes) -> None:
    """Write the object that a job waits for, once: what raises its event must not come twice."""
    for _ in attempts(_TRIES):
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


def put_result(job: ImportJob, name: str, data: bytes) -> None:
    """Write one of the job's reports, in the place of what an earlier attempt wrote."""
    client().put_object(Bucket=job.bucket, Key=result_key(job, name), Body=data)


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


def need_result(job: ImportJob, name: str) -> bytes:
    """A whole report that an earlier step wrote. Raises FileGone if there is none."""
    if (stored := get_result(job, name)) is None:
        raise FileGone.results(name)
    return stored


def get_result(job: ImportJob, name: str, *, most: int | None = None) -> bytes | None:
    """A report, or its first `most` bytes; None if there is none.

    Raises Busy if S3 does not hand it over.
    """
    asked: dict[str, Any] = {"Bucket": job.bucket, "Key": result_key(job, name)}
    if most is not None:
        asked["Range"] = f"bytes=0-{most - 1}"
    for _ in attempts(_TRIES):
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


def result_key(job: ImportJob, name: str) -> str:
    return f"_results/{job.company}/{job.number}/{name}"


def _pin(job: ImportJob) -> dict[str, Any]:
    return {"VersionId": job.version_id} if job.version_id else {}

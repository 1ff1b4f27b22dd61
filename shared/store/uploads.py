"""S3: import files, which are read at the version of their job, and the reports of jobs.

URLs for callers are in `shared.store.links`, and listings in `shared.store.listing`.

`<company>/<kind>/…csv` are the callers' files. `_results/<company>/<number>/…` are our reports,
whose names do not end in `.csv`, so that they are not imported.
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
from shared.store.object_claims import Version
from shared.store.retry import SDK_ATTEMPTS, attempts

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client

PART = 8 * 1024 * 1024
"""Bytes per read from S3."""
_PLANNED, REPEATS = ("catalog.json", "manifest.json"), "repeats.json"

_MD5 = re.compile(r"[0-9a-f]{32}")
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_GONE = ABSENT | {"MethodNotAllowed", "405"}
"""S3 answers 405 for a version that is a delete marker."""
_ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@cache
def session() -> "Session":
    """The botocore session, which has the client's credentials."""
    return botocore.session.get_session()


@cache
def client() -> "S3Client":
    """The botocore client, created on first use.

    Its URLs have the regional endpoint. By default botocore uses the global endpoint,
    `bucket.s3.amazonaws.com`, which answers 307 until a new bucket's name has propagated, and
    refuses requests in opt-in regions. An emulator has one host for all buckets.
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
        retries={"mode": "standard", "total_max_attempts": SDK_ATTEMPTS},
    )
    made: S3Client = session().create_client("s3", config=config)  # type: ignore[assignment]  # the stubs know only boto3's way
    return made


def bucket() -> str:
    """The name of the uploads bucket, from the environment that the stack sets."""
    return os.environ["UPLOADS_BUCKET"]


def read_range(job: ImportJob, start: int, end: int) -> bytes:
    """The bytes from `start` to `end`, exclusive, of the pinned version.

    Raises Busy if S3 does not return all of them, and FileGone if the version does not exist. The
    planner's digest verifies the bytes.
    """
    return _read(job, start, end)[0]


def check_file(job: ImportJob) -> None:
    """Raise FileGone if the job's version of the file can no longer be read."""
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
    """The newest version of the object that a job waits for, or None."""
    try:
        found = client().head_object(Bucket=job.bucket, Key=job.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise
    return Version(job.bucket, job.key, found.get("VersionId", ""), found["ContentLength"])


def _file_error(job: ImportJob, error: ClientError) -> Exception:
    """Convert an error to FileGone if retrying can't succeed; other errors are kept.

    A denied access (403) is kept, because an operator has to see it.
    """
    answer: Mapping[str, Any] = error.response["Error"]
    if answer["Code"] in _GONE:
        return FileGone.deleted(job)
    if answer["Code"] == "InvalidObjectState":
        return FileGone.archived(job, answer.get("StorageClass", "GLACIER"))
    return error


def _read(job: ImportJob, start: int, end: int) -> tuple[bytes, str | None]:
    """A range, and the MD5 of the whole object if the ETag is one."""
    if start >= end:
        return b"", None
    for _ in attempts(SDK_ATTEMPTS):
        try:
            answer = client().get_object(
                Bucket=job.bucket, Key=job.key, **_pin(job), Range=f"bytes={start}-{end - 1}"
            )
            # A server can answer with the whole object; the local emulator does for versions.
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
    """The MD5, if the ETag is one: for single-part objects without SSE-KMS."""
    etag = answer.get("ETag", "").strip('"')
    own_key = answer.get("ServerSideEncryption", "AES256") == "AES256"
    return etag if own_key and _MD5.fullmatch(etag) else None


def stream(job: ImportJob, *, part: int = PART) -> Iterator[bytes]:
    """The pinned version in parts, from its first byte to its last.

    Raises Busy instead of the last part if the bytes do not match the object's MD5.
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
    """Write the object that a job waits for, unless it exists: its event must occur only once."""
    _put_first(job, job.key, data, ContentType="text/csv")


def _put_first(job: ImportJob, key: str, data: bytes, **more: Any) -> None:
    for _ in attempts(SDK_ATTEMPTS):
        try:
            client().put_object(Bucket=job.bucket, Key=key, Body=data, IfNoneMatch="*", **more)
            return
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                return
            if error.response["Error"]["Code"] != "ConditionalRequestConflict":
                raise
    raise Busy


def planned_results(job: ImportJob) -> tuple[str, ...]:
    """The reports of the planner that the state machine needs to continue."""
    return (*_PLANNED, REPEATS) if job.on_existing == "update" else _PLANNED


def put_result(job: ImportJob, name: str, data: bytes) -> None:
    """Write a report of the job, replacing that of an earlier attempt."""
    client().put_object(Bucket=job.bucket, Key=result_key(job, name), Body=data)


def put_first_result(job: ImportJob, name: str, data: bytes) -> None:
    """Write a report of the job, unless it exists: a late worker replaces nothing."""
    _put_first(job, result_key(job, name), data)


def put_parts(job: ImportJob, name: str, parts: Iterable[bytes]) -> None:
    """Write a report of any size with a few megabytes of memory."""
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
    """A report that an earlier step wrote. Raises FileGone if it does not exist."""
    if (stored := get_result(job, name)) is None:
        raise FileGone.results(name)
    return stored


def get_result(job: ImportJob, name: str, *, most: int | None = None) -> bytes | None:
    """A report, or its first `most` bytes; None if it does not exist.

    Raises Busy if S3 does not return it.
    """
    arguments: dict[str, Any] = {"Bucket": job.bucket, "Key": result_key(job, name)}
    if most is not None:
        arguments["Range"] = f"bytes=0-{most - 1}"
    for _ in attempts(SDK_ATTEMPTS):
        try:
            return client().get_object(**arguments)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return None
            raise
        except (BotoCoreError, HTTPException, OSError):
            continue
    raise Busy


def result_size(job: ImportJob, name: str) -> int | None:
    """The size of a report in bytes; None if it does not exist."""
    try:
        return client().head_object(Bucket=job.bucket, Key=result_key(job, name))["ContentLength"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise


def delete_result(job: ImportJob, name: str) -> None:
    client().delete_object(Bucket=job.bucket, Key=result_key(job, name))


def result_key(job: ImportJob, name: str) -> str:
    return f"_results/{job.company}/{job.number}/{name}"


def _pin(job: ImportJob) -> dict[str, Any]:
    return {"VersionId": job.version_id} if job.version_id else {}

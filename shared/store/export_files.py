"""S3: the files of exports, which are uploaded in parts.

`_exports/<company>/<number>/<generation>` are the files. Their names do not end in `.csv`, so that
they are not imported. An object appears only when S3 has joined all parts of its upload.

Every part has a CRC32, which S3 compares, also when it joins the parts. AWS (CompletedPart): with
such a checksum, "the PartNumber must start at 1 and the part numbers must be consecutive". So a
part that a late worker uploads again replaces the first one. Then its ETag is not the stored one,
S3 refuses to join the parts, and the export begins again.
"""

import base64
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import Busy
from shared.export_job import ExportJob
from shared.store.export_jobs import StoredPart
from shared.store.links import LINK_SECONDS, attachment
from shared.store.retry import SDK_ATTEMPTS, attempts
from shared.store.uploads import ABSENT, bucket, client

CONTENT_TYPE = "text/csv; charset=utf-8"
_LOST = frozenset({"NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "404"})
"""Error codes of an upload that does not exist any more, or has other parts than we stored."""


class UploadLost(Exception):
    """The upload, or a stored part of it, does not exist in S3 any more."""


def begin_export_file(job: ExportJob) -> str:
    """Begin the upload of an export's file: its id."""
    upload = client().create_multipart_upload(
        **_place(job), ContentType=CONTENT_TYPE, ChecksumAlgorithm="CRC32"
    )
    return upload["UploadId"]


def upload_part(job: ExportJob, number: int, data: bytes) -> StoredPart:
    """Upload a part of the file. Raises UploadLost."""
    crc32 = base64.b64encode(zlib.crc32(data).to_bytes(4)).decode()
    answer = _retried(
        lambda: client().upload_part(
            **_upload(job), PartNumber=number, Body=data, ChecksumCRC32=crc32
        )
    )
    return StoredPart(number, answer["ETag"], crc32)


def join_parts(job: ExportJob, parts: Sequence[StoredPart]) -> None:
    """Join the parts to the file; does nothing if they have been joined. Raises UploadLost."""
    joined: Any = [
        {"PartNumber": each.number, "ETag": each.etag, "ChecksumCRC32": each.crc32}
        for each in parts
    ]
    try:
        _retried(
            lambda: client().complete_multipart_upload(
                **_upload(job), MultipartUpload={"Parts": joined}
            )
        )
    except UploadLost:
        if not _exists(job):
            raise


def drop_parts(job: ExportJob) -> None:
    """Delete the parts of an export that will not be finished.

    A part that arrives later is deleted by the bucket's lifecycle rule.
    """
    if job.upload_id is None:
        return
    try:
        client().abort_multipart_upload(**_upload(job))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _LOST:
            raise


def presigned_export(job: ExportJob) -> str:
    """A URL of the file, which a browser saves under the export's name."""
    return client().generate_presigned_url(
        "get_object",
        Params={
            **_place(job),
            "ResponseContentType": CONTENT_TYPE,
            "ResponseContentDisposition": attachment(job.file_name),
        },
        ExpiresIn=LINK_SECONDS,
    )


def _exists(job: ExportJob) -> bool:
    try:
        found = client().head_object(**_place(job))
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return False
        raise
    return found["ContentLength"] == job.size


def _retried(call: Any) -> Any:
    """Send a request again that got no response, which has the same result. Raises UploadLost."""
    for _ in attempts(SDK_ATTEMPTS):
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] in _LOST:
                raise UploadLost from None
            raise
        except (BotoCoreError, HTTPException, OSError):
            continue
    raise Busy


def _place(job: ExportJob) -> dict[str, Any]:
    return {"Bucket": bucket(), "Key": f"_exports/{job.company}/{job.number}/{job.generation}"}


def _upload(job: ExportJob) -> dict[str, Any]:
    return {**_place(job), "UploadId": job.upload_id}

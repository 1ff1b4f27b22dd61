"""The part of the client that uploads files to S3, to the presigned URLs of an import.

Uploading a part is idempotent, so the client retries it, and requests new URLs when they expire.
Posting a form is not: a second POST would create a second version of the file. After a lost
response the client therefore polls the import until it has its file, and never posts again.
"""

import time
from contextlib import suppress
from itertools import count
from typing import BinaryIO

from infra.client.connection import MAX_ATTEMPTS, ApiProblem, Connection, LinkRefused
from shared.contract.imports import ImportView, PartLinks, StartedImport, UploadForm

MULTIPART_BYTES = 100 * 1024**2
"""Size in bytes above which a file is sent as a multipart upload.

AWS: "when your object size reaches 100 MB, you should consider using multipart upload instead of
uploading the object in a single operation".
"""
URLS_PER_REQUEST = 20
"""How many presigned URLs of parts one request returns."""

_EXPIRED = frozenset({"ExpiredToken", "RequestExpired", "TokenRefreshRequired"})
_BUSY = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"})
_POLLS = 5
"""How often the client polls an import for its file after a lost response."""
_COMPLETED = "<CompleteMultipartUploadResult"


class Uploader:
    """The upload of the file of one import."""

    def __init__(self, connection: Connection, started: StartedImport) -> None:
        self._connection = connection
        self._started = started
        self._path = f"/imports/{started.id}/"

    def send(self, file: BinaryIO) -> None:
        """Send the file by a form or as a multipart upload, reading it as it is sent."""
        upload = self._started.upload
        if isinstance(upload, UploadForm) and (self._started.size or 0) <= MULTIPART_BYTES:
            self._send_form(upload, file)
        elif upload is not None:
            self._send_parts(file)

    def cancel_import(self) -> None:
        """Cancel the import, which would otherwise wait for a file that S3 rejected."""
        with suppress(ApiProblem):
            self._connection.send("POST", f"{self._path}cancel/")

    def _send_form(self, form: UploadForm, file: BinaryIO) -> None:
        """Post the form; send the file in parts if the form has expired."""
        content = {"file": ("file.csv", file, "text/csv")}
        for attempt in count(1):
            try:
                self._connection.send_presigned("POST", form.url, data=form.fields, files=content)
            except LinkRefused as refused:
                file.seek(0)
                if is_expired(refused):
                    return self._send_parts(file)
                if refused.s3_code != "SlowDown" or attempt == MAX_ATTEMPTS:
                    raise
                self._connection.pause(attempt)
            except ApiProblem:
                if self._wait_for_file():
                    return None
                raise
            else:
                return None
        return None

    def _wait_for_file(self) -> bool:
        """Poll the import until it has its file; False if it still waits after the last poll."""
        for attempt in range(1, _POLLS + 1):
            self._connection.pause(attempt)
            if self._connection.read(ImportView, self._path).state != "awaiting_upload":
                return True
        return False

    def _send_parts(self, file: BinaryIO) -> None:
        links = Links(self._connection, self._path)
        part_size, remaining = links.part_size(), self._started.size or 0
        tags: list[str] = []
        while remaining > 0 or not tags:
            data = file.read(min(part_size, remaining))
            tags.append(self._send_part(links, len(tags) + 1, data))
            remaining -= len(data) or remaining
        if file.read(1):
            links.abort()
            message = "The file grew while it was uploaded. Import it again"
            raise ApiProblem("file_changed", message)
        try:
            self._complete(links, tags)
        except LinkRefused:
            links.abort()
            raise

    def _send_part(self, links: "Links", number: int, data: bytes) -> str:
        """Upload a part with retries and return its ETag."""
        attempt = 1
        while True:
            try:
                url = links.part_url(number)
                answer = self._connection.send_presigned("PUT", url, content=data)
            except ApiProblem as problem:
                if attempt == MAX_ATTEMPTS or not self._prepare_retry(problem, links, attempt):
                    raise
                attempt += 1
            else:
                if "etag" in answer.headers:
                    return answer.headers["etag"]
                message = f"{answer.url.host} accepted part {number} but returned no ETag"
                raise ApiProblem("link_refused", message, status=answer.status_code)

    def _prepare_retry(self, problem: ApiProblem, links: "Links", attempt: int) -> bool:
        """Discard expired URLs, or wait while S3 is busy; False if a retry can't help."""
        if isinstance(problem, LinkRefused) and is_expired(problem):
            links.discard()
            return True
        is_truncated = isinstance(problem, LinkRefused) and (problem.status, problem.s3_code) == (
            200,
            "",
        )
        is_busy = isinstance(problem, LinkRefused) and problem.s3_code in _BUSY
        if problem.code == "unreachable" or is_truncated or is_busy or (problem.status or 0) >= 500:
            self._connection.pause(attempt)
            return True
        return False

    def _complete(self, links: "Links", tags: list[str]) -> None:
        """Complete the multipart upload.

        `NoSuchUpload` after a lost response means that an earlier attempt completed it.
        """
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        may_be_complete, attempt = False, 1
        while True:
            try:
                return self._request_completion(links.complete_url(), body)
            except ApiProblem as problem:
                code = problem.s3_code if isinstance(problem, LinkRefused) else ""
                if code == "NoSuchUpload" and may_be_complete:
                    return None
                if attempt == MAX_ATTEMPTS or not self._prepare_retry(problem, links, attempt):
                    raise
                may_be_complete = may_be_complete or code in ("", "InternalError")
                attempt += 1

    def _request_completion(self, url: str, body: bytes) -> None:
        """Send the request once. Raises LinkRefused unless the response body reports success.

        AWS, CompleteMultipartUpload: "a 200 OK response can contain either a success or an error".
        """
        answer = self._connection.send_presigned("POST", url, content=body)
        if _COMPLETED not in answer.text:
            raise LinkRefused(answer)


def is_expired(problem: LinkRefused) -> bool:
    """Return whether a presigned URL, or the credentials that signed it, have expired."""
    return problem.s3_code in _EXPIRED or "expired" in problem.message


class Links:
    """The presigned URLs of a multipart upload, requested from the API when they are needed."""

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = f"{path}parts/"
        self._links: PartLinks | None = None
        self._expires_at = 0.0

    def part_size(self) -> int:
        """Return the size in bytes of every part except the last."""
        return self._request([]).part_size

    def part_url(self, number: int) -> str:
        """Return the URL of a part; parts are numbered from 1."""
        for each in self._current().parts:
            if each.part_number == number:
                return each.url
        last = min(number + URLS_PER_REQUEST - 1, self._current().part_count)
        return self._request([*range(number, last + 1)]).parts[0].url

    def complete_url(self) -> str:
        """Return the URL that completes the upload."""
        return self._current().complete_url

    def abort(self) -> None:
        """Abort the upload, which deletes its parts; S3 aborts it after some days otherwise."""
        with suppress(ApiProblem):
            self._connection.send_presigned("DELETE", self._current().abort_url)

    def discard(self) -> None:
        """Discard the URLs, so that the next one is requested again."""
        self._links = None

    def _current(self) -> PartLinks:
        if self._links is None or time.monotonic() > self._expires_at:
            return self._request([])
        return self._links

    def _request(self, numbers: list[int]) -> PartLinks:
        body = {"part_numbers": numbers}
        answer = self._connection.send("POST", self._path, idempotent=True, body=body)
        self._links = PartLinks.model_validate_json(answer.content)
        self._expires_at = time.monotonic() + self._links.expires_in * 0.8
        return self._links

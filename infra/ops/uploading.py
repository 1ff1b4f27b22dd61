"""The part of the client that sends files to S3, by the links that the API gives.

Only 2xx is success. A link that has expired is replaced and its part sent again; a part is the
same however often it comes. A form that was sent twice would be two versions of the file, so after
a lost answer the import is asked whether its file came.
"""

import time
from contextlib import suppress
from itertools import count
from typing import BinaryIO

from infra.ops.connection import TRIES, ApiProblem, Connection, LinkRefused
from shared.reports import ImportView, PartLinks, StartedImport, UploadForm

IN_PARTS = 100 * 1024**2
"""Bytes above which a file goes in parts. AWS: "when your object size reaches 100 MB, you should
consider using multipart upload instead of uploading the object in a single operation"."""
LINKS = 20
"""To parts, asked for at once."""

_EXPIRED = frozenset({"ExpiredToken", "RequestExpired", "TokenRefreshRequired"})
_BUSY = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"})
_LOOKS = 5
"""How often an import is asked whether its file came, after a lost answer."""
_COMPLETED = "<CompleteMultipartUploadResult"


class Uploader:
    """Sends the file of one import."""

    def __init__(self, connection: Connection, started: StartedImport) -> None:
        self._connection = connection
        self._started = started
        self._path = f"/imports/{started.id}/"

    def send(self, file: BinaryIO) -> None:
        """Send the file as the API says, by a form or in parts; it is read as it is sent."""
        upload = self._started.upload
        if isinstance(upload, UploadForm) and (self._started.size or 0) <= IN_PARTS:
            self._send_form(upload, file)
        elif upload is not None:
            self._send_parts(file)

    def drop(self) -> None:
        """End an import whose file S3 refused, so that it does not wait for it."""
        with suppress(ApiProblem):
            self._connection.send("POST", f"{self._path}cancel/")

    def _send_form(self, form: UploadForm, file: BinaryIO) -> None:
        """A form that has expired is replaced by links to parts, which the API gives anew."""
        content = {"file": ("file.csv", file, "text/csv")}
        for attempt in count(1):
            try:
                self._connection.elsewhere("POST", form.url, data=form.fields, files=content)
            except LinkRefused as refused:
                file.seek(0)
                if is_expired(refused):
                    return self._send_parts(file)
                if refused.s3_code != "SlowDown" or attempt == TRIES:
                    raise
                self._connection.pause(attempt)
            except ApiProblem:
                if self._has_come():
                    return None
                raise
            else:
                return None
        return None

    def _has_come(self) -> bool:
        for attempt in range(1, _LOOKS + 1):
            self._connection.pause(attempt)
            if self._connection.read(ImportView, self._path).state != "awaiting_upload":
                return True
        return False

    def _send_parts(self, file: BinaryIO) -> None:
        links = Links(self._connection, self._path)
        part_size, left = links.part_size(), self._started.size or 0
        tags: list[str] = []
        while left > 0 or not tags:
            data = file.read(min(part_size, left))
            tags.append(self._send_part(links, len(tags) + 1, data))
            left -= len(data) or left
        if file.read(1):
            links.abort()
            message = "The file has grown since its import was started: import it again"
            raise ApiProblem("file_changed", message)
        try:
            self._complete(links, tags)
        except LinkRefused:
            links.abort()
            raise

    def _send_part(self, links: "Links", number: int, data: bytes) -> str:
        """The ETag that S3 answers with."""
        attempt = 1
        while True:
            try:
                sent = self._connection.elsewhere("PUT", links.to_part(number), content=data)
            except ApiProblem as problem:
                if attempt == TRIES or not self._may_do_again(problem, links, attempt):
                    raise
                attempt += 1
            else:
                if "etag" in sent.headers:
                    return sent.headers["etag"]
                message = f"{sent.url.host} took part {number} and did not answer with its ETag"
                raise ApiProblem("link_refused", message, status=sent.status_code)

    def _may_do_again(self, problem: ApiProblem, links: "Links", attempt: int) -> bool:
        """Whether what was refused may do now, with other links or after a pause."""
        if isinstance(problem, LinkRefused) and is_expired(problem):
            links.forget()
            return True
        is_cut = isinstance(problem, LinkRefused) and (problem.status, problem.s3_code) == (200, "")
        is_busy = isinstance(problem, LinkRefused) and problem.s3_code in _BUSY
        if problem.code == "unreachable" or is_cut or is_busy or (problem.status or 0) >= 500:
            self._connection.pause(attempt)
            return True
        return False

    def _complete(self, links: "Links", tags: list[str]) -> None:
        """Have S3 make the file of its parts.

        An upload that S3 does not know, after an answer was lost, is one that it completed.
        """
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        may_be_done, attempt = False, 1
        while True:
            try:
                return self._ask_to_complete(links.complete_url(), body)
            except ApiProblem as problem:
                code = problem.s3_code if isinstance(problem, LinkRefused) else ""
                if code == "NoSuchUpload" and may_be_done:
                    return None
                if attempt == TRIES or not self._may_do_again(problem, links, attempt):
                    raise
                may_be_done = may_be_done or code in ("", "InternalError")
                attempt += 1

    def _ask_to_complete(self, url: str, body: bytes) -> None:
        """Raise LinkRefused unless the body of the answer says that it is done.

        AWS, CompleteMultipartUpload: "a 200 OK response can contain either a success or an error".
        """
        answer = self._connection.elsewhere("POST", url, content=body)
        if _COMPLETED not in answer.text:
            raise LinkRefused(answer)


def is_expired(problem: LinkRefused) -> bool:
    """Whether a link is too old, by itself or by the credentials that signed it."""
    return problem.s3_code in _EXPIRED or "expired" in problem.message


class Links:
    """The links of an upload in parts, asked for as they are needed."""

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = f"{path}parts/"
        self._known: PartLinks | None = None
        self._until = 0.0

    def part_size(self) -> int:
        return self._ask([]).part_size

    def to_part(self, number: int) -> str:
        for each in self._fresh().parts:
            if each.part_number == number:
                return each.url
        most = self._fresh().part_count
        known = self._ask([*range(number, min(number + LINKS - 1, most) + 1)])
        return known.parts[0].url

    def complete_url(self) -> str:
        return self._fresh().complete_url

    def abort(self) -> None:
        """Drop the parts that were sent; S3 does so by itself after some days."""
        with suppress(ApiProblem):
            self._connection.elsewhere("DELETE", self._fresh().abort_url)

    def forget(self) -> None:
        """Have the next link be a new one."""
        self._known = None

    def _fresh(self) -> PartLinks:
        if self._known is None or time.monotonic() > self._until:
            return self._ask([])
        return self._known

    def _ask(self, numbers: list[int]) -> PartLinks:
        body = {"part_numbers": numbers}
        answer = self._connection.send("POST", self._path, repeatable=True, body=body)
        self._known = PartLinks.model_validate_json(answer.content)
        self._until = time.monotonic() + self._known.expires_in * 0.8
        return self._known

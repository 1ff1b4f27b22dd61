"""A model of S3: one versioned bucket, and the operations that the product uses.

It reads requests and writes responses in their wire format, with checksums, so botocore detects
a body that was altered in transit as it would on AWS.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from itertools import chain, islice
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest

from tests.faults.expressions import Unmodelled


@dataclass(frozen=True)
class Version:
    """One version of an object; `data` is None for a delete marker."""

    id: str
    data: bytes | None
    modified: datetime


@dataclass
class Upload:
    """A multipart upload: the key of its object, and its parts by number."""

    key: str
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """The ETag and the bytes of each. A part that is sent again has another ETag, as with SSE-KMS.
    """


@dataclass(frozen=True)
class Sent:
    """A response, with its body as the service sends it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class S3:
    """The service. `heard` is called with each new version, as a bucket's notification would be."""

    now: Callable[[], float]
    heard: Callable[[str, Version], None] = lambda *_: None
    objects: dict[str, list[Version]] = field(default_factory=dict)
    made: int = 0
    page: int = 1000
    """Entries of a list in one response."""
    uploads: dict[str, Upload] = field(default_factory=dict)
    """The multipart uploads that are not complete, by id."""
    least_part: int = 5 * 1024**2
    """The bytes that every part but the last must have."""

    def answer(self, request: AWSPreparedRequest) -> Sent:
        """Return the service's response to a request in its wire format."""
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
        key = unquote(parts.path.lstrip("/"))
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        match request.method:
            case "GET" if "versions" in query:
                return self._versions(
                    unquote(query.get("key-marker", "")), query.get("version-id-marker", "")
                )
            case "GET" | "HEAD":
                return self._get(key, query.get("versionId"), headers, request.method)
            case "PUT" if not query:
                return self._put(key, _body(request, headers), headers)
            case "POST" if "uploads" in query:
                return self._begin(key)
            case "PUT" | "POST" | "DELETE" if "uploadId" in query:
                return self._of_upload(request, key, query, headers)
            case "DELETE" if not query:
                self.delete(key)
                return Sent(204)
        raise Unmodelled(f"{request.method} {request.url}")

    def put(self, key: str, data: bytes | None) -> Version:
        """Create a new version of an object."""
        self.made += 1
        moment = datetime.fromtimestamp(int(self.now()), UTC)
        version = Version(f"v{self.made}", data, moment)
        self.objects.setdefault(key, []).append(version)
        if data is not None:
            self.heard(key, version)
        return version

    def delete(self, key: str) -> None:
        """Write a delete marker; the object's versions stay."""
        self.put(key, None)

    def read(self, key: str, version: str | None = None) -> bytes | None:
        """Return the bytes of a version, by default of the newest."""
        found = [each for each in self.objects.get(key, ()) if version in (None, each.id)]
        return found[-1].data if found else None

    def _get(self, key: str, version: str | None, headers: Mapping[str, str], method: str) -> Sent:
        data = self.read(key, version)
        if data is None:
            code = "NoSuchVersion" if version else "NoSuchKey"
            return refused(404, code) if method == "GET" else Sent(404)
        headers = {"content-length": str(len(data)), "content-type": "binary/octet-stream"}
        headers["x-amz-version-id"] = version or self.objects[key][-1].id
        headers["etag"] = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        if wanted := headers.get("range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
            data = data[int(first) : int(last) + 1]
            return Sent(206, headers | {"content-length": str(len(data))}, data)
        headers["x-amz-checksum-crc32"] = base64.b64encode(zlib.crc32(data).to_bytes(4)).decode()
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
        return Sent(200, headers, data if method == "GET" else b"")

    def _put(self, key: str, data: bytes, headers: Mapping[str, str]) -> Sent:
        if headers.get("if-none-match") == "*" and self.read(key) is not None:
            return refused(412, "PreconditionFailed")
        return Sent(200, {"x-amz-version-id": self.put(key, data).id})

    def _begin(self, key: str) -> Sent:
        self.made += 1
        self.uploads[f"upload-{self.made}"] = Upload(key)
        return _xml("InitiateMultipartUploadResult", f"<UploadId>upload-{self.made}</UploadId>")

    def _of_upload(
        self,
        request: AWSPreparedRequest,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Sent:
        """Answer a request for a multipart upload: a part, its completion, or its end."""
        upload = self.uploads.get(query["uploadId"])
        if upload is None or upload.key != key:
            return refused(404, "NoSuchUpload")
        if request.method == "DELETE":
            del self.uploads[query["uploadId"]]
            return Sent(204)
        if request.method == "PUT":
            data = _body(request, headers)
            if headers.get("x-amz-checksum-crc32") != _crc32(data):
                return refused(400, "BadDigest")
            self.made += 1
            etag = f'"{self.made:032x}"'
            upload.parts[int(query["partNumber"])] = etag, data
            return Sent(200, {"etag": etag})
        return self._complete(query["uploadId"], upload, _text(request.body))

    def _complete(self, id: str, upload: Upload, body: str) -> Sent:
        """Join the parts that a request lists. With checksums, AWS wants consecutive numbers."""
        listed = [
            (int(_element(part, "PartNumber")), _element(part, "ETag"), _element(part, "Checksum"))
            for part in re.findall(r"<Part>(.*?)</Part>", body, re.DOTALL)
        ]
        if not listed:
            return refused(400, "MalformedXML")
        if [number for number, _, _ in listed] != list(range(1, len(listed) + 1)):
            return refused(400, "InvalidPartOrder")
        for number, etag, crc32 in listed:
            stored, data = upload.parts.get(number, ("", b""))
            if (stored.strip('"'), _crc32(data)) != (etag.strip('"'), crc32):
                return refused(400, "InvalidPart")
            if number < len(listed) and len(data) < self.least_part:
                return refused(400, "EntityTooSmall")
        del self.uploads[id]
        self.put(upload.key, b"".join(upload.parts[number][1] for number, _, _ in listed))
        return _xml("CompleteMultipartUploadResult", f"<Key>{upload.key}</Key>")

    def _versions(self, key_marker: str, version_marker: str) -> Sent:
        """Return a page of versions and delete markers after the markers, newest first per key."""
        entries = self._behind(key_marker, version_marker)
        if entries is None:
            return refused(400, "InvalidArgument")
        page = list(islice(entries, self.page))
        xml = "<EncodingType>url</EncodingType>"
        if next(entries, None) is not None:
            key, version = page[-1]
            xml += f"<NextKeyMarker>{quote(key)}</NextKeyMarker>"
            xml += f"<NextVersionIdMarker>{version.id}</NextVersionIdMarker>"
            xml += "<IsTruncated>true</IsTruncated>"
        return _xml("ListVersionsResult", xml + "".join(_entry(*each) for each in page))

    def _behind(self, key_marker: str, version_marker: str) -> Iterator[tuple[str, Version]] | None:
        """Return the entries after the markers; None if the marked version does not exist."""
        rest: list[Version] = []
        if version_marker:
            newest_first = self.objects.get(key_marker, [])[::-1]
            ids = [each.id for each in newest_first]
            if version_marker not in ids:
                return None
            rest = newest_first[ids.index(version_marker) + 1 :]
        keys = sorted(key for key in self.objects if key > key_marker)
        return chain(
            ((key_marker, each) for each in rest),
            ((key, each) for key in keys for each in reversed(self.objects[key])),
        )


def _entry(key: str, version: Version) -> str:
    kind = "DeleteMarker" if version.data is None else "Version"
    size = f"<Size>{len(version.data)}</Size>" if version.data is not None else ""
    return (
        f"<{kind}><Key>{quote(key)}</Key><VersionId>{version.id}</VersionId>{size}"
        f"<LastModified>{version.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></{kind}>"
    )


def refused(status: int, code: str) -> Sent:
    """Return an error response."""
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Sent(status, {"content-type": "application/xml"}, text.encode())


def _crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4)).decode()


def _element(xml: str, name: str) -> str:
    """Return the text of an element whose name begins so, unescaped."""
    found = re.search(rf"<{name}\w*>([^<]*)<", xml)
    return unescape(found[1]) if found else ""


def _xml(name: str, inside: str) -> Sent:
    text = f"<{name}>{inside}</{name}>"
    return Sent(200, {"content-type": "application/xml"}, text.encode())


def _body(request: AWSPreparedRequest, headers: Mapping[str, str]) -> bytes:
    """Return the body of a put, which botocore may send in chunks with a trailing checksum."""
    sent: Any = request.body
    data: bytes = sent if isinstance(sent, bytes) else sent.read()
    if hasattr(sent, "seek"):
        sent.seek(0)
    if "aws-chunked" not in headers.get("content-encoding", ""):
        return data
    return b"".join(_chunks(data))


def _chunks(data: bytes) -> Iterator[bytes]:
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            return
        yield data[:length]
        data = data[length + 2 :]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

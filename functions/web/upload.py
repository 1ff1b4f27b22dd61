"""File uploads by form: `multipart/form-data` with one part named `file`."""

import binascii
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from functions.web.request import Request
from shared.errors import Refused, TooLarge
from shared.import_job import shown_name

MAX_FORM = 4_500_000
"""Bytes; Lambda accepts 6 MB including the overhead of Base64."""
_MAX_HEADERS = 10
_EXTENDED_NAME = re.compile(
    rb"""filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s"]+)""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file."""

    file_name: str
    """The file name for people; never a path."""
    data: bytes

    @classmethod
    def of(cls, request: Request) -> Self:
        """Parse a form. Raises Refused if it is malformed or is not exactly one file."""
        form = _Form()
        parser = MultipartParser(
            _boundary(request.headers.get("content-type", "")),
            {
                "on_part_begin": form.begin_part,
                "on_header_field": form.read_header_name,
                "on_header_value": form.read_header_value,
                "on_header_end": form.end_header,
                "on_part_data": form.read_data,
                "on_end": form.end,
            },
            max_header_count=_MAX_HEADERS,
        )
        try:
            parser.write(_raw(request))
        except FormParserError as error:
            raise _broken(f"The form can't be read: {error}") from None
        if not form.ended:
            raise _broken("The form ends before its closing boundary")
        return cls(form.file_name(), b"".join(form.data))


@dataclass(slots=True)
class _Form:
    """The state of the form parser."""

    parts: int = 0
    ended: bool = False
    header_name: bytes = b""
    header_value: bytes = b""
    disposition: bytes = b""
    data: list[bytes] = field(default_factory=list)

    def begin_part(self) -> None:
        self.parts += 1
        if self.parts > 1:
            raise Refused(
                "one_file_only", "The form has more than one part; send one file at a time"
            )

    def read_header_name(self, data: bytes, start: int, end: int) -> None:
        self.header_name += data[start:end]

    def read_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def end_header(self) -> None:
        if self.header_name.lower() == b"content-disposition":
            self.disposition = self.header_value
        self.header_name = self.header_value = b""

    def read_data(self, data: bytes, start: int, end: int) -> None:
        self.data.append(data[start:end])

    def end(self) -> None:
        self.ended = True

    def file_name(self) -> str:
        """The file name in the part's header."""
        kind, options = parse_options_header(self.disposition.decode("latin-1"))
        name = shown_name(_decoded_name(self.disposition, options.get(b"filename", b"")))
        if kind != b"form-data" or options.get(b"name") != b"file" or not name:
            raise Refused(
                "file_required",
                "The form needs one part named file, with the name of the file",
                field="file",
            )
        return name


def _decoded_name(disposition: bytes, plain: bytes) -> str:
    """The file name of a part: `filename*` (RFC 8187) or `filename`, with encoded words decoded.

    .NET clients send both, and encode `filename` as in e-mail headers (RFC 2047).
    """
    if found := _EXTENDED_NAME.search(disposition):
        return unquote_to_bytes(found[2]).decode(found[1].decode(), "replace")
    if not plain:
        return _mail_name(disposition)
    name = plain.decode("utf-8", "replace")
    if name.startswith("=?") and name.endswith("?="):
        from email.header import decode_header, make_header  # noqa: PLC0415  # few names need it

        with suppress(ValueError, LookupError):
            return str(make_header(decode_header(name)))
    return name


def _mail_name(disposition: bytes) -> str:
    """A file name in the other ways of mail (RFC 2231): in several parts, quoted, any charset."""
    from email.message import Message  # noqa: PLC0415  # few names need it

    message = Message()
    message["Content-Disposition"] = disposition.decode("latin-1")
    return message.get_filename("")


def _boundary(content_type: str) -> bytes:
    try:
        kind, options = parse_options_header(content_type)
    except UnicodeError:
        kind, options = b"", {}
    if kind != b"multipart/form-data":
        sent = kind.decode("latin-1")[:100] or "of no type"
        raise Refused(
            "not_multipart",
            f"Send the file as multipart/form-data, in a part named file; this is {sent}",
        )
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise _broken("Content-Type must name the form's boundary, of 1 to 70 characters")
    return boundary


def _raw(request: Request) -> bytes:
    try:
        return request.raw_body(MAX_FORM)
    except TooLarge:
        raise TooLarge(
            "file_too_large",
            f"The file is larger than {MAX_FORM} bytes, the limit of a form:"
            " upload it with POST /api/v1/imports/",
        ) from None
    except (UnicodeError, binascii.Error):
        raise _broken("The form can't be read: it is not Base64") from None


def _broken(message: str) -> Refused:
    return Refused("invalid_multipart", message)

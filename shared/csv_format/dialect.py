"""The dialect of a CSV file, detected from its first bytes.

A quote opens only at the start of a field, `""` inside quotes is one quote, and any other quote is
a normal character. LF, CRLF and CR end a record outside quotes, in any mixture. A record whose
cells are all blank (`,,,` as spreadsheets write it) is skipped like a blank line: it is not a row,
but its line counts. Blank means empty or white space, including no-break spaces, on one line.
"""

import codecs
import io
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Literal

from pydantic import BaseModel

from shared.csv_format.encoding import (
    BOMS,
    BadFile,
    Encoding,
    EncodingScan,
    Position,
    newlines,
    not_text,
    undecodable,
)
from shared.csv_format.file_type import MAGIC
from shared.csv_format.header import (
    MAX_HEADER,
    NOT_MAPPED,
    OWN_COLUMNS,
    read_header,
    refuse_header,
)

DELIMITERS = (",", ";", "\t", "|")
HEAD = 4 * MAX_HEADER
"""Bytes from the start of a file that `detect` reads."""

_LINE_ENDS: dict[str, Literal["LF", "CRLF", "CR"]] = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
_SEP = re.compile(r'"?sep=([^\r\n"])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


class Dialect(BaseModel, frozen=True):
    """The format of a file, as detected from its first bytes; stored as the job's `detected`."""

    encoding: Encoding
    bom: bool
    delimiter: str
    line_end: Literal["LF", "CRLF", "CR"]
    sep_line: bool
    """Whether the first line is Excel's `sep=…`."""
    columns: tuple[str, ...]
    """The headers in the order and spelling of the file, trimmed; headers can be blank."""
    names: tuple[str, ...]
    """The column of each header: a known one, or otherwise the header in lower case.

    It is empty for a header that a mapping leaves out.
    """
    header_line: int
    body_start: int
    """Offset in bytes of the first record after the header."""
    body_line: int

    @property
    def original(self) -> tuple[int, ...]:
        """Positions of the headers that neither `failed.csv` nor `results.csv` has added."""
        return tuple(i for i, name in enumerate(self.names) if name not in OWN_COLUMNS)


def detect(
    head: bytes,
    *,
    required: Collection[str] = (),
    known: Collection[str] = (),
    encoding: Encoding | None = None,
    mapped: Mapping[str, str] = NOT_MAPPED,
) -> Dialect:
    """Detect the dialect of a file from `head`, the whole file or more than its first `HEAD` bytes.

    `required` and `known` are headers in lower case, and `mapped` is as for `matched`. `encoding`
    is the requested one; see the module `encoding`. If `head` is ASCII, the rest of the file
    decides. The delimiter is the one that yields most known headers, then most required ones, then
    most headers that are not blank, then the first of `DELIMITERS`. Raises BadFile.
    """
    for magic, seems in MAGIC:
        if magic.match(head):
            raise BadFile("not_text", f"this is not a CSV file; it seems to be {seems}.", line=1)
    bom, found = next(((mark, name) for mark, name in BOMS if head.startswith(mark)), (b"", None))
    if found is None:
        found = _scanned(head[:HEAD], encoding, whole=len(head) <= HEAD)
    return _dialect(head, bom, found, required, known, mapped)


def reread(
    head: bytes,
    dialect: Dialect,
    encoding: Encoding,
    *,
    required: Collection[str] = (),
    known: Collection[str] = (),
    mapped: Mapping[str, str] = NOT_MAPPED,
) -> Dialect:
    """Detect the dialect again, after the rest of the file has decided the encoding.

    Raises BadFile if the records would start at another position.
    """
    if encoding == dialect.encoding:
        return dialect
    again = _dialect(head, b"", encoding, required, known, mapped)
    if (again.delimiter, again.body_start) != (dialect.delimiter, dialect.body_start):
        message = f"the header can't be read as {encoding}; save the file as UTF-8."
        raise BadFile("undecodable", message, line=dialect.header_line)
    return again


def _scanned(head: bytes, requested: Encoding | None, *, whole: bool) -> Encoding:
    """The encoding of a file without a byte order mark, by its first bytes."""
    if (nul := head.find(b"\0")) >= 0:
        raise not_text(head.decode("latin-1"), nul, line=1)
    scan = EncodingScan(requested)
    with suppress(BadFile):  # the planner refuses the file, and can name the row
        scan.feed(head, lambda _: Position(1, None), final=whole)
    return scan.encoding


def _dialect(
    head: bytes,
    bom: bytes,
    encoding: Encoding,
    required: Collection[str],
    known: Collection[str],
    mapped: Mapping[str, str],
) -> Dialect:
    text = _decoded(head[len(bom) : HEAD], encoding, len(bom), whole=len(head) <= HEAD)
    sep = _SEP.match(text)
    if sep and sep[1] not in DELIMITERS:
        message = f"the delimiter {sep[1]!r} is not supported; use a comma, semicolon, tab or |."
        raise BadFile("unsupported_delimiter", message, line=1)
    above = sep.group() if sep else ""
    lines = list(io.StringIO(text[len(above) :], newline=""))
    known = list(dict.fromkeys((*known, *required)))
    found = [
        read_header(lines, delimiter, required, known, mapped)
        for delimiter in ((sep[1],) if sep else DELIMITERS)
    ]
    best = max(found, key=lambda header: header.score)
    header_line = best.line + bool(sep)
    refuse_header(best, required, known, header_line)
    return Dialect(
        encoding=encoding,
        bom=bool(bom),
        delimiter=best.delimiter,
        line_end=_LINE_ENDS.get(best.line_end, "LF"),
        sep_line=bool(sep),
        columns=tuple(best.columns),
        names=best.names,
        header_line=header_line,
        body_start=len(bom) + len((above + best.text).encode(encoding, "replace")),
        body_line=best.next_line + bool(sep),
    )


def _decoded(data: bytes, encoding: Encoding, before: int, *, whole: bool) -> str:
    """Decode the head of a file; `before` is the number of bytes skipped. Raises BadFile."""
    errors = "strict" if before else "replace"
    try:
        text = codecs.getincrementaldecoder(encoding)(errors).decode(data, whole)
    except UnicodeDecodeError as error:
        good = data[: error.start].decode(encoding).encode()
        byte = before + error.start
        raise undecodable(error, encoding, line=1 + newlines(good), byte=byte) from error
    if (nul := text.find("\0")) >= 0:
        raise not_text(text, nul, line=1)
    return text

"""The CSV format: what a file says about itself in its first bytes, and what a record is.

A quote opens only at the start of a field, `""` inside of quotes is one quote,
any other quote is a character like others. LF, CRLF and CR end a record outside of quotes, in any
mixture. A record whose cells are all blank (`,,,` as spreadsheets leave behind) is skipped like a
blank line: it is no row, but its line counts. Blank means empty or white space of any kind on one
line, no-break spaces included.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel

from shared.errors import Refused
from shared.values import FORMAT

type Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252"]

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 200
MAX_HEADER = 64 * 1024
"""Bytes of the header as UTF-8; `detect` wants to see four times as much."""
HEAD = 4 * MAX_HEADER
"""Bytes from the start of a file that `detect` looks at."""
REPORT_COLUMNS = ("_row", "_codes", "_messages")
"""What `failed.csv` adds to a file; an import ignores them and they do not count as columns."""

_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_ENDS: dict[str, Literal["LF", "CRLF", "CR"]] = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
_OFFICE = "a spreadsheet (save the sheet as CSV UTF-8)"
_PACKED = "a compressed file (unpack it and send the CSV file in it)"
MAGIC = (
    (re.compile(rb"PK\x03\x04.*?(\[Content_Types\]|xl/|opendocument)", re.DOTALL), _OFFICE),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), _OFFICE),
    (re.compile(rb"PK[\x03\x05]|\x1f\x8b|BZh[1-9]|7z\xbc\xaf|\xfd7zXZ|\x28\xb5\x2f\xfd"), _PACKED),
    (re.compile(rb"%PDF-"), "a PDF document (export the table as CSV)"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"), "a picture (export the table as CSV)"),
    (re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"), "text in UTF-32 (save it as UTF-8)"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", re.IGNORECASE), "a web page or XML"),
)
_SEP = re.compile(r'"?sep=([^\r\n"])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_AROUND = re.compile(rf"^(?:{FORMAT.pattern}|\s)+|(?:{FORMAT.pattern}|\s)+$")
_BLANK = re.compile(r"[^\S\r\n]+")
_RISKY = re.compile(r"(?!-[0-9]+(?:\.[0-9]+)?\Z)'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


class BadFile(Refused):
    """A file that is refused as a whole, before anything is written.

    Codes: `empty_file`, `not_text`, `undecodable`, `unsupported_delimiter`, `missing_header`,
    `duplicate_header`, `too_many_columns`, `header_too_long`, `record_too_long`,
    `field_too_long`, `unbalanced_quote`. `line` is the physical line in the file, from 1.
    """

    def __init__(self, code: str, message: str, *, line: int, field: str | None = None) -> None:
        super().__init__(code, f"Line {line}: {message}", field=field)
        self.line = line


class Dialect(BaseModel, frozen=True):
    """How a file is written, as detected from its first bytes; what `detected` shows and keeps."""

    encoding: Encoding
    bom: bool
    delimiter: str
    line_end: Literal["LF", "CRLF", "CR"]
    sep_line: bool
    """The first line is `sep=…`, as spreadsheets write it."""
    columns: tuple[str, ...]
    """The headers in their order and as they are written, trimmed; some may be blank."""
    header_line: int
    body_start: int
    """Byte at which the first record after the header starts."""
    body_line: int

    @property
    def names(self) -> tuple[str, ...]:
        """The headers as they are matched: without regard to case."""
        return tuple(column.casefold() for column in self.columns)

    @property
    def original(self) -> tuple[int, ...]:
        """Positions of the headers that were not added by a report of ours."""
        return tuple(i for i, name in enumerate(self.names) if name not in REPORT_COLUMNS)


def detect(
    head: bytes,
    *,
    required: Collection[str] = (),
    known: Collection[str] = (),
    encoding: Encoding | None = None,
) -> Dialect:
    """The dialect of a file that starts with `head`: the whole file, or more than `HEAD` bytes.

    `required` and `known` are headers, case-folded. `encoding` is the caller's choice; a byte
    order mark is stronger, and without either it is UTF-8. The delimiter is the one that finds
    most of the known headers, then of the required ones, then the most headers with a name, then
    the first of `DELIMITERS`.
    """
    for magic, seems in MAGIC:
        if magic.match(head):
            raise BadFile("not_text", f"this is not a CSV file; it seems to be {seems}.", line=1)
    mark, encoding = next(
        ((mark, name) for mark, name in _BOMS if head.startswith(mark)), (b"", encoding or "utf-8")
    )
    text = _decoded(head[len(mark) : HEAD], encoding, len(mark), whole=len(head) <= HEAD)
    sep = _SEP.match(text)
    if sep and sep[1] not in DELIMITERS:
        message = f"the delimiter {sep[1]!r} is not read; use a comma, semicolon, tab or |."
        raise BadFile("unsupported_delimiter", message, line=1)
    above = sep.group() if sep else ""
    lines = list(io.StringIO(text[len(above) :], newline=""))
    found = [
        _header(lines, delimiter, required, known)
        for delimiter in ((sep[1],) if sep else DELIMITERS)
    ]
    best = max(found, key=lambda header: header.score)
    header_line = best.line + bool(sep)
    columns = _columns(best, required, header_line)
    return Dialect(
        encoding=encoding,
        bom=bool(mark),
        delimiter=best.delimiter,
        line_end=_LINE_ENDS.get(best.line_end, "LF"),
        sep_line=bool(sep),
        columns=columns,
        header_line=header_line,
        body_start=len(mark) + len((above + best.text).encode(encoding)),
        body_line=best.next_line + bool(sep),
    )


def is_blank(fields: Sequence[str]) -> bool:
    """Whether all cells are empty or white space on one line: such a record is no row."""
    return not any(cell and not _BLANK.fullmatch(cell) for cell in fields)


def escape_formula(cell: str) -> str:
    """A cell that a spreadsheet will show and not run; exactly undone by `unescape_formula`.

    An apostrophe goes before `= + - @`, also in full width, tab and CR; a plain negative number is
    left alone.
    """
    return f"'{cell}" if _RISKY.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """The cell that `escape_formula` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def newlines(data: bytes, start: int = 0, end: int | None = None) -> int:
    """How many physical lines end in `data[start:end]`: LF, CRLF and CR, also inside of quotes."""
    end = len(data) if end is None else end
    found = data.count(b"\n", start, end)
    if data.find(b"\r", start, end) >= 0:
        pairs = data.count(b"\r\n", start, end) if found else 0
        found += data.count(b"\r", start, end) - pairs
    return found


def undecodable(error: UnicodeDecodeError, encoding: Encoding, *, line: int, byte: int) -> BadFile:
    """The refusal of bytes that the encoding does not know; `byte` counts from 0 in the file."""
    bad = error.object[error.start : error.start + 1].hex()
    advice = "; save it as UTF-8, or choose Windows-1252" if encoding == "utf-8" else ""
    return BadFile("undecodable", f"byte {byte} (0x{bad}) is not {encoding}{advice}.", line=line)


def not_text(text: str, nul: int, *, line: int) -> BadFile:
    """The refusal of text that holds a zero at `nul`, on this line."""
    seems = "UTF-16 without a byte order mark" if text.count("\0") * 3 > len(text) else "binary"
    message = f"there is a zero byte, so it is not text; it seems to be {seems}. Save it as UTF-8."
    return BadFile("not_text", message, line=line + newlines(text[:nul].encode()))


class _Header(NamedTuple):
    """The first record of a file, as it reads with one of the delimiters."""

    delimiter: str
    columns: list[str]
    """If it is `broken`, what its first line suggests, so that it can be told who meant it."""
    broken: bool
    """A quote in it is out of balance."""
    score: tuple[int, int, int]
    text: str
    """All of the file up to the end of the header."""
    line: int
    next_line: int
    line_end: str


def _decoded(data: bytes, encoding: Encoding, before: int, *, whole: bool) -> str:
    """The text of the head of a file; refused if it is none. `before` are the bytes skipped."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data, whole)
    except UnicodeDecodeError as error:
        good = data[: error.start].decode(encoding).encode()
        byte = before + error.start
        raise undecodable(error, encoding, line=1 + newlines(good), byte=byte) from error
    if (nul := text.find("\0")) >= 0:
        raise not_text(text, nul, line=1)
    return text


def _header(
    lines: list[str], delimiter: str, required: Collection[str], known: Collection[str]
) -> _Header:
    """The first record that is not blank, as it reads with this delimiter."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    fields: list[str] = []
    line, broken = 1, False
    try:
        while is_blank(fields):
            line = reader.line_num + 1
            fields = next(reader)
    except StopIteration:
        raise BadFile("empty_file", "the file is empty.", line=line) from None
    except csv.Error:
        broken = True
        fields = [cell.strip().strip('"') for cell in lines[line - 1].split(delimiter)]
    columns = [_name(cell) for cell in fields]
    names = {column.casefold() for column in columns if column}
    score = (len(names & {*known}), len(names & {*required}), sum(map(bool, columns)))
    last = lines[reader.line_num - 1]
    return _Header(
        delimiter=delimiter,
        columns=columns,
        broken=broken,
        score=score,
        text="".join(lines[: reader.line_num]),
        line=line,
        next_line=reader.line_num + 1,
        line_end=last[len(last.rstrip("\r\n")) :],
    )


def _name(cell: str) -> str:
    """A header without what surrounds it: blanks, invisible marks, quotes after a blank."""
    name = _AROUND.sub("", cell)
    if name is not cell and len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return _AROUND.sub("", unescape_formula(name))


def _columns(header: _Header, required: Collection[str], line: int) -> tuple[str, ...]:
    """The headers, if the file may be imported with them."""
    columns = header.columns
    long = len(header.text.encode()) > MAX_HEADER
    if header.broken and not (long and header.next_line - header.line == 1):
        message = "a quote in the header is not closed, or text follows its closing quote."
        raise BadFile("unbalanced_quote", message, line=line)
    named = [c for c in columns if c and c.casefold() not in REPORT_COLUMNS]
    if len(named) > MAX_COLUMNS:
        message = f"there are {len(named)} columns; at most {MAX_COLUMNS} are read."
        raise BadFile("too_many_columns", message, line=line)
    if long:
        message = f"the header does not end within {MAX_HEADER // 1024} KB."
        raise BadFile("header_too_long", message, line=line)
    names = [column.casefold() for column in columns]
    if twice := [c for c in columns if c and names.count(c.casefold()) > 1]:
        message = f"the header {twice[0]!r} is there more than once."
        raise BadFile("duplicate_header", message, line=line, field=twice[0])
    if missing := sorted(set(required).difference(names)):
        message = f"required headers are missing: {', '.join(missing)}."
        raise BadFile("missing_header", message, line=line, field=missing[0])
    return tuple(columns)

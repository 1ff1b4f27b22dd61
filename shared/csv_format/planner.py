"""The planner: one pass over a CSV file that validates all of it and cuts it into chunks.

A chunk is a record-aligned range of bytes. The pass is streaming: memory is bounded by `BLOCK` and
`MAX_RECORD`, regardless of the size of the file and of its parts.
"""

import codecs
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain

from pydantic import BaseModel

from shared.csv_format.block import MAX_FIELD, Block, certain
from shared.csv_format.dialect import HEAD, Dialect, detect, reread
from shared.csv_format.encoding import (
    BadFile,
    Encoding,
    EncodingScan,
    Position,
    newlines,
    not_text,
    undecodable,
)
from shared.csv_format.header import NOT_MAPPED
from shared.csv_format.reader import records

CHUNK_SIZE = 8 * 1024 * 1024
MAX_RECORD = 256 * 1024
BLOCK = 1024 * 1024
"""Bytes that are scanned at once."""
MOST_TOGETHER = 100
"""Rows that a chunk may have more, so that rows which belong together stay in one chunk."""


class Chunk(BaseModel, frozen=True):
    """A range of bytes of a file that contains whole records; `end` is exclusive."""

    start: int
    end: int
    rows: int
    first_row: int
    first_line: int
    sha256: str

    def is_intact(self, data: bytes) -> bool:
        """Whether these are the planned bytes; S3 does not verify ranged reads."""
        return hashlib.sha256(data).hexdigest() == self.sha256


class Plan(BaseModel, frozen=True):
    """A completely validated file: its dialect and its chunks."""

    dialect: Dialect
    chunks: tuple[Chunk, ...]
    """In order; blank lines at the end of the file can be outside of all chunks."""
    rows: int
    size: int


def plan(
    parts: Iterable[bytes],
    *,
    required: Collection[str] = (),
    known: Collection[str] = (),
    encoding: Encoding | None = None,
    mapped: Mapping[str, str] = NOT_MAPPED,
    chunk_size: int = CHUNK_SIZE,
    accept: Callable[[Dialect], None] = lambda _: None,
    together: str | None = None,
) -> Plan:
    """Validate a file, given in parts of any size, and cut it into chunks. Raises BadFile.

    A chunk ends with the first record that reaches `chunk_size` bytes (for UTF-16, half of it in
    UTF-8, so that the range has about `chunk_size` bytes). `required`, `known`, `encoding` and
    `mapped` are as for `detect`. `accept` can refuse the header before the rest is read.
    Up to `MOST_TOGETHER` consecutive rows with the same cell in the column `together`, if it is not
    blank, are in one chunk.
    """
    stream = iter(parts)
    head = b""
    while len(head) <= HEAD and (part := next(stream, None)) is not None:
        head += part
    columns = {"required": required, "known": known}
    dialect = detect(head, **columns, encoding=encoding, mapped=mapped)
    accept(dialect)
    cutter = _Cutter(dialect, chunk_size, head[: dialect.body_start], encoding, together)
    for part in chain((head[dialect.body_start :],), stream):
        for at in range(0, len(part), BLOCK):
            cutter.feed(part[at : at + BLOCK])
    found = cutter.finish()
    return Plan(
        dialect=reread(head[: HEAD + 1], dialect, found, **columns, mapped=mapped),
        chunks=cutter.chunks,
        rows=sum(chunk.rows for chunk in cutter.chunks),
        size=cutter.size,
    )


class _Cutter:
    """The state of the pass: the current chunk, and the record that is still incomplete.

    UTF-16 is converted to UTF-8; `size` and digests are of the file's bytes. Rows are counted for
    UTF-8 and for Windows-1252 until the encoding is known: the two have different white space, and
    therefore different blank records.
    """

    def __init__(
        self,
        dialect: Dialect,
        chunk_size: int,
        above: bytes,
        requested: Encoding | None,
        together: str | None,
    ) -> None:
        self.dialect = dialect
        self.group = dialect.names.index(together) if together in dialect.names else None
        """The column whose cells tell which rows stay together."""
        self.joining: tuple[str, int] | None = None
        """The cell of a group that a full chunk still takes, and how many more rows it has."""
        self.wide = dialect.encoding.startswith("utf-16")
        self.target = max(1, chunk_size // 2 if self.wide else chunk_size)
        self.decoder = codecs.getincrementaldecoder(dialect.encoding)()
        self.scan: EncodingScan | None = None
        self.carry = b""
        self.read = self.size = dialect.body_start
        self.line = dialect.body_line
        if not dialect.bom:
            self.scan = EncodingScan(requested)
            self.scan.feed(above, lambda at: Position(1 + newlines(above, 0, at), None))
        self.cut: list[tuple[Chunk, int]] = []
        """Chunks, with their rows in UTF-8, and the rows of each in Windows-1252."""
        self.chunks: tuple[Chunk, ...] = ()
        self._open()

    def _open(self) -> None:
        """Begin a chunk at the end of the previous one."""
        self.first_line, self.start = self.line, self.size
        self.rows = self.narrow_rows = self.filled = 0
        self.digest = hashlib.sha256()

    def feed(self, part: bytes) -> None:
        """Process the next part of the file."""
        self._take(self.carry + self._checked(part))

    def finish(self) -> Encoding:
        """Process the end of the file, and return its encoding; the last newline is optional."""
        self._checked(b"", final=True)
        self._take(self.carry, final=True)
        self._close()
        encoding = self.scan.encoding if self.scan else self.dialect.encoding
        self.chunks = tuple(_numbered(self.cut, narrow=encoding == "windows-1252"))
        return encoding

    def _checked(self, part: bytes, *, final: bool = False) -> bytes:
        """Validate that the part is text, and convert UTF-16 to UTF-8."""
        if self.scan:
            if b"\0" in part:
                text = part.decode("latin-1")
                raise not_text(text, text.find("\0"), line=self.line + newlines(self.carry))
            self.scan.feed(part, lambda at: self._place(self.carry + part[:at]), final=final)
            return part
        self.read += len(part)
        try:
            text = self.decoder.decode(part, final)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(self.dialect.encoding).encode()
            byte = self.read - len(error.object) + error.start
            line = self.line + newlines(self.carry + good)
            raise undecodable(error, self.dialect.encoding, line=line, byte=byte) from error
        if (nul := text.find("\0")) >= 0:
            raise not_text(text, nul, line=self.line + newlines(self.carry))
        return text.encode() if self.wide else part

    def _place(self, before: bytes) -> Position:
        """The position after `before`, which are the bytes after the last whole record."""
        block = Block(before, certain(before), self.dialect.delimiter)
        rows, _ = block.count(0, block.limit)
        rows += self.rows + sum(chunk.rows for chunk, _ in self.cut)
        return Position(self.line + newlines(before), rows + 1)

    def _take(self, data: bytes, *, final: bool = False) -> None:
        """Add the whole records in the data, and keep the rest for the next part."""
        size = len(data)
        if final and not data.endswith((b"\n", b"\r")):
            data += b"\n"
        end = len(data) if final else certain(data)
        block = Block(data, end, self.dialect.delimiter)
        self._check(block, final=final)
        start = 0
        while start < min(block.limit, size):
            stop = start
            if self.joining is None:
                stop = block.after(start + self.target - self.filled)
                if self.group is not None and self.filled + stop - start >= self.target:
                    self.joining = self._last_cell(block, stop), 0
            if self.joining is not None:
                stop = self._end_of_group(block, stop)
            self._add(block, start, stop, min(stop, size))
            start = stop
        self.carry = data[block.limit :]

    def _add(self, block: Block, start: int, stop: int, end: int) -> None:
        """Add whole records to the current chunk, and close it when it is full."""
        source: bytes | memoryview = memoryview(block.data)[start:end]
        if self.wide:
            source = str(source, "utf-8").encode(self.dialect.encoding)
        narrow = self.scan is not None and self.scan.encoding == "windows-1252"
        rows, lines = block.count(start, stop, narrow=narrow)
        self.rows += rows
        if self.scan and self.scan.may_turn and not narrow:
            rows, _ = block.count(start, stop, narrow=True)
        self.narrow_rows += rows
        self.line += lines
        self.filled += stop - start
        self.size += len(source)
        self.digest.update(source)
        if self.filled >= self.target and self.joining is None:
            self._close()

    def _end_of_group(self, block: Block, stop: int) -> int:
        """The end of the rows that stay with those before `stop`, or of the block."""
        while self.joining is not None and stop < block.limit:
            cell, more = self.joining
            end = block.after(stop + 1)
            is_joined = self._cell(block, stop, end) in (cell, None)
            if not cell or more >= MOST_TOGETHER or not is_joined:
                self.joining = None
            else:
                self.joining, stop = (cell, more + 1), end
        return stop

    def _last_cell(self, block: Block, stop: int) -> str:
        """The cell of the last record before `stop` that is not blank."""
        while stop > 0:
            start = block.before(stop - 1, 0)
            if (cell := self._cell(block, start, stop)) is not None:
                return cell
            stop = start
        return ""

    def _cell(self, block: Block, start: int, stop: int) -> str | None:
        """The cell of a record that tells to which rows it belongs; None for a blank record.

        Cells of equal bytes are equal.
        """
        plain = self.dialect.model_copy(update={"encoding": "latin-1"})
        for record in records(block.data[start:stop], plain, first_row=1, first_line=1):
            return record.fields[self.group or 0].strip()
        return None

    def _close(self) -> None:
        if self.rows or self.narrow_rows:
            chunk = Chunk(
                start=self.start,
                end=self.size,
                rows=self.rows,
                first_row=1,
                first_line=self.first_line,
                sha256=self.digest.hexdigest(),
            )
            self.cut.append((chunk, self.narrow_rows))
        self._open()

    def _check(self, block: Block, *, final: bool) -> None:
        """Raise BadFile for an unbalanced quote, an oversized cell or an oversized record."""
        data, opened = block.data, block.unclosed
        if block.torn >= 0:
            message = "a quote opens here and closes within a later line; is a quote missing?"
            raise self._refusal("unbalanced_quote", message, block, block.torn)
        if final and opened >= 0:
            message = "a quote opens here and is never closed."
            raise self._refusal("unbalanced_quote", message, block, opened)
        if opened >= 0 and len(data) - opened > MAX_FIELD:
            raise self._long_cell(block, opened, len(data))
        rest = len(data) if opened < 0 else opened
        for start, stop in chain(block.long_records(), ((block.limit, rest),)):
            if (field := block.long_field(start, stop)) is not None:
                raise self._long_cell(block, *field)
            if stop - start > MAX_RECORD:
                message = f"the record is longer than {MAX_RECORD // 1024} KB."
                raise self._refusal("record_too_long", message, block, start)

    def _long_cell(self, block: Block, start: int, stop: int) -> BadFile:
        """The error for an oversized cell; if it has several lines, a quote is missing."""
        if newlines(block.data, start, stop):
            message = f"a quote opens here and is not closed within {MAX_FIELD // 1024} KB."
            return self._refusal("unbalanced_quote", message, block, start)
        message = f"a cell is longer than {MAX_FIELD // 1024} KB."
        return self._refusal("field_too_long", message, block, start)

    def _refusal(self, code: str, message: str, block: Block, at: int) -> BadFile:
        return BadFile(code, message, line=self.line + newlines(block.data, 0, at))


def _numbered(cut: Iterable[tuple[Chunk, int]], *, narrow: bool) -> Iterator[Chunk]:
    """The chunks that have rows, with the number of their first rows."""
    first_row = 1
    for chunk, narrow_rows in cut:
        rows = narrow_rows if narrow else chunk.rows
        if rows:
            yield chunk.model_copy(update={"rows": rows, "first_row": first_row})
        first_row += rows

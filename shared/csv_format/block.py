"""Find the record boundaries in a block of a CSV file with C primitives.

`bytes.find` finds quotes, and one regular expression matches a run of quoted fields. Python code
runs only once per field that contains a newline and once per stray quote.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import NamedTuple

from shared.csv_format.encoding import newlines

MAX_FIELD = 64 * 1024
"""Bytes of one cell in the file, including its quotes."""
_QUOTE = ord('"')
_WIDE_BLANKS = (
    rb"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
)
"""Non-ASCII white space in UTF-8, as defined by `str.isspace`."""
_LONE_CR = re.compile(rb"\r(?!\n)")


class _Patterns(NamedTuple):
    opens: bytes
    """Bytes after which a quote opens a field."""
    run: re.Pattern[bytes]
    """Consecutive quoted fields without newlines, with short unquoted text between them.

    A doubled quote matches as the end of one field and the start of the next, which is equivalent.
    """
    quoted: re.Pattern[bytes]
    field: re.Pattern[bytes]
    blank: re.Pattern[bytes]
    """A blank record, from its start."""
    blank_first: bytes
    """Bytes that a blank record can start with."""
    blanks: re.Pattern[bytes]
    """Consecutive blank records."""
    after_lf: re.Pattern[bytes]
    """Consecutive blank records after an LF; the literal first byte makes the search fast."""
    after_any: re.Pattern[bytes]
    """Consecutive blank records after an LF or a lone CR."""


@cache
def _patterns(delimiter: str, *, narrow: bool) -> _Patterns:
    """The patterns for UTF-8, or, if `narrow`, for Windows-1252 and its one-byte no-break space."""
    mark = re.escape(delimiter.encode())
    quoted = rb'"[^"]*+(?:""[^"]*+)*+"'
    blank_bytes = bytes(set(b" \t\x0b\x0c\x1c\x1d\x1e\x1f") - set(delimiter.encode()))
    single = blank_bytes + (b"\xa0" if narrow else b"")
    space = b"[" + single + b"]" + (b"" if narrow else b"|" + _WIDE_BLANKS)
    empty = rb'(?:"(?:' + space + rb')*+"|(?:' + space + rb")*+)"
    if delimiter == "\t":  # inside quotes a tab is white space
        empty = rb'(?:"(?:\t|' + space + rb')*+"|(?:' + space + rb")*+)"
    blank = empty + rb"(?:" + mark + empty + rb")*+(?:\r\n|[\r\n])"
    blanks = rb"(?:" + blank + rb")++"
    return _Patterns(
        opens=delimiter.encode() + b"\r\n",
        run=re.compile(rb'(?:"[^"\r\n]*+"(?:[^"]{0,99}+(?<=[\r\n' + mark + rb"]))?+)*+"),
        quoted=re.compile(quoted),
        field=re.compile(rb"(?:" + quoted + rb")?+[^\r\n" + mark + rb"]*+"),
        blank=re.compile(blank),
        blank_first=delimiter.encode() + b'"\r\n' + single + b"\xc2\xe1\xe2\xe3",
        blanks=re.compile(blanks),
        after_lf=re.compile(rb"\n(" + blanks + rb")"),
        after_any=re.compile(rb"(?:\n|\r(?!\n))(" + blanks + rb")"),
    )


class Block:
    """Bytes of a file that start with a record, with the quoted newlines in them.

    `limit` is the end of the last whole record. `unclosed` is the position of a quote that is not
    closed before `end`; `torn` is the position of a quote that is closed within text on a later
    line. The bytes before `end` must be unambiguous: see `certain`.
    """

    def __init__(self, data: bytes, end: int, delimiter: str) -> None:
        self.data, self.delimiter = data, delimiter
        self.patterns = _patterns(delimiter, narrow=False)
        self.lone_cr = b"\r" in data and _LONE_CR.search(data) is not None
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.unclosed = self.torn = -1
        self._lex(end)
        self.limit = self.before(end if self.unclosed < 0 else self.unclosed, 0)

    def _lex(self, end: int) -> None:
        """Record the quoted fields that contain a newline, and the first unbalanced quote."""
        data, opens, run = self.data, self.patterns.opens, self.patterns.run
        at = data.find(b'"', 0, end)
        while at >= 0:
            if at and data[at - 1] not in opens:
                at = data.find(b'"', at + 1, end)
                continue
            fields = run.match(data, at, end)
            after = fields.end() if fields else at
            if after < end and data[after] == _QUOTE:
                field = self.patterns.quoted.match(data, after, end)
                if field is None:
                    self.unclosed = after
                    return
                self.starts.append(after)
                self.ends.append(field.end())
                if self.torn < 0 and data[field.end()] not in opens:
                    self.torn = after
                after = field.end()
            at = data.find(b'"', after, end)

    def before(self, at: int, start: int) -> int:
        """The last end of a record in `data[start:at]`, or `start`."""
        while at > start:
            found = self.data.rfind(b"\n", start, at)
            found = max(found, self.data.rfind(b"\r", max(found, start), at))
            if found < 0:
                break
            if (field := self._field(found)) >= 0:
                at = self.starts[field]
            elif self.data[found : found + 2] == b"\r\n":
                at = found
            else:
                return found + 1
        return start

    def after(self, at: int) -> int:
        """The first end of a record that is at `at` or later, at most `limit`."""
        while 0 < at < self.limit:
            found = self.data.find(b"\n", at - 1, self.limit)
            lone = self.data.find(b"\r", at - 1, self.limit if found < 0 else found)
            found = found if lone < 0 else lone
            if found < 0:
                break
            if (field := self._field(found)) >= 0:
                at = self.ends[field] + 1
            else:
                return found + (2 if self.data[found : found + 2] == b"\r\n" else 1)
        return self.limit

    def count(self, start: int, end: int, *, narrow: bool = False) -> tuple[int, int]:
        """Count rows and lines of whole records, in UTF-8 or, if `narrow`, Windows-1252."""
        patterns = _patterns(self.delimiter, narrow=narrow)
        fields = range(bisect_left(self.starts, start), bisect_left(self.starts, end))
        quoted = sum(newlines(self.data, self.starts[at], self.ends[at]) for at in fields)
        if self.lone_cr:
            lines = newlines(self.data, start, end)
            return lines - quoted - self._blanks(patterns, start, end), lines
        # CPython counts single bytes slowly; `readlines` uses memchr, which is three times faster.
        physical = BytesIO(self.data[start:end]).readlines()
        first, blank = patterns.blank_first, patterns.blank
        if any(line[0] in first and blank.match(line) for line in physical):
            return len(physical) - quoted - self._blanks(patterns, start, end), len(physical)
        return len(physical) - quoted, len(physical)

    def _field(self, at: int) -> int:
        """The index of the quoted field with a newline that contains this position, or -1."""
        field = bisect_right(self.starts, at) - 1
        return field if field >= 0 and at < self.ends[field] else -1

    def _blanks(self, patterns: _Patterns, start: int, end: int) -> int:
        """Count the blank records, each of which is one physical line."""
        first = patterns.blanks.match(self.data, start, end)
        found = newlines(self.data, start, first.end()) if first else 0
        pattern = patterns.after_any if self.lone_cr else patterns.after_lf
        for run in pattern.finditer(self.data, first.end() - 1 if first else start, end):
            if self._field(run.start()) < 0:
                found += newlines(self.data, run.start(1), run.end())
        return found

    def long_records(self) -> Iterator[tuple[int, int]]:
        """The whole records that are long enough to contain an oversized field."""
        start = 0
        while self.limit - start > MAX_FIELD:
            stop = self.before(start + MAX_FIELD, start)
            if stop == start:
                stop = self.after(start + MAX_FIELD)
                yield start, stop
            start = stop

    def long_field(self, start: int, stop: int) -> tuple[int, int] | None:
        """The position of a record's first oversized cell, or None."""
        while stop - start > MAX_FIELD:
            field = self.patterns.field.match(self.data, start, stop)
            end = field.end() if field else stop
            if end - start > MAX_FIELD:
                return start, end
            start = end + 1
        return None


def certain(data: bytes) -> int:
    """The length of the data whose meaning does not depend on what follows it.

    Excluded are a CR and quotes at the end.
    """
    if data.endswith(b'"'):
        return len(data.rstrip(b'"'))
    return len(data) - data.endswith(b"\r")

"""Where records end in a piece of a CSV file, found by C primitives.

`bytes.find` looks for quotes, one regular expression takes a whole run of quoted fields. Python
runs once per field that holds a newline and once per stray quote.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import NamedTuple

from shared.csv_format.encoding import newlines

MAX_FIELD = 64 * 1024
"""Bytes of one cell as it stands in the file, with its quotes."""
_QUOTE = ord('"')
_WIDE_BLANKS = (
    rb"\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
)
"""White space beyond ASCII as it is in UTF-8: what `str.isspace` says."""
_LONE_CR = re.compile(rb"\r(?!\n)")


class _Patterns(NamedTuple):
    opens: bytes
    """Bytes after which a quote opens a field."""
    run: re.Pattern[bytes]
    """Quoted fields without newlines, one after the other, and short unquoted text between them.

    A doubled quote reads as the end of one and the start of the next, which comes to the same.
    """
    quoted: re.Pattern[bytes]
    field: re.Pattern[bytes]
    blank: re.Pattern[bytes]
    """A record that is no row, from its start."""
    blank_first: bytes
    """What such a record starts with."""
    blanks: re.Pattern[bytes]
    """As many of them as follow one another."""
    after_lf: re.Pattern[bytes]
    """The same after an LF; a literal first byte makes the search quick."""
    after_any: re.Pattern[bytes]
    """The same after an LF or a lone CR."""


@cache
def _patterns(delimiter: str, *, narrow: bool) -> _Patterns:
    """For UTF-8, or for the `narrow` Windows-1252, where a no-break space is one byte."""
    mark = re.escape(delimiter.encode())
    quoted = rb'"[^"]*+(?:""[^"]*+)*+"'
    blank_bytes = bytes(set(b" \t\x0b\x0c\x1c\x1d\x1e\x1f") - set(delimiter.encode()))
    single = blank_bytes + (b"\xa0" if narrow else b"")
    space = b"[" + single + b"]" + (b"" if narrow else b"|" + _WIDE_BLANKS)
    empty = rb'(?:"(?:' + space + rb')*+"|(?:' + space + rb")*+)"
    if delimiter == "\t":  # inside of quotes a tab is a blank
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
    """A piece of a file that starts with a record, and where it has newlines inside of quotes.

    `limit` is the end of its last whole record. `unclosed` is where a quote opens that is not
    closed before `end`, `torn` where one opens that is closed on a later line amid text. What
    stands before `end` must mean the same whatever follows the data.
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
        """Note quoted fields that hold a newline, and the first quote out of balance."""
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
        """Rows and physical lines of whole records, read as UTF-8 or as the `narrow` 1252."""
        patterns = _patterns(self.delimiter, narrow=narrow)
        fields = range(bisect_left(self.starts, start), bisect_left(self.starts, end))
        quoted = sum(newlines(self.data, self.starts[at], self.ends[at]) for at in fields)
        if self.lone_cr:
            lines = newlines(self.data, start, end)
            return lines - quoted - self._blanks(patterns, start, end), lines
        # One byte is counted slowly by CPython: `readlines` finds it by memchr, three times faster.
        physical = BytesIO(self.data[start:end]).readlines()
        first, blank = patterns.blank_first, patterns.blank
        if any(line[0] in first and blank.match(line) for line in physical):
            return len(physical) - quoted - self._blanks(patterns, start, end), len(physical)
        return len(physical) - quoted, len(physical)

    def _field(self, at: int) -> int:
        """Which of the quoted fields that hold a newline this is in, or -1."""
        field = bisect_right(self.starts, at) - 1
        return field if field >= 0 and at < self.ends[field] else -1

    def _blanks(self, patterns: _Patterns, start: int, end: int) -> int:
        """Records that are no rows; each of them is one physical line."""
        first = patterns.blanks.match(self.data, start, end)
        found = newlines(self.data, start, first.end()) if first else 0
        pattern = patterns.after_any if self.lone_cr else patterns.after_lf
        for run in pattern.finditer(self.data, first.end() - 1 if first else start, end):
            if self._field(run.start()) < 0:
                found += newlines(self.data, run.start(1), run.end())
        return found

    def long_records(self) -> Iterator[tuple[int, int]]:
        """Whole records that are long enough to hold a field that is too long."""
        start = 0
        while self.limit - start > MAX_FIELD:
            stop = self.before(start + MAX_FIELD, start)
            if stop == start:
                stop = self.after(start + MAX_FIELD)
                yield start, stop
            start = stop

    def long_field(self, start: int, stop: int) -> tuple[int, int] | None:
        """Where the first cell of a record is that is too long."""
        while stop - start > MAX_FIELD:
            field = self.patterns.field.match(self.data, start, stop)
            end = field.end() if field else stop
            if end - start > MAX_FIELD:
                return start, end
            start = end + 1
        return None


def certain(data: bytes) -> int:
    """How much of the data means the same whatever follows: not a last CR nor the last quotes."""
    if data.endswith(b'"'):
        return len(data.rstrip(b'"'))
    return len(data) - data.endswith(b"\r")

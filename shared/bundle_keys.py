"""Find the license keys of bundle rows in a file, before any row is written.

Rows without `license__bundle_key` create no license of a bundle. They share its key and can be in
different batches: a batch that has only a member's row would create a separate license.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from pydantic import TypeAdapter, ValidationError

from shared.csv_format.dialect import Dialect
from shared.csv_format.planner import Chunk
from shared.csv_format.reader import Record
from shared.values import Code, LicenseKey

_WORD = re.compile(rb"[A-Za-z0-9._-]+")
"""Each occurrence of a code of these characters is a whole match, except in UTF-16."""
_FEW = 5
"""Up to so many codes, searching for each one is faster than matching all words."""
_CODE: TypeAdapter[str] = TypeAdapter(Code)
_KEY: TypeAdapter[str] = TypeAdapter(LicenseKey)


class Mentions:
    """Records which parts of a file can contain one of the product codes, from the bytes alone."""

    def __init__(self, codes: Collection[str], *, may_convert: bool = False) -> None:
        """With `may_convert`, rows can have codes that the file's bytes do not have."""
        self.codes = frozenset(codes)
        self._wanted = {code.encode() for code in self.codes}
        self.is_sure = not may_convert and all(map(_WORD.fullmatch, self._wanted))
        self._overlap = 2 * max(map(len, self._wanted), default=0)
        self._end, self._tail = 0, b""
        self._found: list[tuple[int, int]] = []

    def feed(self, part: bytes) -> None:
        """Process the next part of the file."""
        start, self._end = self._end - len(self._tail), self._end + len(part)
        if not self.is_sure or not self._wanted:
            return
        data = self._tail + part
        self._tail = data[-self._overlap :]
        if self._has_any(data):
            self._found.append((start, self._end))

    def _has_any(self, data: bytes) -> bool:
        is_wide = b"\0" in data
        if is_wide or len(self._wanted) <= _FEW:
            text = data.replace(b"\0", b"") if is_wide else data
            return any(code in text for code in self._wanted)
        return not self._wanted.isdisjoint(_WORD.findall(data))

    def may_be_in(self, chunk: Chunk, codes: Collection[str]) -> bool:
        """Whether a chunk can contain one of these codes."""
        if not self.is_sure or not self.codes.issuperset(codes):
            return True
        return any(start < chunk.end and chunk.start < end for start, end in self._found)


def bundle_keys(rows: Iterable[Record], dialect: Dialect, codes: Collection[str]) -> Iterator[str]:
    """The license keys of rows of products with these codes.

    Rows with errors count too, because the rows of the bundle's members are not separate licenses.
    """
    product, key = map(dialect.names.index, ("product__short_code", "license__license_key"))
    for row in rows:
        if _code(row.fields[product]) in codes and (found := _key(row.fields[key])):
            yield found


@lru_cache(maxsize=1_000)
def _code(cell: str) -> str | None:
    return _read(_CODE, cell)


def _key(cell: str) -> str | None:
    return _read(_KEY, cell)


def _read(kind: TypeAdapter[str], cell: str) -> str | None:
    try:
        return kind.validate_python(cell)
    except ValidationError:
        return None
